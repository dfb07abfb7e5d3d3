"""Of several handlers in one module, the one that only logs is known by what its own code reaches."""

from pathlib import Path

import pytest

from trials.samples.javascript.reach import calls_nothing

MODULE = """
const AWS = require('aws-sdk');
const { S3Client } = require('@aws-sdk/client-s3');
const util = require('util');
const helper = require('./helper');
const sqs = new AWS.SQS();
const shown = (record) => util.inspect(record.body);
const send = (body) => sqs.sendMessage({ MessageBody: body }).promise();
class Handler { async main(event) { console.log(shown(event.Records[0])); } }
class Sender { async main(event) { await send(event.body); } }
const handler = new Handler();
module.exports.logs = (event, context, callback) => { console.log(shown(event.Records[0])); callback(null); };
module.exports.bound = handler.main.bind(handler);
module.exports.sends = async (event) => { await send(event.body); };
module.exports.stores = async (event) => { await new S3Client({}).send(event); };
module.exports.helped = async (event) => { await helper.passOn(event); };
module.exports.asks = async (event) => { await fetch(event.url); };
module.exports.made = async (event) => new Sender().main(event);
"""
HELPER = "const AWS = require('aws-sdk'); exports.passOn = (event) => new AWS.SNS().publish(event).promise();"


@pytest.mark.parametrize(
    ("name", "nothing"),
    [("logs", True), ("sends", False), ("stores", False), ("helped", False), ("asks", False), ("made", False)],
)
def test_what_a_handler_reaches_tells_whether_it_calls_anything(tmp_path: Path, name: str, nothing: bool) -> None:
    (tmp_path / "app.js").write_text(MODULE)
    (tmp_path / "helper.js").write_text(HELPER)

    assert calls_nothing(tmp_path, f"app.{name}", "nodejs20.x") is nothing


def test_a_method_that_is_bound_is_followed(tmp_path: Path) -> None:
    (tmp_path / "app.js").write_text(
        MODULE.replace("class Sender { async main(event) { await send(event.body); } }", "")
    )
    (tmp_path / "helper.js").write_text("")

    assert calls_nothing(tmp_path, "app.bound", "nodejs20.x")


@pytest.mark.parametrize("handler", ["app.none", "other.logs"])
def test_a_handler_that_is_not_found_tells_nothing(tmp_path: Path, handler: str) -> None:
    assert not calls_nothing(tmp_path, handler, "nodejs20.x")
