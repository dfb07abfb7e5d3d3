"""What a service that the local AWS lacks would answer is made up of its model, so that what follows can be tried."""

import json
from typing import Any

import boto3
import botocore.parsers
import botocore.session
import pytest

from trials.local_aws import LocalAws, unserved


def test_the_service_is_the_one_that_a_request_was_signed_for() -> None:
    signed = "AWS4-HMAC-SHA256 Credential=test/20261123/eu-west-1/rekognition/aws4_request, SignedHeaders=host"
    assert (unserved.scope_of(signed), unserved.scope_of("Bearer x")) == ("rekognition", "")


@pytest.mark.parametrize(
    ("service", "target", "method", "path", "operation"),
    [
        ("rekognition", "RekognitionService.DetectLabels", "POST", "/", "DetectLabels"),
        ("mediaconvert", "", "POST", "/2017-08-29/jobs", "CreateJob"),
        ("mediaconvert", "", "GET", "/2017-08-29/jobs/j-1", "GetJob"),
        ("textract", "", "POST", "/service/Textract/operation/DetectDocumentText", "DetectDocumentText"),
        ("polly", "", "POST", "/v1/speech", "SynthesizeSpeech"),
        ("rekognition", "RekognitionService.NoSuchCall", "POST", "/", ""),
        ("nothing", "Nothing.Asks", "POST", "/", ""),
        ("mobiletargeting", "", "POST", "/v1/apps/a/messages", "SendMessages"),
        ("lex", "", "POST", "/bots/b/botAliases/a/botLocales/en_US/sessions/s/text", "RecognizeText"),
    ],
)
def test_an_operation_is_known_by_its_target_or_its_path(
    service: str, target: str, method: str, path: str, operation: str
) -> None:
    made = unserved.answer(service, target, method, path)
    assert (made[0] if made else "") == operation


def content(service: str, target: str) -> Any:
    made = unserved.answer(service, target, "POST", "/")
    assert made
    return json.loads(made[2])


def test_an_answer_has_the_form_of_the_model_names_no_other_page_and_says_of_a_job_that_it_is_done() -> None:
    labels = content("rekognition", "RekognitionService.DetectLabels")["Labels"]
    assert (labels[0]["Name"], type(labels[0]["Confidence"])) == ("trial", int)

    job = content("textract", "Textract.GetDocumentAnalysis")
    assert job["JobStatus"] == "SUCCEEDED"
    assert "NextToken" not in job


def test_an_answer_s_maps_have_the_keys_of_a_map_that_was_asked_with() -> None:
    asked = {"Addresses": {"+15555550100": {"ChannelType": "SMS"}}, "MessageConfiguration": {}}
    made = unserved.answer("mobiletargeting", "", "POST", "/v1/apps/a/messages", json.dumps(asked).encode())
    assert made
    assert json.loads(made[2])["Result"]["+15555550100"]["MessageId"] == "trial"


def test_the_address_that_a_service_tells_of_itself_is_one_at_which_calls_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unserved, "home", "http://127.0.0.1:4566")
    made = unserved.answer("mediaconvert", "", "POST", "/2017-08-29/endpoints")

    assert made
    assert json.loads(made[2])["endpoints"] == [{"url": "http://127.0.0.1:4566"}]


def test_what_a_service_is_asked_to_do_is_kept_with_the_key_by_which_it_knows_a_repeat() -> None:
    job = {"clientRequestToken": "order-1", "jobTemplate": "t"}

    (kept,) = unserved.sent("mediaconvert", "CreateJob", json.dumps(job).encode())

    assert kept == {"service": "mediaconvert", "operation": "CreateJob", "key": "order-1", "request": job}
    lexicon = unserved.sent("comprehend", "CreateEntityRecognizer", b'{"RecognizerName": "orders"}')
    assert lexicon[0]["key"] == "orders"
    assert unserved.sent("mobiletargeting", "SendMessages", b'{"Addresses": {}}')[0]["service"] == "pinpoint"
    assert unserved.sent("rekognition", "DetectLabels", b"{}") == []


def test_the_names_that_requests_are_signed_for_are_those_of_the_models() -> None:
    own = botocore.session.Session().get_service_model("pinpoint").metadata
    assert unserved.services_of(own["signingName"]) == ["pinpoint"]
    assert unserved.services_of("monitoring") == ["cloudwatch"]
    assert unserved.services_of("rekognition") == ["rekognition"]


def test_newer_clients_are_answered_in_the_form_that_they_ask_for() -> None:
    made = unserved.answer("textract", "", "POST", "/service/Textract/operation/GetDocumentAnalysis")
    assert made
    assert made[1] == "application/cbor"
    parser = botocore.parsers.create_parser("smithy-rpc-v2-cbor")
    shape = unserved.model_of("textract").operation_model("GetDocumentAnalysis").output_shape
    read = parser.parse({"status_code": 200, "headers": {"smithy-protocol": "rpc-v2-cbor"}, "body": made[2]}, shape)
    assert (read["JobStatus"], read["Blocks"][0]["Page"]) == ("SUCCEEDED", 1)
    assert unserved.cbor({"a": [True, 300, "x" * 30]}) == b"\xa1\x61a\x83\xf5\x19\x01\x2c\x78\x1e" + b"x" * 30


def test_a_model_says_what_the_trials_let_it_say_and_else_what_the_local_aws_makes_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unserved, "says", "")
    assert unserved.chat({"model": "claude", "messages": []}) == {}

    unserved.chat({"text": '{"total": 1}'})

    assert unserved.chat({"model": "claude", "messages": []})["choices"][0]["message"]["content"] == '{"total": 1}'
    assert unserved.chat({"text": ""}) == {}


def test_a_model_s_answer_can_be_read_as_those_of_three_families() -> None:
    made = unserved.answer("bedrock-runtime", "", "POST", "/model/amazon.nova-lite-v1:0/invoke")
    assert made
    body = json.loads(made[2])

    assert made[:2] == ("InvokeModel", "application/json")
    texts = (
        body["content"][0]["text"],
        body["results"][0]["outputText"],
        body["output"]["message"]["content"][0]["text"],
    )
    assert texts == ("trial",) * 3


@pytest.mark.e2e
def test_an_operation_that_the_local_aws_lacks_is_answered_by_its_model_and_counts_as_done() -> None:
    step = {"WorkflowId": "w-0123456789abcdef0", "ExecutionId": "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "Token": "t"}
    with LocalAws(faults=True) as local:
        transfer = boto3.Session("a", "b", region_name="us-east-1").client(
            "transfer", endpoint_url=local.function_endpoint
        )

        transfer.send_workflow_step_state(**step, Status="SUCCESS")

        assert local.made_up() == ["transfer SendWorkflowStepState"]
        (sent,) = local.sent()
        assert (sent["service"], sent["request"]["Status"]) == ("transfer", "SUCCESS")
        with pytest.raises(transfer.exceptions.ResourceNotFoundException):  # which is the service's own refusal
            transfer.describe_server(ServerId="s-0123456789abcdef0")
