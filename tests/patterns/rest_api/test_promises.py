"""Whatever is sent, the answer is an order or a problem, never another's and never an inside view."""

import base64
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any

import hypothesis
import pytest

from support.documents import ROOT
from support.environments import IN_PYTHON, LANGUAGES
from support.handlers import Context, Died, Example, event
from trials.local_aws import LocalAws
from trials.template import read_template

RESOURCES = read_template(ROOT / "examples" / "rest_api" / "template.yaml")["Resources"]
MUG = {"sku": "mug-blue", "quantity": 2}
UNKNOWN = "00000000-0000-0000-0000-000000000000"
THROTTLED = {"code": "ProvisionedThroughputExceededException"}


@pytest.fixture(params=LANGUAGES)
def shop(request: pytest.FixtureRequest, example: Callable[..., Example]) -> Example:
    topic = "arn:aws:sns:us-east-1:123456789012:alerts"
    trust = {"Issuer": "https://id.test", "Audience": "shop"}
    return example("rest_api", request.param, AlarmTopicArn=topic, Origin="https://shop.test", **trust)


@pytest.fixture
def app(shop: Example) -> ModuleType:
    return shop.environment()


def request(
    method: str, path: str, body: Any = None, sub: str = "ana", query: dict[str, str] | None = None, **headers: str
) -> dict[str, Any]:
    """An HTTP API event, payload version 2.0, as it comes behind the JWT authorizer."""
    sample: dict[str, Any] = event(ROOT / "examples" / "rest_api")
    context = {**sample["requestContext"], "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"}}
    context["authorizer"] = {"jwt": {"claims": {"sub": sub}, "scopes": None}}
    given = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    text = body if isinstance(body, str) or body is None else json.dumps(body)
    return {
        **{**sample, "rawPath": path, "requestContext": context, "headers": given, "body": text},
        "rawQueryString": urllib.parse.urlencode(query or {}),
        "queryStringParameters": query,
    }


def call(app: ModuleType, *given: Any, **named: Any) -> tuple[int, Any]:
    answer = app.handler(request(*given, **named), Context())
    return answer["statusCode"], json.loads(answer["body"])


def is_problem(answer: dict[str, Any], status: int) -> bool:
    body = json.loads(answer["body"])
    kinds = (answer["statusCode"], body["status"], answer["headers"]["Content-Type"])
    return kinds == (status, status, "application/problem+json") and {"type", "title"} <= body.keys()


def test_the_sample_event_places_an_order(app: ModuleType, shop: Example, context: Context) -> None:
    answer = app.handler(event(shop.folder), context)

    assert answer["statusCode"] == 201
    order = json.loads(answer["body"])
    assert answer["headers"]["Location"] == f"/orders/{order['order_id']}"
    assert call(app, "GET", answer["headers"]["Location"], sub="customer-1") == (200, order)


def test_a_retry_gets_the_same_answer_and_places_nothing(app: ModuleType) -> None:
    answers = [call(app, "POST", "/orders", MUG, idempotency_key="k") for _ in range(3)]

    assert answers[0][0] == 201
    assert answers == [answers[0]] * 3
    assert len(call(app, "GET", "/orders")[1]["orders"]) == 1


def test_twice_at_once_is_one_order(shop: Example) -> None:
    environments = [shop.environment() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda app: call(app, "POST", "/orders", MUG, idempotency_key="k"), environments))

    assert answers == [answers[0]] * 6
    assert len(call(environments[0], "GET", "/orders")[1]["orders"]) == 1


def test_another_order_under_a_used_key_is_refused_and_the_first_stands(app: ModuleType) -> None:
    _, first = call(app, "POST", "/orders", MUG, idempotency_key="k")
    answer = app.handler(request("POST", "/orders", {**MUG, "quantity": 3}, idempotency_key="k"), Context())

    assert is_problem(answer, 409)
    assert "Idempotency-Key" in json.loads(answer["body"])["detail"]
    assert call(app, "GET", f"/orders/{first['order_id']}") == (200, first)


@pytest.mark.parametrize("path", ["/orders", f"/orders/{UNKNOWN}", "/", "/anything"])
def test_what_comes_without_a_token_as_a_preflight_reaches_nothing(app: ModuleType, path: str) -> None:
    preflight = request("OPTIONS", path, MUG, idempotency_key="k")
    del preflight["requestContext"]["authorizer"]

    answer = app.handler(preflight, Context())

    assert is_problem(answer, 404)
    assert call(app, "GET", "/orders") == (200, {"orders": [], "after": None})


def test_a_key_belongs_to_its_caller(app: ModuleType) -> None:
    ana, ben = (call(app, "POST", "/orders", MUG, sub=sub, idempotency_key="k")[1] for sub in ("ana", "ben"))

    assert ana["order_id"] != ben["order_id"]


@pytest.mark.parametrize(("one", "other"), [(("a", "bc"), ("ab", "c")), (("a:1", "b"), ("a", "1:b"))])
def test_caller_and_key_cannot_be_shifted_into_one_another(
    app: ModuleType, one: tuple[str, str], other: tuple[str, str]
) -> None:
    ids = {call(app, "POST", "/orders", MUG, sub=sub, idempotency_key=key)[1]["order_id"] for sub, key in (one, other)}

    assert len(ids) == 2


def test_nobody_reads_or_lists_anothers_order(app: ModuleType) -> None:
    _, order = call(app, "POST", "/orders", MUG, idempotency_key="k")

    assert is_problem(app.handler(request("GET", f"/orders/{order['order_id']}", sub="ben"), Context()), 404)
    assert call(app, "GET", "/orders", sub="ben") == (200, {"orders": [], "after": None})


def test_pages_hold_every_order_once_and_a_cursor_of_another_leads_nowhere_else(app: ModuleType) -> None:
    for n in range(5):
        call(app, "POST", "/orders", MUG, idempotency_key=f"k-{n}")
    seen: list[str] = []
    query = {"limit": "2"}
    while True:
        status, page = call(app, "GET", "/orders", query=query)
        assert status == 200
        seen += [order["order_id"] for order in page["orders"]]
        if not page["after"]:
            break
        query = {"limit": "2", "after": page["after"]}

    assert len(seen) == len(set(seen)) == 5
    assert call(app, "GET", "/orders", query={"after": seen[0]}, sub="ben")[1]["orders"] == []


HOSTILE: list[tuple[str, dict[str, Any]]] = [
    ("no key", {"body": MUG}),
    ("empty key", {"body": MUG, "idempotency_key": ""}),
    ("long key", {"body": MUG, "idempotency_key": "k" * 256}),
    ("no body", {"idempotency_key": "k"}),
    ("no JSON", {"body": "{", "idempotency_key": "k"}),
    ("unknown field", {"body": {**MUG, "price": 0}, "idempotency_key": "k"}),
    ("text for a number", {"body": {**MUG, "quantity": "2"}, "idempotency_key": "k"}),
    ("too many", {"body": {**MUG, "quantity": 101}, "idempotency_key": "k"}),
    ("large", {"body": {**MUG, "sku": "x" * 1_000_000}, "idempotency_key": "k"}),
]


@pytest.mark.parametrize("given", [given for _, given in HOSTILE], ids=[name for name, _ in HOSTILE])
def test_what_is_no_order_is_a_problem_that_names_the_place(app: ModuleType, given: dict[str, Any]) -> None:
    answer = app.handler(request("POST", "/orders", **given), Context())

    assert is_problem(answer, 400 if "idempotency_key" not in given or len(given["idempotency_key"]) != 1 else 422)
    assert json.loads(answer["body"])["errors"][0]["where"]
    assert call(app, "GET", "/orders")[1]["orders"] == []


def test_a_list_of_orders_is_refused_whole(app: ModuleType) -> None:
    answer = app.handler(
        request("POST", "/orders", [MUG, {"sku": "cup", "quantity": 1}], idempotency_key="k"), Context()
    )

    assert is_problem(answer, 422)
    assert call(app, "GET", "/orders")[1]["orders"] == []


def test_a_body_nested_without_end_is_a_problem_and_no_crash(app: ModuleType) -> None:
    assert is_problem(app.handler(request("POST", "/orders", "[" * 100_000, idempotency_key="k"), Context()), 422)


PLAIN = {"content-type": "text/plain", "idempotency-key": "k"}
STRANGE: dict[str, tuple[int, dict[str, Any]]] = {
    "null body": (422, {"body": None}),
    "null in base64": (422, {"body": None, "isBase64Encoded": True}),
    "no base64": (422, {"body": "%%%", "isBase64Encoded": True}),
    "no UTF-8": (422, {"body": base64.b64encode(b"\xff\xfe{}").decode(), "isBase64Encoded": True}),
    "JSON null": (422, {"body": "null"}),
    "half a character": (422, {"body": '{"sku": "\\ud800", "quantity": 1}'}),
    "no number": (422, {"body": '{"sku": "a", "quantity": NaN}'}),
    "digits without end": (422, {"body": '{"sku": "a", "quantity": %s}' % ("9" * 5000)}),
    "null headers": (400, {"headers": None}),
    "no headers": (400, {"headers": ...}),
    "no body": (422, {"body": ...}),
    "another content type": (415, {"headers": PLAIN}),
}


@pytest.mark.parametrize("strange", STRANGE)
def test_what_a_caller_can_make_of_a_request_is_no_fault_of_ours(app: ModuleType, strange: str) -> None:
    """A 5xx would page, and be sent again."""
    status, changes = STRANGE[strange]
    changed = {**request("POST", "/orders", MUG, idempotency_key="k"), **changes}

    answer = app.handler({name: value for name, value in changed.items() if value is not ...}, Context())

    assert is_problem(answer, status)
    assert call(app, "GET", "/orders")[1]["orders"] == []


@IN_PYTHON
def test_a_value_error_of_ours_is_no_problem_of_the_caller(app: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: Any) -> None:
        raise ValueError("not ours to say")

    monkeypatch.setattr(app, "place", wrong)

    assert is_problem(app.handler(request("POST", "/orders", MUG, idempotency_key="k"), Context()), 500)


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/orders", {"limit": "0"}, 400),
        ("/orders", {"limit": "101"}, 400),
        ("/orders", {"after": "../../etc/passwd"}, 400),
        ("/orders/not-an-id", None, 400),
        (f"/orders/{UNKNOWN}", None, 404),
        ("/nowhere", None, 404),
    ],
)
def test_a_bad_address_is_a_problem(app: ModuleType, path: str, query: dict[str, str] | None, status: int) -> None:
    assert is_problem(app.handler(request("GET", path, query=query), Context()), status)


def test_what_nobody_foresaw_is_a_problem_without_an_inside_view(app: ModuleType, aws: LocalAws) -> None:
    aws.fault(service="dynamodb", operation="Query", error=THROTTLED, times=3)
    answer = app.handler(request("GET", "/orders"), Context())

    assert is_problem(answer, 500)
    assert not {"Throughput", "dynamodb", "Traceback", "botocore"} & set(answer["body"].replace('"', " ").split())
    assert "ProvisionedThroughput" not in answer["body"]
    assert call(app, "GET", "/orders")[0] == 200


def test_a_throttled_table_refuses_once_and_the_retry_places_one_order(app: ModuleType, aws: LocalAws) -> None:
    aws.fault(service="dynamodb", operation="PutItem", error=THROTTLED, times=3)
    assert call(app, "POST", "/orders", MUG, idempotency_key="k")[0] == 500

    assert call(app, "POST", "/orders", MUG, idempotency_key="k")[0] == 201
    assert len(call(app, "GET", "/orders")[1]["orders"]) == 1


@IN_PYTHON
def test_a_death_after_the_write_leaves_one_order_for_the_retry(shop: Example, monkeypatch: pytest.MonkeyPatch) -> None:
    doomed = shop.environment()
    put_item = doomed.place.__globals__["dynamodb"].put_item

    def put_then_die(**arguments: Any) -> None:
        put_item(**arguments)
        raise Died

    monkeypatch.setattr(doomed.place.__globals__["dynamodb"], "put_item", put_then_die)
    with pytest.raises(Died):
        doomed.handler(request("POST", "/orders", MUG, idempotency_key="k"), Context())

    app = shop.environment()
    assert call(app, "POST", "/orders", MUG, idempotency_key="k")[0] == 201
    assert len(call(app, "GET", "/orders")[1]["orders"]) == 1


def test_a_body_in_base64_is_the_same_body(app: ModuleType) -> None:
    plain = request("POST", "/orders", MUG, idempotency_key="k")
    coded = {**plain, "body": base64.b64encode(plain["body"].encode()).decode(), "isBase64Encoded": True}

    assert app.handler(coded, Context())["body"] == app.handler(plain, Context())["body"]


@pytest.fixture
def site(app: ModuleType) -> Iterator[str]:
    """The handler behind a loopback HTTP server that makes events as the HTTP API does."""

    class Adapter(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def answer(self) -> None:
            address = urllib.parse.urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made = request(self.command, urllib.parse.unquote(address.path))
            made["headers"] = {name.lower(): value for name, value in self.headers.items()}
            made |= {"rawQueryString": address.query, "body": base64.b64encode(body).decode(), "isBase64Encoded": True}
            pairs = urllib.parse.parse_qs(address.query, keep_blank_values=True)
            made["queryStringParameters"] = {name: ",".join(values) for name, values in pairs.items()} or None
            answer = app.handler(made, Context())
            self.send_response(answer["statusCode"])
            for name, value in answer["headers"].items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer["body"].encode())))
            self.end_headers()
            self.wfile.write(answer["body"].encode())

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Adapter)
    threading.Thread(target=web.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    web.server_close()


@pytest.mark.e2e
@IN_PYTHON
def test_generated_requests_find_no_answer_outside_the_contract(app: ModuleType, site: str) -> None:
    """Schemathesis reads the function's own OpenAPI document and looks for a request that it does not keep to."""
    import schemathesis  # a quarter of a second, for this test only
    from schemathesis.core.result import Ok

    document = json.loads(app.app.get_openapi_json_schema(title="orders", version="1"))
    schema = schemathesis.openapi.from_dict(document)
    tried = 0

    for operation in schema.get_all_operations():
        assert isinstance(operation, Ok)
        found = operation.ok()

        @hypothesis.settings(max_examples=25, deadline=None, derandomize=True, database=None)
        @hypothesis.given(case=found.as_strategy())
        def keeps_to_the_contract(case: Any) -> None:
            nonlocal tried
            tried += 1
            case.call_and_validate(base_url=site)

        keeps_to_the_contract()

    assert tried >= 60


def test_the_api_asks_for_a_token_limits_its_callers_and_writes_them_down() -> None:
    stage, route, origin = (RESOURCES[name]["Properties"] for name in ("Stage", "Route", "Api"))

    assert route["AuthorizationType"] == "JWT"
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    assert "$context.status" in stage["AccessLogSettings"]["Format"]
    assert json.loads(stage["AccessLogSettings"]["Format"])
    assert origin["CorsConfiguration"]["AllowOrigins"] == [{"Ref": "Origin"}]
    assert RESOURCES["Orders"]["Properties"]["Timeout"] < 30


@IN_PYTHON
def test_an_order_is_there_as_soon_as_its_caller_was_told_so(shop: Example) -> None:
    orders, reads = shop.environment("orders"), []
    orders.dynamodb.meta.events.register(
        "provide-client-params.dynamodb.GetItem", lambda params, **_: reads.append(params["ConsistentRead"])
    )
    placed = orders.place("ana", "k", orders.NewOrder(**MUG), "c-1")

    assert orders.find("ana", placed.order_id) == placed
    assert reads == [True]


def test_tokens_for_this_audience_open_every_route_and_a_preflight_needs_none() -> None:
    routes = [each["Properties"] for each in RESOURCES.values() if each["Type"] == "AWS::ApiGatewayV2::Route"]
    trusted = RESOURCES["Customers"]["Properties"]

    assert {each["RouteKey"]: each.get("AuthorizerId") for each in routes} == {
        "$default": {"Ref": "Customers"},
        "OPTIONS /{proxy+}": None,
    }
    assert trusted["AuthorizerType"] == "JWT"
    assert trusted["JwtConfiguration"] == {"Issuer": {"Ref": "Issuer"}, "Audience": [{"Ref": "Audience"}]}


def test_the_orders_outlive_their_stack_and_can_be_restored() -> None:
    table = RESOURCES["Table"]

    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_an_alarm_tells_of_requests_that_fail() -> None:
    alarm = RESOURCES["Errors"]["Properties"]

    assert (alarm["Namespace"], alarm["MetricName"], alarm["Statistic"]) == ("AWS/ApiGateway", "5xx", "Average")
    assert alarm["Dimensions"] == [{"Name": "ApiId", "Value": {"Ref": "Api"}}]
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]
