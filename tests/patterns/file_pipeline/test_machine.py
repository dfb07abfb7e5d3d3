"""A list runs row by row within bounds, nothing can set off itself, and whatever fails is kept and told."""

import json
import re
from importlib import import_module
from typing import Any

import pytest

from support.documents import ROOT
from support.executions import Run, execute
from support.handlers import event, references
from support.simulated import Request, decisions, resolved
from support.templates import findings
from trials.local_aws import LocalAws
from trials.template import read_template

FOLDER = ROOT / "examples" / "file_pipeline"
DEFINITION = json.loads((FOLDER / "statemachine.asl.json").read_text())
RESOURCES = read_template(FOLDER / "template.yaml")["Resources"]
ROWS = DEFINITION["States"]["Rows"]
KEEP = ROWS["ItemProcessor"]["States"]["KeepPrice"]
REFUSED = {"refused": "no price"}
GIVEN = {"list": "acme.csv", "version": "A", "file": "checked/acme.csv/A", "correlation_id": "c-1"}
TRANSIENT = [  # Lambda's own, as AWS recommends to retry, then what our code raises
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "States.Timeout",
    "States.TaskFailed",
    "ProvisionedThroughputExceededException",
]


def run(count: int, *answers: Any) -> Run:
    """An execution over `count` rows, one after the other, that the calls of KeepPrice answer so; then with `{}`.

    Rows are given in the input, for no S3 is there to read them from.
    """
    definition = json.loads(re.sub(r"\$\{(\w+)\}", r"\1", json.dumps(DEFINITION)))
    rows = definition["States"]["Rows"]
    del rows["ItemReader"]
    rows |= {"ItemsPath": "$.rows", "MaxConcurrency": 1}
    found = [{"sku": f"mug-{number}", "cents": "990", "currency": "EUR"} for number in range(count)]
    return execute(definition, {**GIVEN, "rows": found}, {"KeepPrice": [*answers, {}]})


def test_each_row_comes_with_the_list_its_version_and_the_correlation_id() -> None:
    done = run(3)

    assert done.status == "SUCCEEDED"
    assert [payload["row"]["sku"] for _, payload in done.calls] == ["mug-0", "mug-1", "mug-2"]
    assert all(
        payload == {"row": payload["row"], "list": "acme.csv", "version": "A", "correlation_id": "c-1"}
        for _, payload in done.calls
    )


@pytest.mark.parametrize(("rows", "ends"), [(20, "SUCCEEDED"), (19, "FAILED")])
def test_a_list_survives_one_refused_row_in_twenty_and_no_more(rows: int, ends: str) -> None:
    tried = run(rows, REFUSED)

    assert (tried.status, len(tried.calls)) == (ends, rows)
    assert tried.error == ("" if ends == "SUCCEEDED" else "States.ExceedToleratedFailureThreshold")


@pytest.mark.parametrize("error", TRANSIENT)
def test_a_fault_that_passes_costs_one_more_attempt_and_no_row(error: str) -> None:
    done = run(1, error)

    assert (done.status, done.tries("KeepPrice")) == ("SUCCEEDED", 2)


def test_a_row_that_is_refused_is_not_tried_again() -> None:
    assert run(1, REFUSED).tries("KeepPrice") == 1


def test_all_attempts_of_a_row_end_within_the_five_minutes_of_an_express_execution() -> None:
    (retry,) = KEEP["Retry"]
    delays = [min(retry["BackoffRate"] ** n, retry["MaxDelaySeconds"]) for n in range(retry["MaxAttempts"])]

    assert retry["ErrorEquals"] == ["States.ALL"]
    assert sum(delays) >= 60, "seconds of an outage that are outlasted for certain"
    assert KEEP["TimeoutSeconds"] * (1 + retry["MaxAttempts"]) + sum(delays) < 300
    assert RESOURCES["KeepPrice"]["Properties"]["Timeout"] < KEEP["TimeoutSeconds"]


@pytest.mark.parametrize(
    ("mistake", "found"),
    [({}, 0), ({"ItemReader": []}, 1), ({"ResultWriter": []}, 1), ({"Arguments": {}}, 1)],
    ids=["none", "reader", "writer", "JSONata"],
)
def test_the_definition_is_valid(mistake: dict[str, Any], found: int, tmp_path: Any) -> None:
    definition = {**DEFINITION, "States": {"Rows": {**ROWS, **mistake}}}
    properties = {"RoleArn": "arn:aws:iam::123456789012:role/any", "Definition": definition}
    machine = {"Resources": {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}}
    (template := tmp_path / "template.json").write_text(json.dumps(machine))

    of_the_service = [rule for each in findings(template) if (rule := each.split()[0])[1] != "9"]  # 9 is ours
    assert of_the_service == ["E3601"] * found


@pytest.fixture(scope="module")
def of_cdk() -> dict[str, Any]:
    """Loaded only here: to load CDK takes seconds, which every process of the quick round would spend."""
    made: dict[str, Any] = import_module("patterns.file_pipeline.map_by_cdk").resources(ROWS)
    return made


@pytest.mark.e2e
def test_the_map_is_what_cdk_s_own_construct_writes(of_cdk: dict[str, Any]) -> None:
    """MiniStack passes over `ResultWriter`, and no schema on this machine looks into it."""
    (machine,) = [each for each in of_cdk.values() if each["Type"] == "AWS::StepFunctions::StateMachine"]
    parts = machine["Properties"]["DefinitionString"]["Fn::Join"][1]
    written = json.loads("".join(each if isinstance(each, str) else "aws" for each in parts))["States"]["Rows"]
    ours = json.loads(json.dumps(ROWS).replace("${Files}", "files"))

    assert written["ItemProcessor"]["ProcessorConfig"] == ours["ItemProcessor"]["ProcessorConfig"]
    same = ("ItemReader", "ResultWriter", "Label", "MaxConcurrency", "ToleratedFailurePercentage")
    assert {key: ours[key] for key in same} == {key: written[key] for key in same}


@pytest.mark.e2e
def test_the_machine_may_do_what_cdk_s_own_construct_asks_for(of_cdk: dict[str, Any]) -> None:
    policies = [each["Properties"] for each in of_cdk.values() if each["Type"] == "AWS::IAM::Policy"]
    asked = {
        action
        for each in policies
        for statement in each["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    }
    ours = RESOURCES["ImportPrices"]["Properties"]["Policies"][0]["Statement"]
    ours = [*ours, *RESOURCES["RunRows"]["Properties"]["PolicyDocument"]["Statement"]]
    allowed_actions = {
        action
        for each in ours
        if each["Resource"] != "*"
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }

    assert asked
    assert allowed_actions == {*asked, "lambda:InvokeFunction"}


# Who may do what, decided by the local AWS's evaluator of policies.

EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:import"
NAMES = {
    **{"Incoming.Arn": "arn:aws:s3:::incoming", "Files.Arn": "arn:aws:s3:::files"},
    **{"ImportPrices": "arn:aws:states:us-east-1:123456789012:stateMachine:import", "ImportPrices.Name": "import"},
    **{"KeepPrice.Arn": "arn:aws:lambda:us-east-1:123456789012:function:keep", "Prices.Arn": "arn:aws:dynamodb:t"},
    **{"AWS::Partition": "aws", "AWS::Region": "us-east-1", "AWS::AccountId": "123456789012"},
}
WRITES = ["s3:PutObject", "s3:PutObjectTagging", "s3:DeleteObject", "s3:AbortMultipartUpload"]
ROLES = ["CheckFile", "KeepPrice", "ImportPrices"]


def allowed(role: str, *requests: tuple[str, str]) -> list[bool]:
    policies = [*RESOURCES[role]["Properties"]["Policies"]]
    if role == "ImportPrices":
        policies.append(RESOURCES["RunRows"]["Properties"]["PolicyDocument"])
    documents = [{"Version": "2012-10-17", "Statement": resolved(each["Statement"], NAMES)} for each in policies]
    asked = [Request(action, resource) for action, resource in requests]
    return [each == "Allow" for each in decisions(documents, asked)]


@pytest.mark.parametrize("role", ROLES)
def test_nothing_of_ours_may_write_where_a_file_sets_something_off(role: str) -> None:
    assert not any(allowed(role, *((action, "arn:aws:s3:::incoming/a.csv") for action in WRITES)))
    watched = RESOURCES["CheckFile"]["Properties"]["Events"]["Uploaded"]["Properties"]["Pattern"]["detail"]["bucket"]
    assert watched == {"name": [{"Ref": "Incoming"}]}
    assert "NotificationConfiguration" not in RESOURCES["Files"]["Properties"]


def test_only_the_check_reads_what_was_uploaded_and_it_can_tell_missing_from_forbidden() -> None:
    read = ("s3:GetObject", "arn:aws:s3:::incoming/a.csv")

    assert {role: allowed(role, read) for role in ROLES} == {
        "CheckFile": [True],
        "KeepPrice": [False],
        "ImportPrices": [False],
    }
    assert allowed("CheckFile", ("s3:ListBucket", "arn:aws:s3:::incoming")) == [True]


def test_the_check_writes_its_two_prefixes_and_the_machine_reads_only_what_was_checked() -> None:
    places = [f"arn:aws:s3:::files/{where}/a" for where in ("checked", "quarantine", "results")]

    assert allowed("CheckFile", *(("s3:PutObject", place) for place in places)) == [True, True, False]
    assert allowed("ImportPrices", *(("s3:GetObject", place) for place in places)) == [True, False, True]
    assert allowed("ImportPrices", *(("s3:PutObject", place) for place in places)) == [False, False, True]


def test_the_machine_may_run_and_redrive_its_rows_and_write_their_results_in_parts() -> None:
    parts = ("s3:ListMultipartUploadParts", "s3:AbortMultipartUpload")
    wanted = [(action, "arn:aws:s3:::files/results/a") for action in parts]
    wanted += [("states:StartExecution", NAMES["ImportPrices"]), ("lambda:InvokeFunction", NAMES["KeepPrice.Arn"])]
    wanted += [(f"states:{verb}Execution", f"{EXECUTION}:e") for verb in ("Describe", "Stop")]
    wanted += [("states:RedriveExecution", f"{EXECUTION}/{ROWS['Label']}:e")]

    assert allowed("ImportPrices", *wanted) == [True] * len(wanted)
    assert allowed("CheckFile", ("states:StartExecution", NAMES["ImportPrices"])) == [True]


# What becomes of what was set aside, and who hears of it.


@pytest.mark.parametrize("prefix", ["checked/", "quarantine/", "results/"])
def test_whatever_is_kept_ends_after_somebody_could_act(prefix: str) -> None:
    rules = RESOURCES["Files"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (rule,) = [each for each in rules if each.get("Prefix") == prefix]

    assert rule["Status"] == "Enabled"
    assert 14 < rule["ExpirationInDays"] <= 90, "a redrive is possible for 14 days"


@pytest.mark.parametrize("bucket", ["Incoming", "Files"])
def test_an_upload_that_never_completes_is_ended(bucket: str) -> None:
    rules = RESOURCES[bucket]["Properties"]["LifecycleConfiguration"]["Rules"]
    found = [each["AbortIncompleteMultipartUpload"] for each in rules if "AbortIncompleteMultipartUpload" in each]

    assert found == [{"DaysAfterInitiation": 1}]


@pytest.mark.parametrize("bucket", ["Incoming", "Files"])
def test_both_buckets_are_encrypted_and_refuse_what_comes_without_tls(bucket: str) -> None:
    (rule,) = RESOURCES[bucket]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    (deny,) = RESOURCES[f"TlsOnly{bucket}"]["Properties"]["PolicyDocument"]["Statement"]

    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert RESOURCES[f"TlsOnly{bucket}"]["Properties"]["Bucket"] == {"Ref": bucket}
    assert (deny["Effect"], deny["Action"], deny["Principal"]) == ("Deny", "s3:*", "*")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": False}}
    assert references(deny["Resource"]) == {bucket}
    assert len(deny["Resource"]) == 2, "the bucket, and its objects"


@pytest.mark.parametrize(
    ("changed", "matched"),
    [
        ({}, True),
        ({"reason": "CompleteMultipartUpload"}, True),
        ({"reason": "CopyObject"}, True),
        ({"bucket": {"name": "files"}}, False),
    ],
    ids=str,
)
def test_every_new_object_of_that_bucket_is_checked_and_of_no_other(
    aws: LocalAws, changed: dict[str, Any], matched: bool
) -> None:
    pattern = json.loads(
        json.dumps(RESOURCES["CheckFile"]["Properties"]["Events"]["Uploaded"]["Properties"]["Pattern"])
    )
    pattern["detail"]["bucket"]["name"] = ["Incoming"]
    whole = event(FOLDER)
    told = json.dumps({**whole, "detail": {**whole["detail"], **changed}})

    assert aws.client("events").test_event_pattern(EventPattern=json.dumps(pattern), Event=told)["Result"] == matched


def test_what_the_rule_or_the_function_gives_up_is_kept_in_the_queue() -> None:
    check = RESOURCES["CheckFile"]["Properties"]
    rule = check["Events"]["Uploaded"]["Properties"]
    (admits,) = [
        each
        for each in RESOURCES["UncheckedPolicy"]["Properties"]["PolicyDocument"]["Statement"]
        if each["Effect"] == "Allow"
    ]

    assert references(rule["DeadLetterConfig"]["Arn"]) == {"Unchecked"}
    assert rule["RetryPolicy"] == {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86_400}
    assert references(check["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"]) == {"Unchecked"}
    assert (admits["Principal"], admits["Action"]) == ({"Service": "events.amazonaws.com"}, "sqs:SendMessage")
    assert references(admits["Condition"]["ArnEquals"]["aws:SourceArn"]) == {"CheckFileUploaded"}
    assert RESOURCES["Unchecked"]["Properties"]["MessageRetentionPeriod"] == 14 * 86_400


@pytest.mark.parametrize(
    ("alarm", "metric", "of"),
    [
        ("NotChecked", "ApproximateNumberOfMessagesVisible", {"Unchecked"}),
        ("FailedLists", "ExecutionsFailed", {"ImportPrices"}),
        ("SetAside", "FileRefused", set()),
        ("RefusedRows", "RowRefused", set()),
    ],
)
def test_one_of_each_is_enough_for_an_alarm(alarm: str, metric: str, of: set[str]) -> None:
    told = RESOURCES[alarm]["Properties"]

    assert (told["MetricName"], told["Threshold"], told["EvaluationPeriods"]) == (metric, 0, 1)
    assert (told["ComparisonOperator"], told["AlarmActions"]) == ("GreaterThanThreshold", [{"Ref": "AlarmTopicArn"}])
    assert references(told["Dimensions"]) == of
    assert of or told["Dimensions"] == [{"Name": "service", "Value": "prices"}]
