"""What JavaScript and TypeScript handlers read of their events, and the samples that follow from it."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from trials.project import Kind, Source
from trials.project.sources import Route
from trials.samples import samples
from trials.samples.code import of_code
from trials.samples.derive import item
from trials.samples.reads import EACH, JSON, Reads, Steps

BODY: Steps = ("body", JSON)
MESSAGE: Steps = ("Records", EACH, "body", JSON)
POST = Source(Kind.HTTP, "F", "F.Post", route=Route("POST", "/orders"))
QUEUE = Source(Kind.QUEUE, "F", "F.Jobs", "Jobs")
EMPTY: dict[str, Any] = {"Resources": {}}


def read(folder: Path, code: str, handler: str = "app.handler", **files: str) -> Reads:
    (folder / "app.ts").write_text(code)
    for name, text in files.items():
        (folder / f"{name}.ts").write_text(text)
    reads = of_code(folder, handler, "nodejs24.x")
    assert reads is not None
    return reads


def wrapped(inside: str) -> str:
    return f"export const handler = async (event) => {{ {inside} }};"


@pytest.mark.parametrize(
    ("inside", "path"),
    [
        ("const { id, items } = JSON.parse(event.body);", (*BODY, "items")),
        ("const { customer: { email } } = JSON.parse(event.body ?? '{}');", (*BODY, "customer", "email")),
        ("const body = JSON.parse(event.body!) as any; save(body.customer?.name);", (*BODY, "customer", "name")),
        ("const raw = Buffer.from(event.body, 'base64').toString(); JSON.parse(raw)['order-id'];", (*BODY, "order-id")),
        ("for (const record of event.Records) { JSON.parse(record.body).sku }", (*MESSAGE, "sku")),
        ("for (const { body } of event.Records) { const { sku } = JSON.parse(body); }", (*MESSAGE, "sku")),
        ("event.Records.forEach(({ body }) => { use(JSON.parse(body).sku); });", (*MESSAGE, "sku")),
        ("await Promise.all(event.Records.map(async (r) => store(JSON.parse(r.body).sku)));", (*MESSAGE, "sku")),
        ("const jobs = event.Records.map((r) => JSON.parse(r.body)); for (const j of jobs) j.sku;", (*MESSAGE, "sku")),
        (
            "JSON.parse(event.Records[0].body).lines.reduce((sum, l) => sum + l.cents, 0);",
            (*MESSAGE, "lines", EACH, "cents"),
        ),
        (
            "const image = unmarshall(event.Records[0].dynamodb.NewImage); send(image.status);",
            ("Records", EACH, "dynamodb", "NewImage", "status"),
        ),
        (
            "const data = Buffer.from(event.Records[0].kinesis.data, 'base64').toString('utf8'); JSON.parse(data).at",
            ("Records", EACH, "kinesis", "data", JSON, "at"),
        ),
        ("if (Array.isArray(event.detail.lines)) use(event.detail.lines);", ("detail", "lines", EACH)),
        (
            "for (let i = 0; i < event.Records.length; i++) { JSON.parse(event.Records[i].body).sku; }",
            (*MESSAGE, "sku"),
        ),
        ("const { detail } = event; return { ...detail, total: detail.total };", ("detail", "total")),
        ("const body = typeof event.body === 'string' ? JSON.parse(event.body) : event.body; body.id;", (*BODY, "id")),
        ("let body; try { body = JSON.parse(event.body); } catch { return } body.id;", (*BODY, "id")),
        (
            "const id = event.pathParameters?.id ?? event.queryStringParameters?.order;",
            ("queryStringParameters", "order"),
        ),
        ("if (!event.detail.id) throw new Error(`no id in ${event.detail.source}`);", ("detail", "source")),
    ],
)
def test_what_is_read_is_found(tmp_path: Path, inside: str, path: Steps) -> None:
    assert path in read(tmp_path, wrapped(inside)).paths


@pytest.mark.parametrize(
    "code",
    [
        "exports.handler = async function (event) { JSON.parse(event.body).id }",
        "async function main(event) { JSON.parse(event.body).id }\nmodule.exports = { handler: main };",
        "const handler = async (event) => { JSON.parse(event.body).id };\nmodule.exports = { handler };",
        "export async function handler({ body }: APIGatewayProxyEventV2) { JSON.parse(body).id }",
        "const f = async (event) => { event.body.id };\nexport const handler = middy(f).use(httpJsonBodyParser());",
        "export const handler = middy().use(httpJsonBodyParser()).handler(async (event) => { event.body.id });",
        "const parse = (e) => JSON.parse(e.body);\nexport const handler = (event) => { const b = parse(event); b.id };",
        "class Api { public async handler(event: any) { JSON.parse(event.body).id } }\n"
        "const api = new Api();\nexport const handler = api.handler.bind(api);",
        "const main = traced(async (event) => JSON.parse(event.body).id);\nexport { main as handler };",
        "app.post('/orders', (req, res) => { const { id } = req.body; });\nexport const handler = serverless(app);",
    ],
)
def test_a_handler_is_found_in_every_form(tmp_path: Path, code: str) -> None:
    assert (*BODY, "id") in read(tmp_path, code).paths


def test_functions_of_the_same_folder_are_followed(tmp_path: Path) -> None:
    code = "import { place } from './orders';\nexport const handler = (event) => place(JSON.parse(event.body));"
    orders = "export function place(order) { for (const line of order.lines) reserve(line.sku); }"

    assert (*BODY, "lines", EACH, "sku") in read(tmp_path, code, orders=orders).paths


def test_code_of_packages_and_of_tests_is_not_read(tmp_path: Path) -> None:
    for place in ("node_modules/app", "tests"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "app.js").write_text("exports.handler = (event) => event.of_another")

    assert of_code(tmp_path, "app.handler", "nodejs24.x") == Reads()


ZOD = """
import { z } from 'zod';
const Line = z.object({ sku: z.string(), quantity: z.number().int().min(2) });
const Order = z.object({
  orderId: z.string().uuid(), lines: z.array(Line), kind: z.enum(['express', 'slow']),
  note: z.string().optional(), gift: z.boolean(), buyer: z.string().email(),
}).strict();
"""


@pytest.mark.parametrize("parse", ["Order.parse(", "Order.safeParse(", "await Order.parseAsync("])
def test_a_zod_object_says_what_a_sample_must_hold(tmp_path: Path, parse: str) -> None:
    code = f"{ZOD}export const handler = async (event) => {{ const order = {parse}JSON.parse(event.body)); }};"
    reads = read(tmp_path, code)
    first, *_ = samples(EMPTY, [], POST, {}, reads)

    body = json.loads(first.payload["body"])
    assert {key: body[key] for key in ("gift", "kind", "buyer")} == {
        "gift": True,
        "kind": "express",
        "buyer": "trial@example.com",
    }
    assert body["lines"] == [{"sku": "trial-1", "quantity": 2}]
    assert len(body["orderId"]) == 36
    assert (*BODY, "note") in reads.optional


METHODS = """
class Other {{ handler(event) {{ event.detail.other; }} }}
class Work {{
  handler(event) {{ this.take(event.detail); }}
  take(detail) {{ detail.{key}; }}
}}
const work = new Work();
export const handler = async (event) => work.handler(event);
"""


def test_a_method_is_that_of_its_own_class_and_a_function_that_of_its_own_module(tmp_path: Path) -> None:
    more = "export const take = (detail) => detail.foreign;\nexport const pick = (e) => e.foreign;"
    code = METHODS.format(key="sku") + "const pick = (e) => e.near;\nexport const second = (event) => pick(event);"

    paths = read(tmp_path, code, a=METHODS.format(key="foreign"), b=more).paths
    assert ("detail", "sku") in paths
    assert ("near",) in read(tmp_path, code, "app.second").paths
    assert not {steps for steps in paths if {"foreign", "other"} & set(steps)}


GENERATED = """
export class Shipped {
  'orderId': string;
  'cents'?: number;
  private static attributeTypeMap: { name: string; baseName: string; type: string }[] = [
    { name: 'orderId', baseName: 'order_id', type: 'string' },
    { name: 'cents', baseName: 'cents', type: 'number' },
  ];
  public static getAttributeTypeMap() { return Shipped.attributeTypeMap; }
}"""
MARSHALLED = """
export const handler = async (event: EventBridgeEvent<string, unknown>) => {
  const shipped: Shipped = Marshaller.unmarshal(event.detail, 'Shipped');
  const [country, city] = shipped.orderId.split('/');
};"""


def test_a_class_that_the_schema_registry_generated_says_what_the_event_holds(tmp_path: Path) -> None:
    source = Source(Kind.BUS, "F", "F.Rule", pattern={"source": ["shop"]})
    first, *_ = samples(EMPTY, [], source, {}, read(tmp_path, MARSHALLED, shipped=GENERATED))

    assert first.payload["detail"] == {"order_id": "trial/trial", "cents": 1}


def test_the_second_type_of_an_event_of_eventbridge_is_that_of_its_detail(tmp_path: Path) -> None:
    code = """
    type Shipped = { orderId: string; lines: { cents: number }[] };
    export const handler = async (event: EventBridgeEvent<'Shipped', Shipped>) => store(event.detail);"""

    assert ("detail", "lines", EACH, "cents") in read(tmp_path, code).numbers


@pytest.mark.parametrize(
    ("inside", "value"),
    [
        ("const parts: string[] = job.id.split('/'); use(parts[3]);", "trial/trial/trial/trial"),
        ("const [tenant, order] = job.id.split('#');", "trial#trial"),
        ("use(job.id.split('-')[2]);", "trial-trial-trial"),
        ("use(job.id.split('/').pop());", "trial-1"),
    ],
)
def test_a_text_that_is_split_has_as_many_parts_as_are_read(tmp_path: Path, inside: str, value: str) -> None:
    code = f"export const handler = async (event) => {{ const job = JSON.parse(event.Records[0].body); {inside} }};"
    first, *_ = samples(EMPTY, [], QUEUE, {}, read(tmp_path, code))

    assert json.loads(first.payload)["id"] == value


@pytest.mark.parametrize(
    "inside",
    [
        "const form = new URLSearchParams(event.body); use(form.get('sku'), form.get('note'));",
        "const { sku, note } = querystring.parse(event.body); use(sku);",
        "const form = qs.parse(event.body); use(form.sku, form['note']);",
        "const form = Object.fromEntries(new URLSearchParams(event.body)); use(form.sku, form.note);",
    ],
)
def test_a_form_is_sent_to_code_that_reads_one(tmp_path: Path, inside: str) -> None:
    first, *_ = samples(EMPTY, [], POST, {}, read(tmp_path, wrapped(inside)))

    assert parse_qs(first.payload["body"]) == {"id": ["trial-1"], "sku": ["trial-1"], "note": ["trial-1"]}
    assert first.payload["headers"]["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "inside",
    [
        "const { Item } = await ddb.send(get); use(Item.data, Item.cents * 2, Item.state === 'open');",
        "const got = await ddb.send(get); use(got.Item?.data, Number(got.Item.cents), got.Item.state == 'open');",
        "const { Item } = await ddb.send(get); use(Item.data.S, Item.cents.N, Item.state === 'open');",
        "const item = unmarshall((await ddb.send(get)).Item) as Kept; use(item.state === 'open');",
        "(await ddb.send(query)).Items.map((item) => use(item.data, item.cents * 2, item.state === 'open'));",
    ],
)
def test_what_is_read_of_an_item_is_in_the_item_that_is_laid(tmp_path: Path, inside: str) -> None:
    code = f"interface Kept {{ data: string; cents: number; state: string }}\n{wrapped(inside)}"
    reads = read(tmp_path, code)

    assert item({}, {}, reads) == {"data": {"S": "trial-1"}, "cents": {"N": "1"}, "state": {"S": "open"}}
    assert reads.paths == set()


def test_the_routes_of_a_router_are_known(tmp_path: Path) -> None:
    code = """
    app.get('/orders/:id', one); router.post('/orders', check, place); map.get(key, 'x'); app.all('/', home);
    export const handler = serverless(app);"""

    assert read(tmp_path, code).routes == [("GET", "/orders/:id"), ("POST", "/orders"), ("GET", "/")]


def test_what_a_safe_parse_gives_back_is_followed(tmp_path: Path) -> None:
    code = """
    const Id = z.object({ id: z.string() }).passthrough();
    export const handler = async (event) => {
      const checked = Id.safeParse(JSON.parse(event.body));
      if (!checked.success) return { statusCode: 400 };
      return checked.data.extra;
    };"""
    paths = read(tmp_path, code).paths

    assert (*BODY, "extra") in paths
    assert not {steps for steps in paths if "success" in steps or "data" in steps}


def test_a_declared_type_says_what_a_message_holds(tmp_path: Path) -> None:
    code = """
    interface Line { sku: string; cents: number }
    type Order = { id: string; lines: Line[]; state: 'new' | 'paid'; note?: string };
    export const handler = async (event: SQSEvent) => {
      for (const record of event.Records) { const order: Order = JSON.parse(record.body); await save(order); }
    };"""
    first, *_ = samples(EMPTY, [], QUEUE, {}, read(tmp_path, code))

    body = json.loads(first.payload)
    assert (body["lines"], body["state"]) == ([{"sku": "trial-1", "cents": 1}], "new")


@pytest.mark.parametrize(
    ("inside", "value"),
    [
        ("if (job.action === 'create') make(job);", "create"),
        ("switch (job.action) { case 'create': make(); break; case 'drop': drop(); }", "create"),
        ("Number(job.action);", 1),
        ("if (typeof job.action !== 'number') throw new Error('no');", 1),
        ("const total = job.action * 2;", 1),
    ],
)
def test_how_a_value_is_used_says_what_it_may_be(tmp_path: Path, inside: str, value: Any) -> None:
    code = f"export const handler = async (event) => {{ const job = JSON.parse(event.Records[0].body); {inside} }};"
    first, *_ = samples(EMPTY, [], QUEUE, {}, read(tmp_path, code))

    assert json.loads(first.payload)["action"] == value


def test_powertools_parser_and_batches_are_known(tmp_path: Path) -> None:
    code = f"""{ZOD}
    const one = async (record) => {{ JSON.parse(record.body).sku }};
    export const batch = async (event) => processPartialResponse(event, one, processor);
    const bare = async (event) => {{}};
    export const handler = middy(bare).use(parser({{ schema: Order, envelope: SqsEnvelope }}));"""

    assert (*MESSAGE, "sku") in read(tmp_path, code, "app.batch").paths
    assert (*MESSAGE, "lines", EACH, "sku") in read(tmp_path, code, "app.handler").paths


def test_code_that_calls_itself_or_cannot_be_parsed_ends(tmp_path: Path) -> None:
    code = "const f = (e) => f(f(e.a));\nexport const handler = (event) => { f(event); f(f(event)) };"

    assert ("a",) in read(tmp_path, code).paths
    assert read(tmp_path, "export const handler = ((").paths == set()


def test_a_language_that_is_not_read_says_nothing(tmp_path: Path) -> None:
    assert of_code(tmp_path, "App::handle", "java21") is None
    assert of_code(tmp_path / "none", "app.handler", "nodejs24.x") is None


@pytest.mark.parametrize(
    "code",
    [
        "const missing = REQUIRED.filter((field) => !data[field]);",
        "const required = ['name', 'points']; required.forEach((key) => { if (!(key in data)) throw key; });",
        "for (const field of REQUIRED) { if (data[field] === undefined) return; }",
        "const fields = Object.keys(data).filter((key) => REQUIRED.includes(key));",
        "const allowed = new Set(['name', 'points']); for (const [key] of Object.entries(data)) allowed.has(key);",
        "if (!REQUIRED.every((field: string) => data.hasOwnProperty(field))) return;",
        "const row = REQUIRED.reduce((made, field) => ({ ...made, [field]: data[field] }), {});",
    ],
)
def test_names_that_code_goes_through_are_read(tmp_path: Path, code: str) -> None:
    begins = "const REQUIRED = ['name', 'points'] as const;\nexport const handler = async (event) => {"
    reads = read(tmp_path, f"{begins} const data = JSON.parse(event.body); {code} }};")

    assert {(*BODY, "name"), (*BODY, "points")} <= reads.paths


def test_names_that_no_part_of_the_event_is_asked_for_are_not_read(tmp_path: Path) -> None:
    code = (
        "export const handler = async (event) => { ['name'].forEach((key) => process.env[key]); return event.body; };"
    )

    assert read(tmp_path, code).paths == {("body",)}


BUNDLE = """
var __commonJS = (cb, mod) => function __require() { return mod; };
// node_modules/left/index.js
var require_left = __commonJS({ "node_modules/left/index.js"(exports) { exports.handler = (event) => event.theirs; } });
%s
// src/orders/place.ts
var place = async (order) => order.total;

// src/index.ts
var handler = async (event) => place(JSON.parse(event.body));
// Annotate the CommonJS export names for ESM import in node:
0 && (module.exports = { handler });
"""


@pytest.mark.parametrize("lines", [0, 40_000])
def test_of_a_bundle_the_project_s_own_modules_are_read(tmp_path: Path, lines: int) -> None:
    (tmp_path / "index.js").write_text(BUNDLE % ("// much of a package\n" * lines))
    reads = of_code(tmp_path, "index.handler", "nodejs24.x")
    assert reads

    assert (*BODY, "total") in reads.paths
    assert ("theirs",) not in reads.paths


TABLE = """
import { create, other } from "./orders";
import { show } from "./shown";
const routes = { "POST /orders": create, "GET /orders": show };
export const handler = async (event: any) => routes[`${event.httpMethod} ${event.path}`](event);
"""
ORDERS = """
export const create = async (event: any) => JSON.parse(event.body).customer;
export const other = async (event: any) => JSON.parse(event.body).unread;
"""
SHOWN = "export async function show(request: any) { return request.unseen; }"


def test_functions_of_a_table_get_the_event(tmp_path: Path) -> None:
    reads = read(tmp_path, TABLE, orders=ORDERS, shown=SHOWN)

    assert (*BODY, "customer") in reads.paths
    assert (*BODY, "unread") not in reads.paths
    assert ("unseen",) not in reads.paths


def test_what_a_module_exports_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "app.js").write_text(
        "const a = (event) => event.mine; const b = (event) => event.theirs;"
        " module.exports = { handler: a, another: b, more: { b } };"
    )
    reads = of_code(tmp_path, "app.handler", "nodejs24.x")

    assert reads
    assert reads.paths == {("mine",)}


def test_what_dynamodb_is_given_as_a_number_is_the_text_of_one(tmp_path: Path) -> None:
    inside = "const body = JSON.parse(event.body); put({ Item: { id: { N: body.id }, name: { S: body.name } } });"
    values = read(tmp_path, wrapped(inside)).values

    assert values[(*BODY, "id")] == "1"
    assert (*BODY, "name") not in values


def test_a_text_that_is_split_twice_has_parts_of_both(tmp_path: Path) -> None:
    inside = "const parts = event.key.split('.')[0].split('__'); return parts[2];"

    assert read(tmp_path, wrapped(inside)).values[("key",)] == "trial__trial__trial"


def test_paths_of_a_router_begin_as_it_is_mounted_and_a_route_for_all_paths_gets_them(tmp_path: Path) -> None:
    orders = "export const orders = Router(); orders.get('/:id', (req, res) => res.json({})); orders.post('/', make);"
    code = "import { orders } from './orders'; app.use(json()); app.use('/shop/orders', orders);"
    reads = read(tmp_path, code, orders=orders)

    assert reads.routes[:2] == [("GET", "/shop/orders/:id"), ("POST", "/shop/orders/")]
    get = Source(Kind.HTTP, "F", "F.Get", route=Route("GET", "/{proxy+}", "2.0"))
    first, *_ = samples(EMPTY, [], get, {}, reads)
    assert first.payload["rawPath"] == "/shop/orders/1"
    other = Source(Kind.HTTP, "F", "F.Delete", route=Route("DELETE", "/{proxy+}", "2.0"))
    assert samples(EMPTY, [], other, {}, reads)[0].payload["rawPath"] == "/1"


def test_fields_that_the_code_lists_are_known_those_first_that_it_requires(tmp_path: Path) -> None:
    code = """
        const editable = ["fax", "phone"];
        export const orders = { editableFields: editable, requiredFields: ["companyName"], colours: ["red"] };
        export const handler = async (event) => orders;
    """

    assert read(tmp_path, code).fields == ["companyName", "fax", "phone"]


BRINGS = [
    "const orders = require('./orders'); const add = (order) => orders.add('me', order);",
    "const { add: put } = require('./orders'); const add = (order) => put('me', order);",
    "import * as orders from './orders.js'; const add = (order) => orders.add('me', order);",
    "import { add as put } from './orders'; const add = (order) => put('me', order);",
    "import orders from './orders'; const add = (order) => orders.add('me', order);",
]


@pytest.mark.parametrize("brings", BRINGS)
def test_a_function_is_that_of_the_module_that_it_is_brought_from(tmp_path: Path, brings: str) -> None:
    code = f"{brings}\nexport const handler = async (event) => add(JSON.parse(event.body));"
    dao = "export function add(order, sku) { return order.wrong; }"
    orders = "export async function add(who, order) { return order.description.trim(); }"
    reads = read(tmp_path, code, dao=dao, orders=orders)

    assert (*BODY, "description") in reads.paths
    assert (*BODY, "wrong") not in reads.paths


@pytest.mark.parametrize(
    "inside",
    [
        "const { items } = await all({}); for (const order of items) use(order);",
        "const found = await all({}); for (const order of found.items) use(order);",
        "const order = await one(KEY); use(order);",
        "const { Item: order } = await table.get(KEY); use(order);",
        "const order = await service.find(); use(order);",
    ],
)
def test_an_item_that_a_function_of_the_project_gives_has_what_is_read_of_it(tmp_path: Path, inside: str) -> None:
    code = """
        const all = async (input) => { const result = await client.send(input); return { items: result.Items || [] }; };
        const one = async (key) => { const { Item } = await table.get(key); return Item; };
        class Service { async find() { return one({ id: 1 }); } }
        const service = new Service();
        const use = (order) => {
            for (const line of order.lines) {
                if (line.done || line.state === "closed") continue;
                if (!line.reminded) remind(line);
                order.lines.filter((each) => !each.hidden && each.sku);
                if (order.status !== "OPEN" || order.active !== false) throw new Error(line.cents * 2);
            }
        };
    """
    reads = read(tmp_path, f"{code} export const handler = async () => {{ {inside} }};")

    laid = item({}, {}, reads)
    assert (laid["status"], laid["active"]) == ({"S": "OPEN"}, {"BOOL": True})
    line = {"state": {"S": "trial-1"}, "sku": {"S": "trial-1"}, "cents": {"N": "1"}}
    assert laid["lines"] == {"L": [{"M": line}]}


def test_a_text_begins_as_the_code_looks_for(tmp_path: Path) -> None:
    code = "export const handler = async (event) => { const body = JSON.parse(event.body);"
    code += "if (!body.pk.startsWith('ORDER#') || body.link.startsWith('https')) return; body.data.startsWith('{'); };"
    (first, *_) = samples(EMPTY, [], POST, {}, read(tmp_path, code))

    body = json.loads(first.payload["body"])
    assert (body["pk"], body["link"], body["data"]) == ("ORDER#trial-1", "https://example.test/trial", "trial-1")


def test_what_of_an_item_is_compared_with_the_event_is_known(tmp_path: Path) -> None:
    code = "export const handler = async (event) => { const { Item: order } = await table.get(key);"
    code += "return order.lines.find((line) => line.id !== event.pathParameters.line); };"

    assert read(tmp_path, code).same == {("{item}", "lines", EACH, "id"): ("pathParameters", "line")}


@pytest.mark.parametrize(
    "inside",
    [
        "switch (event.requestContext.http.method) { case 'GET': return 1; case 'POST': return 2; }",
        "const { method } = event.requestContext.http; if (method === 'GET') return 1; return method === 'POST';",
    ],
)
def test_of_the_methods_that_code_tells_apart_the_one_that_writes_counts(tmp_path: Path, inside: str) -> None:
    assert read(tmp_path, wrapped(inside)).values[("requestContext", "http", "method")] == "POST"
