"""What is loaded before a function in JavaScript changes how it is carried, never what it does."""

import subprocess
from pathlib import Path

import pytest

from trials.local_aws.javascript import PRELOADS

HANDLERS = "class NodeHttpHandler {}\nclass NodeHttp2Handler {}\nmodule.exports = { NodeHttpHandler, NodeHttp2Handler }"
CLIENT = "const { NodeHttp2Handler } = require('@smithy/node-http-handler'); exports.client = new NodeHttp2Handler()"
COMMONJS = "const { client } = require('client'); console.log(client)"
MODULE = "import sdk from 'client'; console.log(sdk.client)"


@pytest.mark.parametrize(("name", "code"), [("app.cjs", COMMONJS), ("app.mjs", MODULE)])
def test_a_client_that_would_speak_http_2_speaks_what_the_local_aws_does(tmp_path: Path, name: str, code: str) -> None:
    (handlers := tmp_path / "node_modules" / "@smithy" / "node-http-handler").mkdir(parents=True)
    (handlers / "index.js").write_text(HANDLERS)
    (client := tmp_path / "node_modules" / "client").mkdir()
    (client / "index.js").write_text(CLIENT)
    (tmp_path / name).write_text(code)
    loaded = [word for path in PRELOADS for word in ("--require", str(path))]

    said = subprocess.run(["node", *loaded, name], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "NodeHttpHandler {}"
