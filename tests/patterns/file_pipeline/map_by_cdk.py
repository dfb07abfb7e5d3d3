"""The map over a list by CDK's own constructs, which write the reader, the writer and the permissions of themselves."""

from typing import Any

from aws_cdk import App, Stack
from aws_cdk.assertions import Template
from aws_cdk.aws_s3 import Bucket
from aws_cdk.aws_stepfunctions import (
    CsvHeaders,
    DefinitionBody,
    DistributedMap,
    JsonPath,
    Pass,
    ResultWriter,
    S3CsvItemReader,
    StateMachine,
    StateMachineType,
)


def resources(ours: dict[str, Any]) -> dict[str, Any]:
    """The resources of a stack whose map has our limits."""
    stack = Stack(App(), "S")
    files = Bucket.from_bucket_name(stack, "Files", "files")
    rows = DistributedMap(
        stack,
        "Rows",
        label="Rows",
        item_reader=S3CsvItemReader(
            bucket=files, key=JsonPath.string_at("$.file"), csv_headers=CsvHeaders.use_first_row()
        ),
        result_writer=ResultWriter(bucket=files, prefix="results"),
        map_execution_type=StateMachineType.EXPRESS,
        max_concurrency=ours["MaxConcurrency"],
        tolerated_failure_percentage=ours["ToleratedFailurePercentage"],
    )
    rows.item_processor(Pass(stack, "KeepPrice"))
    StateMachine(stack, "ImportPrices", definition_body=DefinitionBody.from_chainable(rows))
    made: dict[str, Any] = Template.from_stack(stack).to_json()["Resources"]
    return made
