"""The handlers in TypeScript log the correlation id that came and pass it on; AWS is a stub that takes everything."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from trials.local_aws.synthesis import EXAMPLES, NODE

# Every client answers from `answer`, and what is sent to AWS is printed; `message` is what a mapping delivers.
PRELUDE = """
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EventBridgeV2Client } from "@aws-sdk/client-eventbridgev2";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { S3Client } from "@aws-sdk/client-s3";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SFNClient } from "@aws-sdk/client-sfn";
import { SQSClient } from "@aws-sdk/client-sqs";
import { DynamoDBDocumentClient } from "@aws-sdk/lib-dynamodb";

let answer = (input) => ({});
const queues = [SQSClient, SFNClient];
const others = [EventBridgeV2Client, DynamoDBDocumentClient];
const clients = [DynamoDBClient, LambdaClient, S3Client, SecretsManagerClient, ...queues, ...others];
for (const client of clients)
  client.prototype.send = async ({ input }) => (console.log(JSON.stringify({ sent: input })), answer(input));
const context = { functionName: "f", awsRequestId: "r-1", functionVersion: "1", getRemainingTimeInMillis: () => 9_000 };
const message = (messageId, body, id) => ({
  messageId,
  body,
  receiptHandle: "h",
  attributes: { ApproximateReceiveCount: "1" },
  messageAttributes: id ? { correlation_id: { stringValue: id, dataType: "String" } } : {},
});
"""
PLAYS = {
    "durable_workflow": """
const operation = ({ Id, Type, Action, Name }) => ({
  ...{ Id, Type, Name, StartTimestamp: new Date(), CallbackDetails: { CallbackId: "aa" } },
  Status: Action === "SUCCEED" ? "SUCCEEDED" : "STARTED",
});
answer = ({ Updates = [] }) => ({ CheckpointToken: "t", NewExecutionState: { Operations: Updates.map(operation) } });
globalThis.fetch = async () => new Response(JSON.stringify({ points: 700 }));
const loan = { loan_id: "c-1", customer: "ana", cents: 5 };
const ExecutionDetails = { InputPayload: JSON.stringify(loan) };
const begun = { Id: "1", Type: "EXECUTION", Status: "STARTED", ExecutionDetails };
const input = { DurableExecutionArn: "a/1", CheckpointToken: "t", InitialExecutionState: { Operations: [begun] } };
(async () => {
  await require("./start").handler(loan, context);
  await require("./workflow").handler(input, context);
  await require("./decide").handler({ loan_id: "m-1", callback_id: "aa", approved: true }, context);
})();
""",
    "event_store": """
answer = () => ({ Items: [] });
const { handler } = require("./command");
const Keys = { card: { S: "g" } };
const change = (eventID, NewImage) => ({ eventID, dynamodb: { Keys, NewImage, SequenceNumber: "1" } });
(async () => {
  await handler({ command_id: "m-1", card: "g", kind: "CreditGranted", cents: 5 }, context);
  await handler({ command_id: "m-2", card: "g", kind: "CreditGranted", cents: 5, correlation_id: "c-1" }, context);
  const Records = [change("1", { correlation_id: { S: "c-1" } }), change("m-1")];
  await require("./project").handler({ Records }, context);
})();
""",
    "file_pipeline": """
const ends = { "bytes=0-1023": "sku,cents,currency\\n", "bytes=-1": "\\n" };
answer = ({ Range }) => ({ Body: { transformToString: async () => ends[Range] } });
const object = { key: "acme.csv", size: 31, etag: "e", sequencer: "A" };
const line = { list: "acme.csv", version: "A".repeat(32), row: { sku: "mug", cents: "free", currency: "EUR" } };
(async () => {
  await require("./check").handler({ id: "c-1", detail: { object } }, context);
  await require("./price").handler({ ...line, correlation_id: "c-1" }, context);
  await require("./check").handler({ id: "m-1", detail: { object: { ...object, size: 0 } } }, context);
})();
""",
    "kept_events": """
answer = ({ Entries = [] }) => ({ Entries: Entries.map(() => ({ SuccessCode: "PUBLISHED" })) });
const told = (number, correlation_id) => ({
  Data: {
    "detail-type": "OrderPaid",
    detail: { metadata: { version: 1, number, correlation_id }, data: { order_id: "o-1", cents: 5 } },
  },
  SystemMetadata: { "aws:DeliveryType": "LIVE" },
});
(async () => {
  const events = [{ order_id: "o-1", number: 1, kind: "OrderPlaced", cents: 5 }];
  await require("./publish").handler({ events, correlation_id: "c-1" }, context);
  await require("./track").handler(told(1, "c-1"), context);
  await require("./track").handler(told(3, "c-1"), context);
  await require("./track").handler({}, { ...context, awsRequestId: "m-1" });
})();
""",
    "ordered_consumer": """
const awaited = { ...context, getRemainingTimeInMillis: () => 60_000 };
const fifo = (id, body, from) => {
  const made = message(id, body, from);
  return { ...made, attributes: { ...made.attributes, MessageGroupId: "mug" } };
};
const second = JSON.stringify({ number: 2, kind: "SOLD", pieces: 1 });
(async () => {
  const Records = [fifo("m-0", second, "c-1"), fifo("m-1", "no change")];
  await require("./app").handler({ Records }, context);
  const waits = { sku: "mug", number: 2, kind: "SOLD", pieces: 1, correlation_id: "c-1", why: "1 is missing" };
  let parked = true;
  answer = ({ KeyConditionExpression, TransactItems }) => {
    if (TransactItems) parked = false;
    return KeyConditionExpression ? { Items: [waits] } : { Item: { version: 1, applied: 1, pieces: 5, parked } };
  };
  await require("./release").handler({ sku: "mug", by: "ana" }, awaited);
})();
""",
    "payment_worker": """
let entry;
answer = ({ Item }) => ((entry = Item ?? entry), { Item: entry, Attributes: { ...entry, what: "none" } });
const payment = JSON.stringify({ payment_id: "p-1", card: "tok", cents: 5 });
(async () => {
  const Records = [message("m-0", payment, "c-1"), message("m-1", "no payment")];
  await require("./app").handler({ Records }, context);
  await require("./resolve").handler({ payment_id: "p-1", verdict: "RETRY", by: "me", found: "none" }, context);
})();
""",
    "queue_worker": """
const Records = [message("m-0", "no order", "c-1"), message("m-1", "no order")];
require("./app").handler({ Records }, context);
""",
    "webhook": """
import { createHmac } from "node:crypto";
answer = () => ({ SecretString: "key" });
const time = Math.trunc(Date.now() / 1_000), body = JSON.stringify({ id: "e-1" });
const signature = createHmac("sha256", "key").update(`${time}.${body}`).digest("hex");
const asked = { body, headers: { "x-signature": `t=${time},v1=${signature}` }, requestContext: { requestId: "c-1" } };
(async () => {
  await require("./receive").handler(asked, context);
  const Records = [message("m-0", JSON.stringify({ body }), "c-1"), message("m-1", JSON.stringify({ body }))];
  await require("./work").handler({ Records }, context);
})();
""",
}
SENT = {
    "durable_workflow": ["c-1", "c-1"],
    "event_store": ["m-1", "c-1"],
    "file_pipeline": ["c-1"],
    "kept_events": ["c-1"],
    "ordered_consumer": ["c-1"],
    "payment_worker": ["c-1", "c-1"],
    "queue_worker": [],
    "webhook": ["c-1"],
}
TABLES = ("STOCK_TABLE", "PARKED_TABLE", "PRICES_TABLE", "ORDERS_TABLE", "BUS_ARN")
VARIABLES = (
    *TABLES,
    "BODIES_BUCKET",
    "FILES_BUCKET",
    "INCOMING_BUCKET",
    "STATE_MACHINE",
    "LEDGER_TABLE",
    "LOG_TABLE",
    "BALANCES_TABLE",
    "PAYMENTS_TABLE",
    "SHIPMENTS_TABLE",
)
URLS = (
    "APPROVALS_URL",
    "CARRIER_URL",
    "CHANGES_DLQ_URL",
    "MISSED_URL",
    "ORDERS_URL",
    "PARTNERS_URL",
    "PAYMENTS_URL",
    "PROVIDER_URL",
    "WEBHOOKS_URL",
)


def played(folder: Path, script: str, made: Path) -> list[dict[str, Any]]:
    """What the handlers print, a JSON object a line."""
    modules = str(NODE / "node_modules")
    options = ["--bundle", "--platform=node", "--loader=ts", "--log-level=error", f"--outfile={made}"]
    esbuild = [f"{modules}/.bin/esbuild", *options]
    env = {**os.environ, "NODE_PATH": modules, "AWS_REGION": "us-east-1", "SIGNING_SECRET": "secret"}
    env |= {"APPROVAL_SECONDS": "9", "WITHDRAWAL_SECONDS": "9", "WORKFLOW": "f:live"}
    env |= dict.fromkeys(VARIABLES, "name") | dict.fromkeys(URLS, "http://127.0.0.1:9")
    subprocess.run(esbuild, input=PRELUDE + script, cwd=folder, env=env, text=True, check=True, timeout=60)
    done = subprocess.run(["node", str(made)], env=env, text=True, capture_output=True, check=True, timeout=60)
    return [json.loads(line) for line in (done.stdout + done.stderr).splitlines() if line.startswith("{")]


def carried(sent: dict[str, Any]) -> Any:
    """The correlation id of what goes on: a message, the item of a claim, the event of a transaction, an execution."""
    if "input" in sent:
        return json.loads(sent["input"])["correlation_id"]
    items = [sent.get("Item", {}), *(each["Put"]["Item"] for each in sent.get("TransactItems", []) if "Put" in each)]
    items += [json.loads(each["Detail"])["metadata"] for each in sent.get("Entries", []) if "Detail" in each]
    attribute = sent.get("MessageAttributes", {}).get("correlation_id", {})
    otherwise = attribute.get("StringValue") or sent.get("DurableExecutionName")
    return next((each["correlation_id"] for each in items if "correlation_id" in each), otherwise)


@pytest.mark.e2e
@pytest.mark.parametrize("name", PLAYS)
def test_each_line_has_the_id_that_came_and_what_is_sent_has_it_too(name: str, tmp_path: Path) -> None:
    printed = played(EXAMPLES / name, PLAYS[name], tmp_path / "played.cjs")

    logged = [each["correlation_id"] for each in printed if "level" in each]
    assert set(logged) == {"c-1", "m-1"}, "one came with an id and the other is known by its own"
    assert [carried(each["sent"]) for each in printed if carried(each.get("sent", {}))] == SENT[name]
