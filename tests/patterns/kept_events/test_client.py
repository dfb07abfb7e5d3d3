"""The stand-in for AWS's client for Node.js has names and members of AWS's own model."""

import json
import subprocess

import botocore.loaders

from trials.local_aws.synthesis import NODE

SHOWN = """
import * as client from "@aws-sdk/client-eventbridgev2";
const sides = Object.entries(client.operations);
const members = sides.map(([name, both]) => [name, ...both.map((each) => Object.keys(each))]);
console.log(JSON.stringify({ members, exported: Object.keys(client) }));
"""


def test_operations_and_their_members_are_those_of_the_model() -> None:
    command = ["node", "--input-type=module", "--eval", SHOWN]
    done = subprocess.run(command, cwd=NODE, capture_output=True, text=True, check=True, timeout=60)
    shown = json.loads(done.stdout)
    model = botocore.loaders.Loader().load_service_model("eventbridgev2", "service-2")

    assert shown["members"]
    for name, asked, answered in shown["members"]:
        operation = model["operations"][name]
        request, response = (model["shapes"][operation[side]["shape"]]["members"] for side in ("input", "output"))
        assert set(asked) <= request.keys(), name
        assert set(answered) <= response.keys(), name
        assert f"{name}Command" in shown["exported"]
        assert set(model["shapes"][operation["input"]["shape"]].get("required", [])) <= set(asked), name
