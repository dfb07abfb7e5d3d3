"""What Python handlers read of their events, and the samples that follow from it."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from trials import project
from trials.moment import DAY, LATER, NOW
from trials.project import Kind, Source
from trials.project.sources import Route
from trials.samples import samples
from trials.samples.code import of_code
from trials.samples.derive import item
from trials.samples.python import constructed
from trials.samples.reads import EACH, FORMED, JSON, Reads, Steps
from trials.samples.sample import WITH_KEY
from trials.template.fitting import fitting

BODY: Steps = ("body", JSON)
MESSAGE: Steps = ("Records", EACH, "body", JSON)
POST = Source(Kind.HTTP, "F", "F.Post", route=Route("POST", "/orders"))
QUEUE = Source(Kind.QUEUE, "F", "F.Jobs", "Jobs")
EMPTY: dict[str, Any] = {"Resources": {}}


def read(folder: Path, code: str, handler: str = "app.handler", **files: str) -> Reads:
    (folder / "app.py").write_text(code)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    reads = of_code(folder, handler, "python3.13")
    assert reads is not None
    return reads


MODELS = """
import json
class Line(TypedDict):
    sku: str
    cents: int
@dataclass
class Order:
    id: str
    lines: list[Line]
    note: str = ""
"""


@pytest.mark.parametrize(
    "code",
    [
        "def handler(event, context):\n    order: Order = json.loads(event['body'])\n    save(order)\n",
        "def handler(event, context):\n    save(cast(Order, json.loads(event['body'])))\n",
        "def save(order: Order): ...\ndef handler(event, context):\n    save(json.loads(event['body']))\n",
        "def handler(event, context):\n    save(parse(event=event, model=Order, envelope=ApiGatewayEnvelope))\n",
        "@event_parser(model=Order, envelope=envelopes.ApiGatewayV2Envelope)\ndef handler(event, context): ...\n",
        "@event_parser(envelope=ApiGatewayEnvelope)\ndef handler(event: Order, context): ...\n",
        "@app.post('/orders')\ndef place(order: Annotated[Order, Body()]): ...\ndef handler(event, context): ...\n",
    ],
)
def test_a_class_that_the_code_declares_says_what_a_body_holds(tmp_path: Path, code: str) -> None:
    reads = read(tmp_path, MODELS + code)

    assert {(*BODY, "id"), (*BODY, "lines", EACH, "sku")} <= reads.paths
    assert (*BODY, "lines", EACH, "cents") in reads.numbers


def test_a_message_that_a_batch_parses_by_its_model_holds_what_that_says(tmp_path: Path) -> None:
    code = "@event_parser(model=Order, envelope=SqsEnvelope)\ndef handler(event, context): ...\n"

    assert (*MESSAGE, "lines", EACH, "sku") in read(tmp_path, MODELS + code).paths


def test_a_function_is_that_of_its_own_module(tmp_path: Path) -> None:
    code = "def take(detail):\n    detail['near']\ndef handler(event, context):\n    take(event['detail'])\n"
    other = "def take(detail):\n    detail['foreign']\ndef handler(event, context):\n    event['foreign']\n"

    paths = read(tmp_path, code, other=other, zebra=other).paths
    assert paths == {("detail",), ("detail", "near")}


@pytest.mark.parametrize(
    ("inside", "value"),
    [
        ("if job['action'] == 'create': make(job)", "create"),
        ("if job.get('action') in ('create', 'drop'): make(job)", "create"),
        ("if job['action'] not in ['create', 'drop']: raise ValueError('no')", "create"),
        ("match job['action']:\n            case 'create': make(job)", "create"),
        ("match job:\n            case {'action': 'create'}: make(job)", "create"),
        ("tenant, order = job['action'].split('#')", "trial#trial"),
        ("job['action'].split('/')[2]", "trial/trial/trial"),
        ("if 'action' not in job: raise ValueError('no')", "trial-1"),
        ("for key in ('id', 'action'):\n            use(job[key])", "trial-1"),
        ("if not all(key in job for key in ['id', 'action']): raise ValueError('no')", "trial-1"),
        ("amount = int(job['action'])", 1),
        ("if job['action'] > 3: big()", 1),
        ("key = bytes.fromhex(job['action'])", FORMED["fromhex"]),
        ("if all(letter in 'abc' for letter in job['action']): use(uuid.UUID(job['action']))", FORMED["UUID"]),
        ("if not isinstance(job['action'], list): raise ValueError('no')", ["trial-1"]),
        ("if not isinstance(job['action'], int): raise ValueError('no')", 1),
    ],
)
def test_how_a_value_is_used_says_what_it_may_be(tmp_path: Path, inside: str, value: Any) -> None:
    code = (
        "import json\ndef handler(event, context):\n    for record in event['Records']:\n"
        f"        job = json.loads(record['body'])\n        {inside}\n"
    )
    first, *_ = samples(EMPTY, [], QUEUE, {}, read(tmp_path, code))

    assert json.loads(first.payload)["action"] == value


@pytest.mark.parametrize(
    "inside",
    [
        "form = parse_qs(event['body']); use(form['sku'][0], form.get('note')[0])",
        "form = dict(urllib.parse.parse_qsl(event['body'])); use(form['sku'], form['note'])",
    ],
)
def test_a_form_is_sent_to_code_that_reads_one(tmp_path: Path, inside: str) -> None:
    code = f"def handler(event, context):\n    {inside}\n"
    first, *_ = samples(EMPTY, [], POST, {}, read(tmp_path, code))

    assert parse_qs(first.payload["body"]) == {"id": ["trial-1"], "sku": ["trial-1"], "note": ["trial-1"]}


@pytest.mark.parametrize(
    ("inside", "path"),
    [
        ("body, kind = json.loads(event['body']), 1; body['sku']", (*BODY, "sku")),
        ("if (body := json.loads(event['body'])): body['sku']", (*BODY, "sku")),
        ("with trace(): json.loads(event['body'])['sku']", (*BODY, "sku")),
        (
            "for number, line in enumerate(json.loads(event['body'])['lines']): line['sku']",
            (*BODY, "lines", EACH, "sku"),
        ),
        ("[line['sku'] for line in json.loads(event['body'])['lines']]", (*BODY, "lines", EACH, "sku")),
        ("use(lambda: event['detail']['sku'])", ("detail", "sku")),
        ("use(f\"{event['detail']['sku']}\")", ("detail", "sku")),
        ("use(*event['detail']['skus'])", ("detail", "skus")),
        ("body = {**json.loads(event['body'])}; body['sku']", (*BODY, "sku")),
        ("body = json.loads(event.get('body') or '{}'); body['sku']", (*BODY, "sku")),
        ("event.setdefault('detail', {})['sku']", ("detail", "sku")),
        ("event['detail'].pop('sku')", ("detail", "sku")),
        ("all(event['detail'].get(name) for name in ['id', 'sku'])", ("detail", "sku")),
    ],
)
def test_what_is_read_is_found(tmp_path: Path, inside: str, path: Steps) -> None:
    code = f"import json\ndef handler(event, context):\n    {inside}\n"
    assert path in read(tmp_path, code).paths


def test_the_routes_of_a_resolver_are_known(tmp_path: Path) -> None:
    code = """
@app.get("/orders/<order_id>")
def one(order_id): ...
@router.post("/orders", compress=True)
def place(): ...
@app.route("/any", method=["PUT"])
def any(): ...
@app.not_found
def lost(): ...
@cache.get(key)
def other(): ...
def handler(event, context): ...
"""
    assert read(tmp_path, code).routes == [("GET", "/orders/<order_id>"), ("POST", "/orders"), ("PUT", "/any")]


@pytest.mark.parametrize(
    "inside",
    [
        "item = table.get_item(Key=key)['Item']; use(item['data'], item.get('cents') * 2, item['state'] == 'open')",
        "item = table.get_item(Key=key).get('Item'); use(item['data'], int(item['cents']), item['state'] == 'open')",
        "for item in table.query()['Items']: use(item['data'], int(item['cents']), item['state'] == 'open')",
        "found = table.get_item(); item = found['Item'] if 'data' in found['Item'] else {}; "
        "use(int(item['cents']), item['state'] == 'open')",
    ],
)
def test_what_is_read_of_an_item_is_in_the_item_that_is_laid(tmp_path: Path, inside: str) -> None:
    reads = read(tmp_path, f"def handler(event, context):\n    {inside}\n")

    laid = {"data": {"S": "trial-1"}, "cents": {"N": "1"}, "state": {"S": "open"}}
    assert item({}, {}, reads) == laid
    assert reads.paths == set()


@pytest.mark.parametrize(
    "inside",
    [
        "for order in table.scan()['Items']:\n        for line in order.get('lines', []):\n            one(line)",
        "orders = []\n    orders.extend(table.scan().get('Items', []))\n    for order in orders:\n"
        "        for line in order['lines']:\n            one(line)",
        "orders = []\n    orders += table.scan()['Items']\n    [one(x) for order in orders for x in order['lines']]",
        "users = {}\n    for order in table.scan()['Items']:\n        users[order['lines']]['orders'].append(order)\n"
        "    for _, user in users.items():\n        for order in user['orders']:\n"
        "            [one(line) for line in order['lines']]",
    ],
)
def test_what_an_item_holds_has_what_is_read_of_it_and_nothing_that_would_pass_it_over(
    tmp_path: Path, inside: str
) -> None:
    one = """
def one(line):
    for _ in [1]:
        if line.get("done") or line["state"] == "closed":
            continue
        if not line.get("due"):
            continue
        if not line.get("reminded"):
            remind(line)
        due = datetime.strptime(line["due"], "%d.%m.%Y").date()
        on = date.fromisoformat(line["day"].replace("Z", ""))
        use(line["sku"], line["cents"] * 2)
"""
    reads = read(tmp_path, f"{one}\ndef handler(event, context):\n    {inside}\n")

    laid = item({}, {}, reads)["lines"]
    assert laid["L"][0]["M"] == {
        "state": {"S": "trial-1"},
        "due": {"S": f"{NOW:%d.%m.%Y}"},
        "day": {"S": DAY},
        "sku": {"S": "trial-1"},
        "cents": {"N": "1"},
    }


def test_a_class_is_made_of_its_parameters(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("""
class Block:
    def __init__(self, block_id: str, weeks: int, state: Literal["draft", "open"], coach: Optional[str] = None):
        self.block_id = block_id

@dataclass
class Week:
    week_id: str
""")
    block = constructed(tmp_path, "app.handler", "Block")

    assert block is not None
    assert {name: each.optional for name, each in block.inner.items()} == {
        "block_id": False,
        "weeks": False,
        "state": False,
        "coach": True,
    }
    assert (block.inner["weeks"].number, block.inner["state"].value) == (True, "draft")
    assert (constructed(tmp_path, "app.handler", "Week") or block).inner.keys() == {"week_id"}
    assert constructed(tmp_path, "app.handler", "Other") is None


SCHEMA = """
SCHEMA = {
    "type": "object",
    "required": ["id", "lines", "state"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "state": {"enum": ["new", "paid"]},
        "lines": {"type": "array", "items": {"properties": {"cents": {"type": "integer", "minimum": 5}}}},
    },
}
"""


@pytest.mark.parametrize(
    "code",
    [
        "@validator(inbound_schema=SCHEMA, envelope=envelopes.SQS)\ndef handler(event, context): ...\n",
        "def handler(event, context):\n    for r in event['Records']:\n"
        "        validate(json.loads(r['body']), schema=SCHEMA)\n",
    ],
)
def test_a_json_schema_in_the_code_says_what_a_message_holds(tmp_path: Path, code: str) -> None:
    reads = read(tmp_path, f"from schemas import SCHEMA\n{code}", schemas=SCHEMA)
    first, *_ = samples(EMPTY, [], QUEUE, {}, reads)

    body = json.loads(first.payload)
    assert (body["state"], body["lines"]) == ("new", [{"cents": 5}])
    assert len(body["id"]) == 36


def test_a_field_comes_by_its_alias_and_an_enumeration_with_its_first_value(tmp_path: Path) -> None:
    code = """
class State(StrEnum):
    NEW = "new"
class Base(BaseModel):
    tenant: str
class Order(Base):
    model_config = ConfigDict(alias_generator=to_camel)
    order_id: UUID
    paid: bool
    state: State
    buyer: EmailStr = Field(alias="buyerMail")
    skus: list[str] = Field(min_length=1)
def handler(event, context):
    for record in event["Records"]:
        order = Order.model_validate_json(record["body"])
        country, city = order.tenant.split("/")
"""
    first, *_ = samples(EMPTY, [], QUEUE, {}, read(tmp_path, code))

    body = json.loads(first.payload)
    assert set(body) == {"id", "tenant", "orderId", "paid", "state", "buyerMail", "skus"}
    assert (body["tenant"], body["paid"], body["state"], len(body["skus"])) == ("trial/trial", True, "new", 1)


IN_A_ROUTE = """
from typing import Annotated
class Report(BaseModel):
    month: str = Field(pattern=r"^20\\d\\d-(0[1-9]|1[0-2])$")
    kind: int = Field(pattern="^x$")
@app.post("/jobs")
def submit(report: Report, idempotency_key: Annotated[str, Header(min_length=1)]): ...
def handler(event, context):
    return app.resolve(event, context)
"""


def test_a_route_is_asked_with_a_text_that_its_pattern_takes_and_the_header_that_it_names(tmp_path: Path) -> None:
    reads = read(tmp_path, IN_A_ROUTE)
    anything = Source(Kind.HTTP, "F", "F.Any", route=Route("ANY", "/{proxy+}"))

    first = samples(EMPTY, [], anything, {}, reads)[0]

    assert json.loads(first.payload["body"])["month"] == "2011-01"
    assert json.loads(first.payload["body"])["kind"] == 1  # a number has no pattern
    assert "idempotency-key" in first.payload["headers"]
    assert first.origin.endswith(WITH_KEY)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^[0-9A-Za-z_-]{1,24}$", "0"),
        (r"[A-Z]{3}\d+", "AAA1"),
        (r"^\S+@\S+$", "a@a"),
        (r"(?=x)y", None),
        ("^$", None),
        ("(", None),
    ],
)
def test_a_text_fits_its_pattern_or_there_is_none(pattern: str, text: str | None) -> None:
    assert fitting(pattern) == text


@pytest.mark.parametrize(
    "code",
    [
        "fields = {name: value for name, value in data.items() if name in ALLOWED}",
        "fields = [name for name in data.keys() if name in ALLOWED]",
        "for name, value in data.items():\n        if name not in ALLOWED:\n            continue",
    ],
)
def test_keys_that_code_lets_through_are_read(tmp_path: Path, code: str) -> None:
    begins = (
        "import json\nALLOWED = {'name', 'points'}\ndef handler(event, context):\n    data = json.loads(event['body'])"
    )
    text = f"{begins}\n    {code}"

    assert {("body", JSON, "name"), ("body", JSON, "points")} <= read(tmp_path, text).paths


@pytest.mark.parametrize(
    ("used", "named"),
    [("bytes.fromhex(key)", FORMED["fromhex"]), ("key == 'latest'", "1"), ("use(key)", "1")],
)
def test_a_path_names_what_the_code_takes_in_one_form_only(tmp_path: Path, used: str, named: str) -> None:
    source = Source(Kind.HTTP, "F", "F.Get", route=Route("GET", "/films/{film}", "1.0"))
    code = f"def handler(event, context):\n    key = event['pathParameters']['film']\n    return {used}\n"

    first, *_ = samples(EMPTY, [], source, {}, read(tmp_path, code))

    assert first.payload["pathParameters"] == {"film": named}
    assert first.payload["path"] == f"/films/{named}"


TABLE = """
import orders
ROUTES = {"POST /orders": orders.create, "GET /orders": orders.show}
def handler(event, context):
    return ROUTES[f"{event['httpMethod']} {event['path']}"](event, context)
"""
ORDERS = """
import json
def create(event, context):
    return json.loads(event["body"])["customer"]
def other(event, context):
    return json.loads(event["body"])["unread"]
def show():
    return []
"""


def test_functions_of_a_table_get_the_event(tmp_path: Path) -> None:
    reads = read(tmp_path, TABLE, orders=ORDERS)

    assert (*BODY, "customer") in reads.paths
    assert (*BODY, "unread") not in reads.paths


def test_what_a_layer_s_own_modules_read_is_read_too(tmp_path: Path) -> None:
    layer = tmp_path / "layer" / "python"
    (layer / "shop").mkdir(parents=True)
    (tmp_path / "code").mkdir()
    (layer / "shop" / "orders.py").write_text(ORDERS)
    (tmp_path / "code" / "app.py").write_text(TABLE.replace("import orders", "from shop import orders"))

    reads = of_code(tmp_path / "code", "app.handler", "python3.13", (layer,))
    assert reads
    assert (*BODY, "customer") in reads.paths
    alone = of_code(tmp_path / "code", "app.handler", "python3.13")
    assert alone
    assert (*BODY, "customer") not in alone.paths


TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Work:
    Type: AWS::Serverless::Function
    Properties: { Handler: app.handler, Runtime: python3.13, CodeUri: code, Layers: [!Ref Own, !Ref Bought] }
  Own: { Type: AWS::Serverless::LayerVersion, Properties: { ContentUri: own } }
  Bought: { Type: AWS::Serverless::LayerVersion, Properties: { ContentUri: bought } }
"""


def test_layers_of_a_function_are_read_unless_packages_were_installed_into_them(tmp_path: Path) -> None:
    for folder in ("code", "own/python", "bought/python/requests-2.dist-info"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "template.yaml").write_text(TEMPLATE)

    assert project.read(tmp_path, "http://outside.example.test").shared("Work") == (tmp_path / "own" / "python",)


EITHER = """
import json
def handler(event, context):
    if event["Records"][0]["eventSource"] == "aws:sqs":
        told = json.loads(event["Records"][0]["body"])
        record = told["Records"][0]["s3"]
    else:
        record = event["Records"][0]["s3"]
    parts = record["object"]["key"].split("/")[-1].rsplit(".", 1)[0].split("__")
    first = parts[1]
    return record["bucket"]["name"], int(record["object"]["size"])
"""


def test_a_variable_of_two_branches_stands_for_both_of_their_paths(tmp_path: Path) -> None:
    reads = read(tmp_path, EITHER)

    for at in ((*MESSAGE, "Records", EACH, "s3"), ("Records", EACH, "s3")):
        assert (*at, "bucket", "name") in reads.paths
        assert reads.values[(*at, "object", "key")] == "trial__trial"
        assert (*at, "object", "size") in reads.numbers


def test_a_condition_is_no_value(tmp_path: Path) -> None:
    code = """
import json
def handler(event, context):
    body = json.loads(event.get("body", "{}")) if event.get("body") else {}
    return body.get("url")
"""

    assert (*BODY, "url") in read(tmp_path, code).paths


def test_what_dynamodb_is_given_as_a_number_is_the_text_of_one(tmp_path: Path) -> None:
    code = """
import json
def handler(event, context):
    body = json.loads(event["body"])
    client.put_item(Item={"id": {"N": body["id"]}, "name": {"S": body["name"]}})
"""
    values = read(tmp_path, code).values

    assert values[(*BODY, "id")] == "1"
    assert (*BODY, "name") not in values


def test_a_method_of_a_handler_s_name_is_no_handler(tmp_path: Path) -> None:
    code = """
from service import Blocks
blocks = Blocks()
def get_block(event, context):
    return event["pathParameters"]["block_id"]
def handler(event, context):
    return blocks.get_block(event["id"])
"""
    service = """
class Blocks:
    def get_block(self, block):
        return block["number"]
"""
    paths = read(tmp_path, code, service=service).paths

    assert paths == {("id",), ("id", "number")}


def test_a_list_that_an_object_holds_says_what_is_taken(tmp_path: Path) -> None:
    code = """
class Subscriptions:
    def __init__(self):
        self.protocols = ["https", "email"]
    def add(self, protocol):
        if protocol not in self.protocols:
            return 400
def handler(event, context):
    return Subscriptions().add(event["protocol"])
"""

    assert read(tmp_path, code).values[("protocol",)] == "https"


def test_paths_of_a_router_begin_with_its_prefix(tmp_path: Path) -> None:
    code = """
router = APIRouter(prefix="/orders")
@router.get("/{id}")
def show(id: str):
    return id
handler = Mangum(app)
"""

    assert read(tmp_path, code).routes[0] == ("GET", "/orders/{id}")


def test_fields_that_the_code_lists_are_known_those_first_that_it_requires(tmp_path: Path) -> None:
    code = """
UPDATABLE_FIELDS = {"fax", "phone"}
REQUIRED = ["companyName"]
COLOURS = ["red"]

def handler(event, context):
    allowed_attributes = ("city",)
    return allowed_attributes
"""

    assert read(tmp_path, code).fields == ["companyName", "fax", "phone", "city"]


def test_an_item_is_known_that_another_object_s_method_of_the_same_name_gives(tmp_path: Path) -> None:
    """As in layers of services and repositories, whose methods are called alike."""
    service = "from repository import Orders\nclass Service:\n    def get_order(self, order_id):\n"
    service += "        return self.orders.get_order(order_id)\n"
    repository = "class Orders:\n    def get_order(self, order_id):\n        return self.by_id('id', order_id)\n"
    repository += "    def by_id(self, name, value):\n        return table.get_item(Key={name: value}).get('Item')\n"
    code = "from service import Service\ndef handler(event, context):\n"

    for asked in ("Service().get_order(event['id'])", "Service().get_order(ONE)"):
        reads = read(tmp_path, f"{code}    return use({asked}['sku'])\n", service=service, repository=repository)
        assert reads.items == {"sku"}


def test_a_text_begins_as_the_code_looks_for(tmp_path: Path) -> None:
    code = "def handler(event, context):\n    body = json.loads(event['body'])\n"
    code += "    if not body['pk'].startswith('ORDER#') or body['link'].startswith('https'):\n        return\n"
    code += "    body['data'].startswith('{')\n"
    (first, *_) = samples(EMPTY, [], POST, {}, read(tmp_path, code))

    body = json.loads(first.payload["body"])
    assert (body["pk"], body["link"], body["data"]) == ("ORDER#trial-1", "https://example.test/trial", "trial-1")


def test_what_of_an_item_is_compared_with_the_event_is_known(tmp_path: Path) -> None:
    code = "def handler(event, context):\n    order = table.get_item(Key=key)['Item']\n"
    code += "    return [x for x in order['lines'] if event['pathParameters']['line'] == x.get('id')]\n"

    assert read(tmp_path, code).same == {("{item}", "lines", EACH, "id"): ("pathParameters", "line")}


def test_packages_that_were_installed_beside_the_code_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "sdk").mkdir()
    (tmp_path / "sdk" / "__init__.py").write_text("def use(event):\n    return event['theirs']\n")
    (tmp_path / "sdk-1.0.dist-info").mkdir()
    (tmp_path / "sdk-1.0.dist-info" / "RECORD").write_text("sdk/__init__.py,sha256=x,1\nsdk-1.0.dist-info/RECORD,,\n")
    code = "import sdk\nimport own\ndef handler(event, context):\n    sdk.use(event)\n    own.mine(event)\n"
    reads = read(tmp_path, code, own="def mine(event):\n    return event['ours']\n")

    assert reads.paths == {("ours",)}


def test_what_is_looked_for_in_a_text_is_no_key_of_it(tmp_path: Path) -> None:
    code = "def handler(event, context):\n    body = json.loads(event['body'])\n    day = body['day']\n"
    code += (
        "    datetime.fromisoformat(day.replace('Z', '+00:00') if 'Z' in day else day)\n    'known' in body['more']\n"
    )
    (first, *_) = samples(EMPTY, [], POST, {}, read(tmp_path, code))

    body = json.loads(first.payload["body"])
    assert (body["day"], body["more"]) == (NOW.isoformat(), {"known": "trial-1"})


def test_what_ends_does_so_after_it_began(tmp_path: Path) -> None:
    code = "def handler(event, context):\n    begin = datetime.fromisoformat(event['start_date'])\n"
    code += "    end = datetime.strptime(event['end_date'], '%d.%m.%Y')\n"
    values = read(tmp_path, code).values

    assert (values[("start_date",)], values[("end_date",)]) == (NOW.isoformat(), f"{LATER:%d.%m.%Y}")


def test_of_the_methods_that_code_tells_apart_the_one_that_writes_is_asked_first(tmp_path: Path) -> None:
    code = "def handler(event, context):\n    if event['httpMethod'] == 'GET':\n        return 1\n"
    reads = read(tmp_path, f"{code}    elif event['httpMethod'] == 'POST':\n        return 2\n")
    proxy = Source(Kind.HTTP, "F", "F.All", route=Route("ANY", "/orders", "1.0"))

    assert [each.payload["httpMethod"] for each in samples(EMPTY, [], proxy, {}, reads)][:2] == ["POST", "GET"]
