"""An API that calls a service itself: what it reads, sends and answers, by API Gateway's documented rules."""
# ruff: noqa: E501, a resource of a template is easier to read on one line

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench.test_own import run

from trials.integrations import oddities
from trials.integrations.calling import Answered, Backend, Sent, Unmapped, made, prepared, replied
from trials.integrations.mapping import NoJson, Untold, rendered
from trials.integrations.requests import END, Request, naming
from trials.integrations.requests import made as made_request
from trials.integrations.trying import Trying
from trials.moment import MILLISECONDS
from trials.project import sources
from trials.project.integrations import grown, leaves, named_by_caller, planted, way
from trials.project.source import Call, Kind, Route, Source
from trials.template import Model, read_template
from trials.verdicts import Promise, Verdict, integrations
from trials.wiring import wiring

HERE = Path(__file__).parent
POST = Request(
    "POST", "/jobs/7", {"id": "7"}, {"k": "v"}, {"content-type": "application/json", "x-tenant": "a"}, '{"n": 1}'
)
SEND = Call("sqs", "SendMessage", {})
START = Call("states", "StartExecution", {})
FORM = {"integration.request.header.Content-Type": "'application/x-www-form-urlencoded'"}
QUEUE = {"uri": "arn:aws:apigateway:us-east-1:sqs:path/123456789012/jobs", "requestParameters": FORM}
MACHINE = {"uri": "arn:aws:apigateway:us-east-1:states:action/StartExecution"}


def listed(case: str) -> list[Source]:
    return sources(read_template(HERE / case / "template.yaml"), HERE / case)


def test_each_form_of_an_integration_is_a_way_with_its_end() -> None:
    found = {(str(each), str(each.call)) for each in listed("right/api_into_services") if each.kind is Kind.ROUTE}

    assert found == {
        ("route POST /work → Jobs", "sqs:SendMessage"),
        ("route POST /told → Told", "sns:Publish"),
        ("route GET /notes/{id} → Notes", "dynamodb:GetItem"),
        ("route POST /jobs → Jobs", "sqs:SendMessage"),
        ("route POST /events/{source} → Bus", "events:PutEvents"),
        ("route POST /readings → Readings", "kinesis:PutRecord"),
        ("route POST /runs → Flow", "states:StartExecution"),
        ("route POST /flows → Flow", "states:StartExecution"),
    }


def test_what_deployment_makes_of_a_way_is_found_again_as_it_was_written() -> None:
    (way, *_) = (each for each in listed("right/api_into_services") if each.name == "Api.post /work")
    assert way.call
    kept = planted([way])["TrialsWayApipostwork"]["Properties"]["RequestParameters"]
    whole = grown(kept)

    assert whole["responses"]["4\\d{2}"] == {"statusCode": "400"}
    assert whole["uri"] == way.call.body["uri"]
    assert dict(leaves({"a": {"b.c": {"Ref": "X"}}, "d": None})) == {"a\nb.c": {"Ref": "X"}}


@pytest.mark.parametrize(
    ("entry", "end"),
    [("", "default"), (', "EventBusName": "default"', "default"), (', "EventBusName": "elsewhere"', ""), (', "EventBusName": "${Bus}"', "Bus")],
)  # fmt: skip
def test_an_event_without_a_bus_ends_on_the_default_one(entry: str, end: str) -> None:
    template = {"Fn::Sub": f'{{ "Entries": [{{ "Source": "a"{entry} }}] }}'}
    body = {
        "uri": "arn:aws:apigateway:us-east-1:events:action/PutEvents",
        "requestTemplates": {"application/json": template},
    }
    found = way(Model({"Resources": {"Bus": {"Type": "AWS::Events::EventBus"}}}), "W", "Api", Route("POST", "/"), body)

    assert (found.function if found else "") == end


@pytest.mark.parametrize(
    ("resources", "name", "end"),
    [
        (["S"], "$input.params('stream-name')", "S"),
        (["S", "T"], "$input.params('stream-name')", ""),
        (["S"], "other", ""),
    ],
)
def test_the_only_stream_is_the_end_of_a_way_whose_caller_names_it(resources: list[str], name: str, end: str) -> None:
    streams = Model({"Resources": {each: {"Type": "AWS::Kinesis::Stream"} for each in resources}})
    body = {
        "uri": "arn:aws:apigateway:us-east-1:kinesis:action/PutRecord",
        "requestTemplates": {"application/json": f'{{ "StreamName": "{name}", "Data": "YQ==" }}'},
    }
    route = Route("PUT", "/streams/{stream-name}")
    found = way(streams, "W", "Api", route, body)

    assert (found.function if found else "") == end
    asked = naming(made_request(route, body), named_by_caller(body))
    assert asked.path_parameters["stream-name"] == (END if "params" in name else "1")


@pytest.mark.parametrize(("more", "end"), [({}, "default"), ({"EventBusName": {"Ref": "BusName"}}, "")])
def test_a_first_class_integration_names_its_bus_by_a_parameter(more: dict[str, Any], end: str) -> None:
    body = {
        "integrationSubtype": "EventBridge-PutEvents",
        "requestParameters": {"Source": "a", "DetailType": "b", "Detail": "{}", **more},
    }
    found = way(Model({"Resources": {}}), "W", "Api", Route("POST", "/"), body)

    assert (found.function if found else "") == end


# ---- what is sent


@pytest.mark.parametrize(
    ("template", "body", "text"),
    [
        ("$input.body", "{not JSON", "{not JSON"),
        ("$input.json('$.a')$input.path('$.b.c')", '{"a": "x", "b": {"c": "y"}}', '"x"y'),
        ("$input.params('id')$input.params('k')$input.params('X-Tenant')", "{}", "7va"),
        ("$input.params().path.get('id')$input.path('$.gone')", "{}", "7"),
        (
            "#set($all = $input.path('$'))#foreach($e in $all.rows)$e.n#if($foreach.hasNext),#end#end",
            '{"rows": [{"n": 1}, {"n": 2}]}',
            "1,2",
        ),
        ("$util.escapeJavaScript($input.json('$'))", '{"n": "O\'Brien"}', '{\\"n\\":\\"O\\\'Brien\\"}'),
        (
            """$util.escapeJavaScript($input.json('$')).replaceAll("\\\\'","'")""",
            '{"n": "O\'Brien"}',
            '{\\"n\\":\\"O\'Brien\\"}',
        ),
        ("$util.urlEncode($input.json('$'))", '{"n": "a&b"}', "%7B%22n%22%3A%22a%26b%22%7D"),
        ("$util.base64Encode($input.path('$.n'))", '{"n": "ab"}', "YWI="),
        ("$util.escapeJavaScript('ü')", "{}", "\\u00FC"),
    ],
)
def test_a_template_makes_of_a_request_what_api_gateway_does(template: str, body: str, text: str) -> None:
    assert rendered(template, body, POST).text == text


def test_a_template_may_override_headers_and_the_status() -> None:
    made_of = rendered(
        '#set($context.requestOverride.header.X-Amz-Target = "AWSEvents.PutEvents")#set($context.responseOverride.status = 502)',
        "{}",
        POST,
    )

    assert made_of.headers == {"X-Amz-Target": "AWSEvents.PutEvents"}
    assert made_of.status == 502


def test_a_body_that_a_template_reads_must_be_json() -> None:
    with pytest.raises(NoJson):
        rendered("$input.json('$')", "{not", POST)
    with pytest.raises(Untold, match="JSONPath"):
        rendered("$input.path('$..n')", "{}", POST)


@pytest.mark.parametrize(
    ("behaviour", "kind", "refused"),
    [
        ("NEVER", "text/plain", True),
        ("WHEN_NO_TEMPLATES", "text/plain", True),
        ("WHEN_NO_MATCH", "text/plain", False),
        ("NEVER", "application/json", False),
    ],
)
def test_a_content_type_without_a_template_passes_only_where_it_may(behaviour: str, kind: str, refused: bool) -> None:
    written = {
        **QUEUE,
        "passthroughBehavior": behaviour,
        "requestTemplates": {"application/json": "Action=SendMessage"},
    }
    request = Request("POST", "/", headers={"content-type": kind}, body="x")
    if refused:
        with pytest.raises(Unmapped):
            prepared(SEND, written, request)
    else:
        assert prepared(SEND, written, request).path == "/123456789012/jobs"


def test_parameters_come_from_where_the_integration_says() -> None:
    more = {
        "integration.request.querystring.Tenant": "method.request.header.X-Tenant",
        "integration.request.header.A": "'b'",
    }
    sent = prepared(SEND, {**QUEUE, "requestParameters": {**FORM, **more}}, POST)

    assert (sent.query, sent.headers["a"], sent.is_form) == ({"Tenant": "a"}, "b", True)


@pytest.mark.parametrize("call", [SEND, Call("events", "PutEvents", {})])
def test_a_call_that_names_no_action_is_not_made(call: Call) -> None:
    sent = Sent("/", {}, {"content-type": "application/json"}, "Action=SendMessage&MessageBody=x")

    with pytest.raises(Untold, match="names no action"):
        made(None, call, sent)  # type: ignore[arg-type]


def test_a_call_that_is_no_json_is_refused_as_the_service_would() -> None:
    sent = Sent("/", {}, {"x-amz-target": "AWSStepFunctions.StartExecution"}, '{"input": "O\\\'Brien"}')

    assert made(None, START, sent).status == 400  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("subtype", "call", "parameters", "sent"),
    [
        ("SQS-SendMessage", "SendMessage", {"QueueUrl": "q", "MessageBody": "$request.body"}, {"QueueUrl": "q", "MessageBody": '{"n": 1}'}),
        ("EventBridge-PutEvents", "PutEvents", {"Source": "shop.$request.path.id", "DetailType": "${request.header.X-Tenant}", "Detail": "$request.body"}, {"Entries": [{"Source": "shop.7", "DetailType": "a", "Detail": '{"n": 1}'}]}),
        ("Kinesis-PutRecord", "PutRecord", {"StreamName": "s", "Data": "$request.body.n", "PartitionKey": "$request.querystring.k"}, {"StreamName": "s", "Data": "1", "PartitionKey": "v"}),
        ("StepFunctions-StartExecution", "StartExecution", {"StateMachineArn": "m", "Input": "$request.body"}, {"stateMachineArn": "m", "input": '{"n": 1}'}),
    ],
)  # fmt: skip
def test_a_first_class_integration_sends_its_parameters(subtype: str, call: str, parameters: Any, sent: Any) -> None:
    services = {"SendMessage": "sqs", "PutEvents": "events", "PutRecord": "kinesis", "StartExecution": "states"}
    asked = Call(services[call], call, {"integrationSubtype": subtype})
    made_of = prepared(asked, {"requestParameters": parameters}, POST)

    assert json.loads(made_of.body) == sent
    assert made_of.headers["x-amz-target"].endswith(f".{call}")


def test_what_a_first_class_integration_lacks_is_not_guessed() -> None:
    asked = Call("sqs", "SendMessage", {"integrationSubtype": "SQS-SendMessage"})
    with pytest.raises(Untold, match="MessageBody"):
        prepared(asked, {"requestParameters": {"QueueUrl": "q", "MessageBody": "$request.body.gone"}}, POST)


def test_a_request_that_is_made_up_holds_what_the_integration_reads() -> None:
    template = """#set($all = $input.path('$')) "N": "$input.path('$.count')" $all.name $input.params('k') $input.params('id') #foreach($e in $all.rows)$e.email#end"""
    request = made_request(Route("POST", "/jobs/{id}", "1.0"), {"requestTemplates": {"application/json": template}})

    assert (request.path, request.query) == ("/jobs/1", {"k": "trial-1"})
    assert json.loads(request.body) == {"count": 1, "name": "trial-1", "rows": [{"email": "trial@example.com"}]}


def test_an_event_whose_detail_is_no_json_object_is_refused_under_200() -> None:
    entries = [{"Detail": "trial-1"}, {"Detail": '{"id": 1}'}, {"Source": "shop"}]
    sent = Sent("/", {}, {"x-amz-target": "AWSEvents.PutEvents"}, json.dumps({"Entries": entries}))
    backend = made(None, Call("events", "PutEvents", {}), sent)  # type: ignore[arg-type]

    assert (backend.status, backend.refuses) == (200, True)
    assert json.loads(backend.body)["FailedEntryCount"] == 1


def test_an_execution_does_not_start_with_what_is_no_json() -> None:
    sent = Sent("/", {}, {"x-amz-target": "AWSStepFunctions.StartExecution"}, json.dumps({"input": "{not"}))

    assert made(None, START, sent).status == 400  # type: ignore[arg-type]


def test_a_message_to_a_websocket_api_has_no_content_type_and_its_client_no_status() -> None:
    template = '{ "Item": { "id": { "S": "$context.connectionId" }, "ttl": { "N": "$ttl" }, "text": { "S": "$input.path(\'$.text\')" } } }'
    written = {
        "uri": "arn:aws:apigateway:us-east-1:dynamodb:action/PutItem",
        "requestTemplates": {"$default": f"#set($ttl = $context.requestTimeEpoch + 1){template}"},
    }
    call = Call("dynamodb", "PutItem", {"mute": True})
    message = made_request(Route("", "say", websocket=True), written)
    item = json.loads(prepared(call, written, message).body)["Item"]

    assert json.loads(message.body) == {"action": "say", "id": "trial-1", "text": "trial-1"}
    assert (item["id"]["S"], item["ttl"]["N"]) == ("L0SM9cOFvHcCIhw=", str(MILLISECONDS + 1))
    assert made_request(Route("", "$connect", websocket=True), written).body == ""
    assert not replied(call, written, message, Backend(400, "")).status_told


# ---- what is answered


ONLY_ONE = {"responses": {"default": {"statusCode": "200"}}}
EACH_CLASS = {
    "responses": {"default": {"statusCode": "202"}, "4\\d{2}": {"statusCode": "400"}, "5\\d{2}": {"statusCode": "502"}}
}


@pytest.mark.parametrize(
    ("integration", "backend", "status"),
    [
        (ONLY_ONE, 400, 200),
        (EACH_CLASS, 400, 400),
        (EACH_CLASS, 503, 502),
        (EACH_CLASS, 200, 202),
        ({"responses": {"200": {"statusCode": "200"}, "400": {"statusCode": "400"}}}, 500, 500),  # none takes it
        (
            {
                "responses": {
                    "2..": {
                        "statusCode": "200",
                        "responseTemplates": {"application/json": "#set($context.responseOverride.status = 409)"},
                    }
                }
            },
            200,
            409,
        ),
    ],
)
def test_the_response_whose_pattern_takes_the_whole_status_is_chosen(
    integration: Any, backend: int, status: int
) -> None:
    assert replied(SEND, integration, POST, Backend(backend, "{}")).status == status


def test_an_http_api_tells_the_status_of_a_refusal_only_where_it_is_mapped() -> None:
    call = Call("sqs", "SendMessage", {"integrationSubtype": "SQS-SendMessage"})
    mapped = {
        "responseParameters": {
            "400": {"ResponseParameters": {"0": {"Destination": "overwrite:statuscode", "Source": "200"}}}
        }
    }

    assert replied(call, mapped, POST, Backend(400, "")).status == 200
    assert replied(call, mapped, POST, Backend(400, "")).status_told
    assert not replied(call, {}, POST, Backend(400, "")).status_told


# ---- odd texts


def found_by(call: Call, integration: dict[str, Any], body: str = '{"id": "trial-1"}') -> list[str]:
    found = []
    for odd in oddities.odd_texts(body, integration):
        sent, safe = (prepared(call, integration, Request("POST", "/", body=each)) for each in (odd.body, odd.safe))
        if oddities.broken_out(safe, sent, odd.text):
            found.append(f"{odd.name} in {odd.field}")
    return found


@pytest.mark.parametrize(
    ("call", "integration", "template", "found"),
    [
        (SEND, QUEUE, "Action=SendMessage&MessageBody=$input.body", ["an ampersand in note", "a plus and a per cent sign in note"]),
        (SEND, QUEUE, "Action=SendMessage&MessageBody=$util.urlEncode($input.body)", []),
        (SEND, QUEUE, "Action=SendMessage&MessageBody=$util.urlEncode($input.json('$'))", []),
        (START, MACHINE, '{"input": "$util.escapeJavaScript($input.json(\'$\'))"}', ["an apostrophe in note"]),
        (START, MACHINE, """{"input": "$util.escapeJavaScript($input.json('$')).replaceAll("\\\\'","'")"}""", []),
        (START, MACHINE, """{"input": "{\\"a\\": $input.json('$.id')}"}""", []),
    ],
)  # fmt: skip
def test_texts_that_a_template_does_not_encode_are_found(
    call: Call, integration: Any, template: str, found: list[str]
) -> None:
    assert found_by(call, {**integration, "requestTemplates": {"application/json": template}}) == found


def test_a_text_in_quotes_breaks_out_of_the_call_s_json() -> None:
    template = '{ "Item": { "text": { "S": "$input.path(\'$.text\')" } } }'
    integration = {
        "uri": "arn:aws:apigateway:us-east-1:dynamodb:action/PutItem",
        "requestTemplates": {"application/json": template},
    }

    assert found_by(Call("dynamodb", "PutItem", {}), integration, '{"text": "trial-1"}') == [
        "a quotation mark in text",
        "a line break in text",
    ]


def test_what_is_read_is_left_out_unless_a_validator_asks_for_it() -> None:
    template = "$input.path('$.a') $input.params('k') $input.params('X-Tenant') $input.params('id')"
    integration = {"requestTemplates": {"application/json": template}}
    request = Request("POST", "/jobs/7", {"id": "7"}, {"k": "v"}, {"X-Tenant": "a"}, '{"a": 1}')

    def left_out(**body: Any) -> list[str]:
        return [what for what, _ in oddities.lacking(request, Call("sqs", "SendMessage", body), integration)]

    assert left_out() == [
        "a body without the fields that are read",
        "a request without 'X-Tenant'",
        "a request without 'k'",
    ]
    assert left_out(requires=["k"], validates=True) == ["a request without 'X-Tenant'"]


def test_a_field_that_holds_no_prose_is_left_as_it_is() -> None:
    template = (
        '{ "Entries": [{ "DetailType": "$input.path(\'$.eventType\')", "Source": "$input.path(\'$.source\')",'
        ' "Time": "$input.path(\'$.datetime\')" }] }'
    )
    integration = {
        "uri": "arn:aws:apigateway:us-east-1:events:action/PutEvents",
        "requestTemplates": {"application/json": template},
    }

    body = '{"eventType": "a", "source": "b", "datetime": "2026-11-23T08:00:00Z"}'

    assert found_by(Call("events", "PutEvents", {}), integration, body) == []


# ---- verdicts


def told(status: int, backend: int | None = None, body: str = "", known: bool = True) -> Answered:
    return Answered(status, body, Backend(backend, body) if backend else None, None, known)


def test_only_what_came_at_the_end_or_was_read_holds() -> None:
    send, read = (
        Source(Kind.ROUTE, "Jobs", "W", route=Route("POST", "/"), call=Call("sqs", action, {}))
        for action in ("SendMessage", "GetItem")
    )

    assert integrations.once("queue Jobs", send, POST, told(200, 200), [{"n": 1}], own=False).verdict is Verdict.HELD
    assert integrations.once("queue Jobs", send, POST, told(200, 200), [], own=False).verdict is Verdict.UNPROVED
    assert (
        integrations.once("queue Jobs", send, POST, told(500, 200), [{"n": 1}], own=False).verdict is Verdict.UNPROVED
    )
    assert integrations.once("queue Jobs", send, POST, told(200, 400), [], own=False).verdict is Verdict.UNPROVED
    assert integrations.once("queue Jobs", send, POST, told(400), [], own=True).verdict is Verdict.UNPROVED
    assert integrations.once("table T", read, POST, told(200, 200), [], own=False).verdict is Verdict.HELD


@pytest.mark.parametrize(
    ("judgement", "promise"),
    [
        (integrations.refused([told(200, 400), told(200, 500)]), Promise.SILENT),
        (integrations.refused([told(400, 400), told(200, 500)]), Promise.SILENT),
        (integrations.refused([told(400, 400), told(500, 500)]), Verdict.HELD),
        (integrations.refused([told(400, 400, known=False)]), Verdict.UNPROVED),
        (integrations.no_json("queue Jobs", told(400), []), Verdict.HELD),
        (integrations.no_json("queue Jobs", told(200, 200), ["{not"]), Verdict.UNPROVED),
        (integrations.no_json("queue Jobs", told(200, 400), []), Promise.SILENT),
        (integrations.no_json("bus Bus", told(200, 200, '{"FailedEntryCount": 1}'), []), Verdict.UNPROVED),
        (integrations.broken_out("queue Jobs", "an ampersand", "note", told(200, 200), ["{"]), Promise.LOST),
        (integrations.broken_out("queue Jobs", "an ampersand", "note", told(200, 400), []), Promise.SILENT),
        (integrations.broken_out("queue Jobs", "an ampersand", "note", told(400, 400), []), Promise.BLOCKED),
        (integrations.lacking("queue Jobs", [("a", told(400, 400), []), ("b", told(200, 400), [])]), Promise.SILENT),
        (integrations.lacking("queue Jobs", [("a", told(400, 400), []), ("b", told(200, 200), ["x"])]), Verdict.UNPROVED),
        (integrations.lacking("queue Jobs", [("a", told(400, 400), []), ("b", told(400), [])]), Verdict.HELD),
        (integrations.partly(told(200, 200, "{}")), Promise.LOST),
        (integrations.partly(told(200, 200, '{"FailedEntryCount": 1}')), Verdict.UNPROVED),
        (integrations.partly(told(502, 200)), Verdict.HELD),
        (integrations.failed_execution(told(200, 200, '{"status": "FAILED"}')), Verdict.UNPROVED),
        (integrations.failed_execution(told(200, 200, "{}")), Promise.SILENT),
        (integrations.failed_execution(told(500, 200)), Verdict.HELD),
    ],
)  # fmt: skip
def test_a_failure_that_the_caller_cannot_see_is_broken(judgement: Any, promise: Any) -> None:
    assert promise in (judgement.promise, judgement.verdict)


# ---- who may


ROLE = """
  Calls:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: { Statement: [{ Effect: Allow, Principal: { Service: %s }, Action: sts:AssumeRole }] }
      Policies: [{ PolicyName: a, PolicyDocument: { Statement: [{ Effect: Allow, Action: %s, Resource: !GetAtt Jobs.Arn }] } }]
"""
METHOD = """
Resources:
  Jobs: { Type: AWS::SQS::Queue }
  Api: { Type: AWS::ApiGateway::RestApi }
  Send:
    Type: AWS::ApiGateway::Method
    Properties:
      HttpMethod: POST
      RestApiId: !Ref Api
      Integration: { Type: AWS, Uri: !Sub "arn:aws:apigateway:us-east-1:sqs:path/1/${Jobs.QueueName}", RequestTemplates: { application/json: Action=SendMessage }%s }
"""
POLICY = """
  Admit:
    Type: AWS::SQS::QueuePolicy
    Properties: { Queues: [!Ref Jobs], PolicyDocument: { Statement: [{ Effect: Allow, Principal: { Service: apigateway.amazonaws.com }, Action: sqs:SendMessage, Resource: !GetAtt Jobs.Arn }] } }
"""
BY_ROLE = ", Credentials: !GetAtt Calls.Arn"


ANSWERS = """
Resources:
  Flow:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/elsewhere
      Definition: { StartAt: Ask, States: { Ask: { Type: Task, Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken", End: true } } }
  Other:
    Type: AWS::StepFunctions::StateMachine
    Properties: { RoleArn: arn:aws:iam::123456789012:role/elsewhere, Definition: { StartAt: End, States: { End: { Type: Succeed } } } }
  Api: { Type: AWS::ApiGateway::RestApi, Properties: { Name: answers } }
  Calls:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: { Statement: [{ Effect: Allow, Principal: { Service: apigateway.amazonaws.com }, Action: sts:AssumeRole }] }
      Policies: [{ PolicyName: a, PolicyDocument: { Statement: [{ Effect: Allow, Action: states:SendTask*, Resource: "*" }] } }]
  Approve:
    Type: AWS::ApiGateway::Method
    Properties:
      HttpMethod: GET
      AuthorizationType: NONE
      RestApiId: !Ref Api
      ResourceId: !GetAtt Api.RootResourceId
      Integration:
        Type: AWS
        IntegrationHttpMethod: POST
        Uri: !Sub arn:aws:apigateway:${AWS::Region}:states:action/SendTaskSuccess
        Credentials: !GetAtt Calls.Arn
        RequestTemplates: { application/json: '{"output": "{\\"decision\\": \\"approve\\"}", "taskToken": "$input.params(''token'')"}' }
        IntegrationResponses: [{ StatusCode: "200", ResponseTemplates: { application/json: "{}" } }, { StatusCode: "400", SelectionPattern: '[45]..' }]
"""


def test_an_answer_to_a_task_ends_at_the_machine_that_waits_for_one(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(ANSWERS)
    template = Model(read_template(tmp_path / "template.yaml"))
    (answer,) = (each for each in sources(template.body, tmp_path) if each.call)

    assert (str(answer), str(answer.call)) == ("route GET / → Flow", "states:SendTaskSuccess")
    assert list(wiring(template, answer)) == []


def test_of_several_machines_that_wait_for_answers_none_is_meant(tmp_path: Path) -> None:
    waiting = "lambda:invoke.waitForTaskToken"
    written = ANSWERS.replace(
        "End: { Type: Succeed }", f'End: {{ Type: Task, Resource: "arn:aws:states:::{waiting}" }}'
    )
    (tmp_path / "template.yaml").write_text(written)

    assert [each for each in sources(read_template(tmp_path / "template.yaml"), tmp_path) if each.call] == []


@pytest.mark.parametrize(
    ("template", "token"),
    [
        ('{"taskToken": "$input.params(\'token\')"}', "t-1"),
        ('{"taskToken": ""}', "no token"),
        ("no JSON", "no token"),
        ('{"taskToken": "$util.nobodyKnows()"}', "no token"),
    ],
)
def test_the_token_of_a_request_is_what_its_call_hands_over(template: str, token: str) -> None:
    trying = Trying.__new__(Trying)
    trying.call, trying.request = Call("states", "SendTaskSuccess", {}), replace(POST, query={"token": "t-1"})
    uri = "arn:aws:apigateway:us-east-1:states:action/SendTaskSuccess"
    trying.integration = {"uri": uri, "requestTemplates": {"application/json": template}}

    assert trying.token() == token


@pytest.mark.e2e
def test_an_api_answers_the_task_of_an_execution_that_waits(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(ANSWERS)
    outcome = json.loads(run(str(tmp_path), "--json", "--only", "GET /").stdout)

    told = {row["trial"]: (row["verdict"], row["happened"]) for row in outcome["findings"]}
    assert [row["status"] for row in outcome["sources"]] == ["delivered"], told
    assert '"decision": "approve"' in told["once"][1].replace("\\", "")
    assert {verdict for verdict, _ in told.values()} == {"held"}, told


@pytest.mark.parametrize(
    ("credentials", "more", "denied"),
    [
        (BY_ROLE, ROLE % ("apigateway.amazonaws.com", "sqs:SendMessage"), ""),
        (BY_ROLE, ROLE % ("apigateway.amazonaws.com", "sqs:*"), ""),
        (BY_ROLE, ROLE % ("apigateway.amazonaws.com", "sqs:ReceiveMessage"), "does not allow sqs:SendMessage"),
        (BY_ROLE, ROLE % ("lambda.amazonaws.com", "sqs:SendMessage"), "does not trust"),
        (", Credentials: arn:aws:iam::1:role/elsewhere", "", ""),
        ("", "", "has no role"),
        ("", POLICY, ""),
    ],
)  # fmt: skip
def test_an_integration_needs_a_role_or_a_policy_that_lets_it_in(
    credentials: str, more: str, denied: str, tmp_path: Path
) -> None:
    (tmp_path / "template.yaml").write_text(METHOD % credentials + more)
    template = Model(read_template(tmp_path / "template.yaml"))
    (way,) = sources(template.body, tmp_path)
    found = list(wiring(template, way))

    assert [each.promise for each in found] == ([Promise.DENIED] if denied else [])
    assert not denied or denied in found[0].happened
