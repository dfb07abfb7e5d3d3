"""What linters find of twenty planted defects, each beside a template without it, and what they say of the latter.

uv run --directory tests python -m benchmarks.linters

A defect counts as found when a tool says something of the defective template that it does not say of the other; the
last column is for reading whether that is about the defect. Tools run in environments of their own, through uvx;
cdk-nag, which knows CDK only, through `CfnInclude` of the translated template.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from support.documents import ROOT
from support.templates import translated
from trials.template import read_template

FIXTURES = ROOT / "tests" / "rules" / "fixtures"
PAIRS = {  # rule of ours: form of the fixture
    **dict.fromkeys(("E9101", "E9103", "E9105", "E9201", "E9301", "E9307", "E9501", "E9601", "E9624"), "sam"),
    **dict.fromkeys(("E9102", "E9104", "E9107", "E9202", "E9305", "W9502", "E9620", "W9701", "W9706", "W9802"), "cfn"),
    "E9404": "alarm",
}
VERSIONS = {
    "cfn-lint": "cfn-lint==1.58.0",
    "cfn-lint-serverless": "cfn-lint-serverless==0.3.6",
    "checkov": "checkov==3.3.30",
    "cdk-nag": "cdk-nag==3.0.2",
}
NAG = """
import sys
import aws_cdk as cdk
from aws_cdk.cloudformation_include import CfnInclude
from cdk_nag import AwsSolutionsChecks, ServerlessChecks
for index, path in enumerate(sys.argv[1:]):
    print(f"template {index}", flush=True)
    app = cdk.App(outdir=f"{path}.out")
    stack = cdk.Stack(app, "s")
    CfnInclude(stack, "i", template_file=path)
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    try:
        app.synth()
    except Exception as error:
        print(error, flush=True)
"""


def uvx(package: str, *command: str, extra: tuple[str, ...] = ()) -> str:
    """What a tool prints, from an environment of its own."""
    uv = os.environ.get("UV") or shutil.which("uv") or "uv"
    withs = [part for each in extra for part in ("--with", each)]
    done = subprocess.run(
        [uv, "tool", "run", "--quiet", "--from", package, *withs, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if "python" in command else subprocess.DEVNULL,
        text=True,
        check=False,
    )
    return done.stdout


def cfn_lint(paths: list[Path], rules: str = "", extra: tuple[str, ...] = ()) -> list[set[str]]:
    options = ("-a", rules) if rules else ()
    names = [str(path) for path in paths]
    text = uvx(VERSIONS["cfn-lint"], "cfn-lint", "-f", "json", *options, "-t", *names, extra=extra)
    found = json.loads(text[text.index("[") :])
    return [{each["Rule"]["Id"] for each in found if each["Filename"] == name} for name in names]


def serverless(paths: list[Path]) -> list[set[str]]:
    return cfn_lint(paths, "cfn_lint_serverless.rules", (VERSIONS["cfn-lint-serverless"],))


def ours(paths: list[Path]) -> list[set[str]]:
    return cfn_lint(paths, str(ROOT / "tests" / "rules"))


def checkov(paths: list[Path]) -> list[set[str]]:
    files = [part for path in paths for part in ("-f", str(path))]
    text = uvx(VERSIONS["checkov"], "checkov", *files, "--framework", "cloudformation", "--compact", "-o", "json")
    checks = json.loads(text[text.index("{") :])["results"]["failed_checks"]
    return [{each["check_id"] for each in checks if each["file_abs_path"] == str(path)} for path in paths]


def nag(paths: list[Path]) -> list[set[str]]:
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for index, path in enumerate(paths):
            template = read_template(path)
            plain = translated(path) if "Transform" in template else template
            names.append(Path(folder) / f"{index}.json")
            names[-1].write_text(json.dumps(plain))
        text = uvx(VERSIONS["cdk-nag"], "python", "-c", NAG, *map(str, names))
    parts = re.split(r"^template (\d+)$", text, flags=re.M)[2::2]
    return [set(re.findall(r"(AwsSolutions-\w+|Serverless-\w+)", part)) for part in parts]


TOOLS: dict[str, Callable[[list[Path]], list[set[str]]]] = {
    "cfn-lint": cfn_lint,
    "cfn-lint-serverless": serverless,
    "checkov": checkov,
    "cdk-nag": nag,
    "with our rules": ours,
}


def main() -> None:
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"  # the SAM translator asks for one
    print("| Tool | Found | Findings on the right ones | Found what |\n| --- | --- | --- | --- |")  # noqa: T201
    rules = sorted(PAIRS)
    wrong, right = ([FIXTURES / rule / f"{kind}_{PAIRS[rule]}.yaml" for rule in rules] for kind in ("fail", "pass"))
    for name, look in TOOLS.items():
        said = look([*wrong, *right])
        noise = sum(len(each) for each in said[len(rules) :])
        news = zip(rules, said, said[len(rules) :], strict=False)
        found = {rule: before - after for rule, before, after in news if before - after}
        what = "; ".join(f"{rule}: {', '.join(sorted(ids))}" for rule, ids in found.items())
        print(f"| {name} | {len(found)} of {len(PAIRS)} | {noise} | {what} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
