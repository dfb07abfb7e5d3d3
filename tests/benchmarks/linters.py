"""What linters find of planted defects, each beside a template without it, and what they say of the latter.

uv run --directory tests python -m benchmarks.linters                      of twenty defects, ours to choose
uv run --directory tests python -m benchmarks.linters --all                of every fixture of our rules that fails
uv run --directory tests python -m benchmarks.linters FOLDER --sample 120  what each says of templates of others

`--publish` keeps the last two for tests/rules/README.md. The first two are biased: a fixture is what one of our rules
is for, and we wrote those rules for what others pass. Of templates of others nobody knows what is wrong with them, so
their table counts and judges nothing.

A defect counts as found when a tool says something of the defective template that it does not say of the other; that
may be about something else. Tools run in environments of their own, through uvx; cdk-nag, which knows CDK only, through
`CfnInclude` of the translated template; AWS's cloudformation-validate in this one.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from support import templates
from support.documents import ROOT
from trials.template import TemplateError, read_template

FIXTURES = ROOT / "tests" / "rules" / "fixtures"
KEPT = Path(__file__).parent / "linters.json"
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
AT_ONCE = 40  # templates of a run of cfn-lint: one that it cannot read ends the run
MOST = 300_000  # bytes of a template of others
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
Said = list[list[str]]  # of each template, the ids of the findings


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


def cfn_lint(paths: list[Path], rules: str = "", extra: tuple[str, ...] = ()) -> Said:
    options = ("-a", rules) if rules else ()
    said: Said = []
    for start in range(0, len(paths), AT_ONCE):
        some = paths[start : start + AT_ONCE]
        names = [str(path) for path in some]
        text = uvx(VERSIONS["cfn-lint"], "cfn-lint", "-f", "json", *options, "-t", *names, extra=extra)
        if "[" in text:
            found = json.loads(text[text.index("[") :])
            said += [[each["Rule"]["Id"] for each in found if each["Filename"] == name] for name in names]
        else:
            said += [each for path in some for each in cfn_lint([path], rules, extra)] if len(some) > 1 else [[]]
    return said


def serverless(paths: list[Path]) -> Said:
    return cfn_lint(paths, "cfn_lint_serverless.rules", (VERSIONS["cfn-lint-serverless"],))


def ours(paths: list[Path]) -> Said:
    return cfn_lint(paths, str(ROOT / "tests" / "rules"))


def checkov(paths: list[Path]) -> Said:
    files = [part for path in paths for part in ("-f", str(path))]
    text = uvx(VERSIONS["checkov"], "checkov", *files, "--framework", "cloudformation", "--compact", "-o", "json")
    checks = json.loads(text[text.index("{") :])["results"]["failed_checks"]
    return [[each["check_id"] for each in checks if each["file_abs_path"] == str(path)] for path in paths]


def validate(paths: list[Path]) -> Said:
    return [[each.rule_id for each in templates.validated(path.read_text())] for path in paths]


def nag(paths: list[Path]) -> Said:
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for index, path in enumerate(paths):
            template = read_template(path)
            plain = templates.translated(path) if "Transform" in template else template
            names.append(Path(folder) / f"{index}.json")
            names[-1].write_text(json.dumps(plain))
        text = uvx(VERSIONS["cdk-nag"], "python", "-c", NAG, *map(str, names))
    parts = re.split(r"^template (\d+)$", text, flags=re.M)[2::2]
    return [re.findall(r"(AwsSolutions-\w+|Serverless-\w+)", part) for part in parts]


TOOLS: dict[str, Callable[[list[Path]], Said]] = {
    "cfn-lint": cfn_lint,
    "cfn-lint-serverless": serverless,
    "checkov": checkov,
    "cloudformation-validate": validate,
    "cdk-nag": nag,
    "with our rules": ours,
}


def tool(name: str) -> str:
    """A tool with its version."""
    if name == "cloudformation-validate":
        return f"{name} {version(name)}"
    return VERSIONS.get(name, name).replace("==", " ")


def twenty() -> list[tuple[Path, Path]]:
    return [
        (FIXTURES / rule / f"fail_{form}.yaml", FIXTURES / rule / f"pass_{form}.yaml") for rule, form in PAIRS.items()
    ]


def every() -> list[tuple[Path, Path]]:
    """Each fixture that fails, beside the one of its rule that passes and is most like it."""
    pairs = []
    for wrong in sorted(FIXTURES.glob("*/fail*.yaml")):
        rights = sorted(wrong.parent.glob("pass*.yaml"))
        same = [each for each in rights if each.stem.removeprefix("pass") == wrong.stem.removeprefix("fail")]
        sam = templates.is_sam(wrong)
        pairs.append((wrong, [*same, *(each for each in rights if templates.is_sam(each) == sam), *rights][0]))
    return pairs


def of_pairs(pairs: list[tuple[Path, Path]], names: list[str]) -> list[dict[str, Any]]:
    rows = []
    for name in names:
        said = [set(each) for each in TOOLS[name]([path for pair in zip(*pairs, strict=True) for path in pair])]
        wrong, right = said[: len(pairs)], said[len(pairs) :]
        found = {
            f"{path.parent.name}/{path.stem}": sorted(before - after)
            for (path, _), before, after in zip(pairs, wrong, right, strict=True)
            if before - after
        }
        rows.append({"tool": tool(name), "found": len(found), "others": sum(map(len, right)), "what": found})
    return rows


def readable(folders: list[Path]) -> list[Path]:
    """The templates below some folders that can be read, whatever their names are."""
    found = []
    for path in sorted(
        each for folder in folders for kind in ("yaml", "yml", "json") for each in folder.rglob(f"*.{kind}")
    ):
        told = "" if "node_modules" in path.parts or path.stat().st_size > MOST else path.read_text(errors="replace")
        if "AWS::" not in told:
            continue
        try:
            resources = read_template(path).get("Resources")
        except (TemplateError, ValueError, RecursionError):
            continue
        found += [path] if isinstance(resources, dict) and resources else []
    return found


def of_others(paths: list[Path]) -> list[dict[str, Any]]:
    """Of each tool, the templates of which it says something, those with what it calls an error, and the findings."""
    rows = []
    for name in (each for each in TOOLS if each != "cdk-nag"):
        print(f"{name} reads {len(paths)} templates", flush=True)  # noqa: T201
        found = [[each for each in ids if counted(name, each)] for ids in TOOLS[name](paths)]
        errors = [ids for ids in found if any(each[0] in "EF" for each in ids)]
        rows.append(
            {
                "tool": tool(name),
                "with": sum(map(bool, found)),
                "errors": None if name == "checkov" else len(errors),
                "findings": sum(map(len, found)),
            }
        )
    return rows


def counted(name: str, rule: str) -> bool:
    """It is a finding of the rules that are added, not of cfn-lint that carries them."""
    if name == "with our rules":
        return re.fullmatch(r"[EW]9\d{3}", rule) is not None
    return name != "cfn-lint-serverless" or re.fullmatch(r"[EW]S\d+", rule) is not None


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, help="folders with templates of others")
    parser.add_argument("--all", action="store_true", help="every fixture of our rules that fails, without cdk-nag")
    parser.add_argument("--sample", type=int, default=0, help="so many templates of others, drawn at random")
    parser.add_argument("--publish", action="store_true", help="keep the figures for tests/rules/README.md")
    given = parser.parse_args()
    os.environ["AWS_DEFAULT_REGION"] = "us-east-1"  # the SAM translator asks for one
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    if given.folders:
        paths = readable([each.resolve() for each in given.folders])
        if given.sample:
            paths = sorted(random.Random(7).sample(paths, min(given.sample, len(paths))))
        kept["others"] = {
            "templates": len(paths),
            "of": [each.name for each in given.folders],
            "rows": of_others(paths),
        }
        print(json.dumps(kept["others"], indent=1))  # noqa: T201
    if given.all:
        pairs = every()
        rows = of_pairs(pairs, [each for each in TOOLS if each != "cdk-nag"])
        kept["fixtures"] = {
            "pairs": len(pairs),
            "rows": [{key: row[key] for key in ("tool", "found", "others")} for row in rows],
        }
        print(json.dumps(kept["fixtures"], indent=1))  # noqa: T201
    if not given.folders and not given.all:
        print("| Tool | Found | Findings on the right ones | Found what |\n| --- | --- | --- | --- |")  # noqa: T201
        for row in of_pairs(twenty(), list(TOOLS)):
            what = "; ".join(f"{name}: {', '.join(ids)}" for name, ids in row["what"].items())
            print(f"| {row['tool']} | {row['found']} of {len(PAIRS)} | {row['others']} | {what} |", flush=True)  # noqa: T201
    if given.publish:
        KEPT.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
