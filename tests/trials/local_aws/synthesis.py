"""Synthesise the examples' CDK stacks as `cdk synth` would, in one process for each language."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from trials.local_aws import ROOT, LocalAwsError

EXAMPLES = ROOT / "examples"
NODE = ROOT / "tests" / "node"  # its lock file holds what TypeScript needs
LANGUAGES = ("python", "typescript")
QUIET = {"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1", "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1"}
UNCHECKED = {"CDK_VALIDATION": "false"}  # CDK's rules take longer than all else, and the tests have cfn-lint's
AS_THE_CLI = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}


def synthesise(
    language: str,
    out: Path,
    bundled: tuple[str, ...] = (),
    app: Path | None = None,
    handlers: str = "python",
) -> dict[str, Path]:
    """Write the stacks' templates into `out`; return their paths by the stack's name in snake case, the example's.

    Functions are packaged for AWS in the stacks named in `bundled` only; elsewhere the asset is the example's folder,
    which `LocalAws` packages for this machine. `app` is the program, that of the examples if none is given. `handlers`
    is the language of the functions where a stack has both; TypeScript must be bundled. Raises `LocalAwsError` when
    Node.js is missing or the app fails.
    """
    install_node()
    context = {**json.loads((EXAMPLES / "cdk.json").read_text())["context"], **AS_THE_CLI}
    context |= {"aws:cdk:bundling-stacks": list(bundled), "handlers": handlers}
    command = {
        "python": [sys.executable, str(app or EXAMPLES / "cdk_app.py")],
        "typescript": ["node", str(NODE / "node_modules" / ".bin" / "tsx"), str(app or EXAMPLES / "cdk_app.ts")],
    }[language]
    variables = {
        "CDK_OUTDIR": str(out),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "NODE_PATH": str(NODE / "node_modules"),
        "PYTHONPATH": str(EXAMPLES),  # where an app finds the parts that the examples' stacks share
        "npm_config_global": "true",  # CDK calls esbuild through npx, which would look for it above the examples only
        "npm_config_prefix": str(NODE),
    }
    if "UV" in os.environ:  # `uv run` says where it is, which need not be on PATH; the stacks call it by name
        variables["PATH"] = os.pathsep.join([str(Path(os.environ["UV"]).parent), os.environ["PATH"]])
    environment = {**os.environ, **QUIET, **UNCHECKED, **variables}
    done = subprocess.run(command, env=environment, cwd=EXAMPLES, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LocalAwsError(f"the CDK app in {language} failed: {' '.join(done.stderr.split())[-600:]}")
    return {snake_case(path.name.removesuffix(".template.json")): path for path in out.glob("*.template.json")}


def snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def install_node() -> None:
    """Bring `tests/node/node_modules` to what the lock file says; does nothing when it is there already."""
    wanted = hashlib.sha256((NODE / "package-lock.json").read_bytes()).hexdigest()
    stamp = NODE / "node_modules" / ".installed"
    with (NODE / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several processes of a run start at once
        if stamp.exists() and stamp.read_text() == wanted:
            return
        npm = shutil.which("npm")
        if not npm:
            raise LocalAwsError("npm is not on PATH: install Node.js 20 or newer")
        done = subprocess.run([npm, "ci", "--silent"], cwd=NODE, capture_output=True, text=True, check=False)
        if done.returncode:
            raise LocalAwsError(f"`npm ci` in tests/node failed; it needs the network. npm says: {done.stderr[-300:]}")
        stamp.write_text(wanted)
