"""Code that can leave nothing but its log is told from code that may: only what is known to be harmless counts."""

from pathlib import Path

import pytest

from trials.project.effects import calls_nothing, only_reads

HANDLER = "def handler(event, context):\n    print(event)\n"
SCRIPT = "exports.handler = async (event) => { console.log(event) }\n"


@pytest.mark.parametrize(
    ("code", "nothing"),
    [
        (HANDLER, True),
        ("import json, os\nfrom aws_lambda_powertools import Logger\n" + HANDLER, True),
        ("from shared import told\n" + HANDLER, True),
        ("from sending import told\n" + HANDLER, False),  # which imports boto3
        ("import boto3\n" + HANDLER, False),
        ("import urllib.request\n" + HANDLER, False),
        ("from urllib import request\n" + HANDLER, False),
        ("import os\nos.system('date')\n" + HANDLER, False),
        ("def handler(event, context):\n    return __import__(event['module'])\n", False),
        ("from aws_lambda_powertools.utilities import parameters\n" + HANDLER, False),
        ("from aws_durable_execution_sdk_python import durable_execution\n" + HANDLER, True),
        (
            "from aws_durable_execution_sdk_python import durable_execution\n" + HANDLER + "    context.invoke('f')",
            False,
        ),
        ("from a_layer import told\n" + HANDLER, False),
        ("def handler(:", False),
    ],
)
def test_python_that_calls_nothing(tmp_path: Path, code: str, nothing: bool) -> None:
    (tmp_path / "app.py").write_text(code)
    (tmp_path / "shared.py").write_text("import json\ntold = json.dumps\n")
    (tmp_path / "sending.py").write_text("import boto3\ntold = boto3.client\n")

    assert calls_nothing(tmp_path, "app.handler", "python3.14") is nothing


@pytest.mark.parametrize(
    ("code", "nothing"),
    [
        (SCRIPT, True),
        ("const { inspect } = require('node:util')\n" + SCRIPT, True),
        ("const table = process.env.TABLE\n" + SCRIPT, True),
        ("const told = require('./shared')\n" + SCRIPT, True),
        ("const told = require('./sending')\n" + SCRIPT, False),
        ("const told = require('./missing')\n" + SCRIPT, False),
        ("const { SNS } = require('@aws-sdk/client-sns')\n" + SCRIPT, False),
        ("import { SNS } from '@aws-sdk/client-sns'\n" + SCRIPT, False),
        ("const { withDurableExecution } = require('@aws/durable-execution-sdk-js')\n" + SCRIPT, True),
        ("require('@aws/durable-execution-sdk-js')\nexports.handler = (event, it) => it.invoke('a')\n", False),
        ("import https from 'https'\n" + SCRIPT, False),
        ("exports.handler = async (event) => fetch(event.url)\n", False),
        ("exports.handler = async (event) => require(event.name)\n", False),
        ("exports.handler = async (event) => (await import(event.name)).run()\n", False),
    ],
)
def test_javascript_that_calls_nothing(tmp_path: Path, code: str, nothing: bool) -> None:
    (tmp_path / "app.js").write_text(code)
    (tmp_path / "shared.js").write_text("exports.told = JSON.stringify\n")
    (tmp_path / "sending.js").write_text("exports.told = require('https').get\n")

    assert calls_nothing(tmp_path, "app.handler", "nodejs24.x") is nothing


def test_code_that_is_not_here_may_call_anything(tmp_path: Path) -> None:
    assert not calls_nothing(tmp_path, "app.handler", "python3.14")
    assert not calls_nothing(tmp_path, "app.handler", "nodejs24.x")
    assert not calls_nothing(tmp_path, "app.handler", "java25")


READING = """import json, boto3
s3 = boto3.client("s3")
def handler(event, context):
    print(s3.get_object(Bucket="b", Key="k")["Body"].read().decode())
"""


@pytest.mark.parametrize(
    ("code", "only"),
    [
        (READING, True),
        (READING + "    s3.put_object(Bucket='b', Key='k')\n", False),
        (READING + "    s3.copy({}, 'b', 'k')\n", False),
        (READING + "    put = s3.put_object\n    put(Bucket='b', Key='k')\n", False),
        (READING + "    getattr(s3, event['call'])()\n", False),
        (READING + "    class A:\n        def put_item(self):\n            t.put_item()\n", False),
        ("import boto3, requests\n" + READING, False),
        ("from reading import s3\n" + HANDLER, True),
        ("from writing import s3\n" + HANDLER, False),
    ],
)
def test_python_that_only_reads(tmp_path: Path, code: str, only: bool) -> None:
    (tmp_path / "app.py").write_text(code)
    (tmp_path / "reading.py").write_text(READING)
    (tmp_path / "writing.py").write_text(READING + "    boto3.client('sqs').send_message()\n")

    assert only_reads(tmp_path, "app.handler", "python3.14") is only


LOADING = """import { S3Client, GetObjectCommand } from '@aws-sdk/client-s3';
const s3 = new S3Client({});
export const handler = async (event) => console.log(await s3.send(new GetObjectCommand({ Key: event.key })));
"""


@pytest.mark.parametrize(
    ("code", "only"),
    [
        (LOADING, True),
        (LOADING.replace("GetObject", "PutObject"), False),
        ("import { S3 } from '@aws-sdk/client-s3'; new S3({}).putObject({});\n", False),
        ("import { Upload } from '@aws-sdk/lib-storage';\n" + LOADING, False),
        ("import AWS from 'aws-sdk';\n" + LOADING, False),
        (LOADING + "fetch('https://example.test');\n", False),
    ],
)
def test_javascript_that_only_reads(tmp_path: Path, code: str, only: bool) -> None:
    (tmp_path / "app.mjs").write_text(code)

    assert only_reads(tmp_path, "app.handler", "nodejs24.x") is only
