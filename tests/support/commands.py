"""Commands in `bash` fences: every program is known, every subcommand and flag exists in its own model or help."""

import functools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import awscli.clidriver
import tree_sitter_bash
from cfnlint.config import CliArgs
from tree_sitter import Language, Node, Parser

from support.documents import ROOT

BASH = Language(tree_sitter_bash.language())
SHELL = {"cd", "cp", "echo", "export", "mkdir", "tail", "test", "true"}  # no options of ours to check
GIT_AND_OTHERS = {"git", "jq", "unzip"}
UV = os.environ.get("UV", "uv")  # `uv run` says where it is, which need not be on PATH
SAM = ROOT / ".sam-cli"  # an environment of its own, because the SAM CLI pins another boto3 and click
HELP = {
    "uv": (UV, "help"),
    "uvx": (UV, "help", "tool", "run"),
    "cfn-lint": ("cfn-lint", "--help"),  # asked in this process, see `_help`
    "curl": ("curl", "--help", "all"),
}


def commands(script: str) -> list[list[str]]:
    """The simple commands of a script as lists of words, quotes removed; raises `ValueError` when bash cannot parse it.

    Words that hold an expansion keep it as it is written.
    """
    checked = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    if checked.returncode:
        raise ValueError(checked.stderr.strip())
    return list(_commands(Parser(BASH).parse(script.encode()).root_node))


def _commands(node: Node) -> Iterator[list[str]]:
    if node.type == "command":
        children = [child for child in node.named_children if child.type not in ("variable_assignment", "comment")]
        yield [re.sub(r"""^(['"])(.*)\1$""", r"\2", (child.text or b"").decode(), flags=re.S) for child in children]
    for child in node.named_children:
        yield from _commands(child)


def complaints(script: str) -> list[str]:
    """What is wrong with the commands of a script: unknown programs, subcommands and flags."""
    try:
        found = commands(script)
    except ValueError as error:
        return [str(error)]
    if not found:
        return ["no command in this fence"]
    return [complaint for command in found for complaint in _complaints(command)]


def _complaints(command: list[str]) -> list[str]:
    program, *rest = command
    program = program.rsplit("/", 1)[-1]
    if program in SHELL | GIT_AND_OTHERS:
        return []
    if program == "pip":
        program, rest = "uv", ["pip", *rest]
    if program == "aws":
        return _aws(rest)
    if program == "sam":
        return _sam(rest)
    if program == "python3" and rest[:1] == ["-m"]:
        return _module(*rest[1:])
    if program in HELP:
        return _helped(program, rest)
    return [f"no check knows the program {program!r}: add it to tests/support/commands.py"]


@functools.cache
def _driver() -> Any:
    return awscli.clidriver.create_clidriver()


def _aws(words: list[str]) -> list[str]:
    driver = _driver()
    general = {f"--{name}" for name in driver._get_argument_table()}
    flags = [word.split("=")[0] for word in words if word.startswith("--")]
    named = [word for word in _without_values(words, general) if not word.startswith("-")]
    if len(named) < 2:
        return [f"aws {' '.join(words)}: names no service and operation"]
    service = driver._get_command_table().get(named[0])
    if service is None:
        return [f"aws has no command {named[0]!r}"]
    operation = _table(service).get(named[1])
    if operation is None:
        return [f"aws {named[0]} has no operation {named[1]!r}"]
    known = general | {f"--{name}" for name in operation.arg_table} | {"--help"}
    return [f"aws {named[0]} {named[1]} has no {flag}" for flag in flags if flag not in known]


def _table(service: Any) -> Any:
    return service.subcommand_table if hasattr(service, "subcommand_table") else service._get_command_table()


def _without_values(words: list[str], flags: set[str]) -> list[str]:
    """Leave out the value that follows one of the general flags placed before the service."""
    kept, skip = [], False
    for word in words:
        if not skip:
            kept.append(word)
        skip = word in flags and word not in ("--no-verify-ssl", "--debug", "--no-sign-request", "--no-paginate")
    return kept


@functools.cache
def _help(*command: str) -> str:
    if command == HELP["cfn-lint"]:
        return str(CliArgs([]).parser.format_help())  # a program of its own takes a second to start
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode == 0 else ""


def _helped(program: str, words: list[str]) -> list[str]:
    base = HELP[program]
    chain = list(base)
    if program == "uv":
        for word in words:
            if word.startswith("-") or not _help(*chain, word):
                break
            chain.append(word)
    if program == "uv" and words and not words[0].startswith("-") and len(chain) == len(base):
        return [f"uv has no command {words[0]!r}"]
    text = _help(*chain)
    own = _own_flags(program, words)
    return [f"{program} has no {flag}" for flag in own if not re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", text)]


def _sam(words: list[str]) -> list[str]:
    known, path = sam_commands(), ["sam"]
    for word in words:
        if not known["commands"]:
            break
        if word not in known["commands"]:
            return [f"{' '.join(path)} has no command {word!r}"]
        known = known["commands"][word]
        path.append(word)
    if known["commands"]:
        return [f"{' '.join(path)} names no command"]
    flags = [word.split("=")[0] for word in words if word.startswith("-")]
    return [f"{' '.join(path)} has no {flag}" for flag in flags if flag not in known["flags"]]


@functools.cache
def sam_commands() -> Any:
    """The tree of the SAM CLI's commands as it declares them: of each its `flags` and its sub-`commands`."""
    command = [UV, "sync", "--quiet", "--frozen", "--only-group", "sam-cli", "--project", str(ROOT)]
    inherited = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run(command, env={**inherited, "UV_PROJECT_ENVIRONMENT": str(SAM)}, check=True)
    (installed,) = SAM.glob("lib/python*/site-packages/aws_sam_cli-*.dist-info")
    known = installed / "commands.json"  # goes with the version; reading it out takes seconds
    if not known.exists():
        # Apart from the environment, nothing of the caller is touched: no telemetry, no file in the home directory.
        variables = {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(SAM), "PATH": os.environ["PATH"]}
        read = [str(SAM / "bin" / "python"), "-c", _SAM_TREE]
        text = subprocess.run(read, env=variables, capture_output=True, text=True, check=True).stdout
        (made := known.with_suffix(f".{os.getpid()}")).write_text(text)
        made.replace(known)
    return json.loads(known.read_text())


_SAM_TREE = """
import click, json
from samcli.cli.main import cli

def tree(command, context):
    names = command.list_commands(context) if hasattr(command, "list_commands") else []
    found = {name: command.get_command(context, name) for name in names}
    return {
        "flags": ["-h", "--help", *(flag for each in command.params for flag in each.opts + each.secondary_opts)],
        "commands": {name: tree(each, click.Context(each, parent=context)) for name, each in found.items() if each},
    }

print(json.dumps(tree(cli, click.Context(cli, obj=True))))  # without an object it gives empty commands
"""


def _module(name: str, *words: str) -> list[str]:
    text = _help(sys.executable, "-m", name, "--help")
    if not text:
        return [f"python3 has no module {name!r}"]
    flags = [word.split("=")[0] for word in words if word.startswith("-")]
    return [f"{name} has no {flag}" for flag in flags if not re.search(rf"(?<![\w-]){re.escape(flag)}(?![\w-])", text)]


def _own_flags(program: str, words: list[str]) -> list[str]:
    """Flags of the program itself; what follows the command that `uv run` or `uvx` starts belongs to that command."""
    flags = []
    takes_value = {"--with", "--from", "--python", "--group", "--directory", "--project", "-p", "-a", "-t"}
    positional = 0
    limit = {"uv": 2, "uvx": 1}.get(program, 99)
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-"):
            flags.append(word.split("=")[0])
            skip = word in takes_value
        else:
            positional += 1
            if positional >= limit and (program == "uvx" or words[0] in ("run", "tool")):
                break
    return flags
