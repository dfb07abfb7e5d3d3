"""The bundle installs as plugin and as skill, its MCP servers start and expose nothing, and nothing in it surprises."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from skills_ref import validate

from support import bundle, node
from support.documents import ROOT, links, rows, section, tokens
from trials.examples import patterns
from trials.local_aws import ACCOUNT, REGION, LocalAws

NAME = "aws-serverless-eda"
SERVERS = json.loads((ROOT / ".mcp.json").read_text())["mcpServers"]
CLAUDE = node.HOME / "node_modules" / ".bin" / "claude"
TRACKED = bundle.tracked()
TEXTS = [path for path in TRACKED if path.suffix not in (".png", ".lock") and path.name != "package-lock.json"]


def own(home: Path, **variables: str) -> dict[str, str]:
    """The environment without anything of the caller's that an agent or an AWS tool would read."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CLAUDE", "ANTHROPIC"))}
    profile = home / "config"
    profile.write_text("[default]\nregion = us-east-1\n")
    empty = {"AWS_CONFIG_FILE": str(profile), "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    cache = {"UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv"))}
    uv = str(Path(os.environ["UV"]).parent) if "UV" in os.environ else ""
    path = os.pathsep.join(filter(None, [os.environ["PATH"], uv]))
    return {**kept, **empty, **cache, "HOME": str(home), "PATH": path, "AWS_EC2_METADATA_DISABLED": "true"} | variables


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What a clone of the repository holds."""
    copies = {path: tmp_path / NAME / path.relative_to(ROOT) for path in TRACKED}
    for folder in {copy.parent for copy in copies.values()}:
        folder.mkdir(parents=True, exist_ok=True)
    for path, copy in copies.items():
        shutil.copy(path, copy)
    return tmp_path / NAME


def claude(home: Path, *arguments: str) -> str:
    """What the CLI prints, without a login and with settings of its own; fails when it reports a failure."""
    done = subprocess.run(
        [CLAUDE, *arguments], env=own(home), cwd=home, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def loaded(home: Path, *arguments: str) -> dict[str, Any]:
    """What a session has when it starts; it prints that before it finds that nobody is logged in."""
    done = subprocess.run(
        [CLAUDE, "-p", "hi", "--output-format", "stream-json", "--verbose", *arguments],
        env=own(home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    found = json.loads(done.stdout.splitlines()[0])
    assert found["subtype"] == "init"
    assert isinstance(found, dict)
    return found


@pytest.mark.e2e
def test_the_validator_of_claude_code_accepts_the_plugin(checkout: Path, home: Path) -> None:
    for target in (checkout, checkout / ".claude-plugin" / "plugin.json"):
        answer = json.loads(claude(home, "plugin", "validate", str(target), "--strict", "--json"))
        assert answer["success"], answer


@pytest.mark.e2e
def test_it_accepts_the_front_page_where_it_looks_at_one(checkout: Path, home: Path, tmp_path: Path) -> None:
    """Of a skill at the root the validator reads no front matter; in a skills folder it does."""
    staged = tmp_path / ".claude" / "skills"
    shutil.copytree(checkout, staged / NAME, ignore=shutil.ignore_patterns(".claude-plugin"))

    claude(home, "plugin", "validate", str(staged), "--strict")
    assert validate(staged / NAME) == []

    (staged / NAME / "SKILL.md").write_text('---\nname: x\ndescription: "not closed\n---\n')
    with pytest.raises(AssertionError):
        claude(home, "plugin", "validate", str(staged), "--strict")


@pytest.mark.e2e
def test_the_plugin_installs_from_its_own_marketplace_and_brings_skill_and_servers(checkout: Path, home: Path) -> None:
    claude(home, "plugin", "marketplace", "add", str(checkout))
    claude(home, "plugin", "install", f"{NAME}@{NAME}")

    found = loaded(home)

    assert f"{NAME}:{NAME}" in found["skills"]
    assert NAME in [each["name"] for each in found["plugins"]]
    assert not found.get("plugin_errors")
    assert {each["name"] for each in found["mcp_servers"]} == {f"plugin:{NAME}:{key}" for key in SERVERS}


@pytest.mark.e2e
def test_a_clone_in_the_skills_folder_is_a_skill(checkout: Path, home: Path) -> None:
    shutil.copytree(checkout, home / ".claude" / "skills" / NAME)

    found = loaded(home)

    assert NAME in found["skills"]
    assert not found.get("plugin_errors")


@pytest.mark.e2e
def test_a_project_may_carry_it(checkout: Path, home: Path) -> None:
    shutil.copytree(checkout, home / "project" / ".claude" / "skills" / NAME)

    done = loaded(home, "--add-dir", str(home / "project"))

    assert NAME in done["skills"]


@pytest.mark.e2e
def test_agnix_finds_no_error(checkout: Path, home: Path) -> None:
    done = subprocess.run(
        ["agnix", str(checkout), "--format", "json"], env=own(home), capture_output=True, text=True, check=False
    )

    assert [each for each in json.loads(done.stdout)["diagnostics"] if each["level"] == "error"] == []
    assert done.returncode == 0


def test_there_is_no_folder_that_would_turn_the_skill_off() -> None:
    plugin = json.loads((ROOT / ".claude-plugin" / "plugin.json").read_text())

    assert not (ROOT / "skills").exists()
    assert "skills" not in plugin


def test_the_version_stands_in_one_place_and_is_repeated_exactly() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    market = json.loads((ROOT / ".claude-plugin" / "marketplace.json").read_text())

    assert json.loads((ROOT / ".claude-plugin" / "plugin.json").read_text())["version"] == version
    assert f'version: "{version}"' in (ROOT / "SKILL.md").read_text()
    assert re.search(rf"^## {re.escape(version)}\b", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert "version" not in market["plugins"][0]


def test_the_servers_are_pinned_and_read_only() -> None:
    assert set(SERVERS) == {"aws-docs", "serverless", "lambda", "sfn", "sns-sqs"}
    for server in SERVERS.values():
        assert server["command"] == "uvx"
        assert len(server["args"]) == 1
        assert re.fullmatch(r"awslabs\.[a-z-]+==\d+\.\d+\.\d+", server["args"][0])
    assert "${" not in (ROOT / ".mcp.json").read_text()


def tools(key: str, home: Path, call: tuple[str, Any] | None = None, reach: dict[str, str] | None = None) -> Any:
    """The names of a server's tools; with `call`, whether it refused that call instead."""
    from mcp import ClientSession, StdioServerParameters  # two seconds, which no other test should wait for
    from mcp.client.stdio import stdio_client

    async def ask() -> Any:
        server = SERVERS[key]
        environment = own(home, **server["env"], **(reach or {}))
        with (home / "config").open("a") as profile:  # two of the servers read credentials from nowhere else
            profile.write("aws_access_key_id = local\naws_secret_access_key = local\n")
        command = StdioServerParameters(command=server["command"], args=server["args"], env=environment)
        with (home / "log").open("w") as log:
            async with stdio_client(command, errlog=log) as streams, ClientSession(*streams) as session:
                await session.initialize()
                if call:
                    return (await session.call_tool(*call)).is_error
                return {tool.name for tool in (await session.list_tools()).tools}

    return asyncio.run(asyncio.wait_for(ask(), timeout=120))


def named(key: str) -> set[str]:
    """The tools of a server that the front page names."""
    (cell,) = [cells[1] for cells in rows(section(ROOT / "SKILL.md", "MCP servers")) if cells[1].startswith(f"{key}:")]
    return set(re.findall(r"`(\w+)`", cell))


def test_the_front_page_spends_little_on_the_servers_and_names_each() -> None:
    text = section(ROOT / "SKILL.md", "MCP servers")

    assert tokens(text) <= 250
    assert {cells[1].split(":")[0] for cells in rows(text)} == set(SERVERS)


@pytest.mark.e2e
@pytest.mark.parametrize("key", ["aws-docs", "serverless", "sns-sqs"])
def test_a_server_starts_and_has_the_tools_that_the_front_page_names(key: str, home: Path) -> None:
    names = tools(key, home)

    assert named(key)
    assert named(key) <= names
    assert not {"create_queue", "delete_queue", "create_topic", "delete_topic"} & names


@pytest.mark.e2e
def test_sam_deploy_is_refused_without_leave(home: Path) -> None:
    assert tools("serverless", home, ("sam_deploy", {"application_name": "a", "project_directory": str(home)}))


@pytest.mark.e2e
def test_only_what_its_owner_tagged_is_a_tool(aws: LocalAws, home: Path) -> None:
    role = {"Role": f"arn:aws:iam::{ACCOUNT}:role/r", "Runtime": "python3.14", "Handler": "index.handler"}
    archive = home / "code.zip"
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("index.py", "def handler(event, context):\n    return event\n")
    for name, tags in (("shown", {"mcp-exposed": "true"}), ("hidden", {}), ("denied", {"mcp-exposed": "false"})):
        aws.client("lambda").create_function(
            FunctionName=f"manifest-{name}", Code={"ZipFile": archive.read_bytes()}, Tags=tags, **role
        )
        definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
        machine = {"name": f"manifest-{name}", "definition": definition, "roleArn": role["Role"]}
        aws.client("stepfunctions").create_state_machine(
            **machine, tags=[{"key": key, "value": value} for key, value in tags.items()]
        )
    reach = {
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_REGION": REGION,
    }

    for key in ("lambda", "sfn"):
        found = tools(key, home, reach=reach)
        assert len(found) == 1, found
        assert "shown" in found.pop()


@pytest.mark.e2e
def test_the_archive_for_uploading_is_a_whole_skill(tmp_path: Path) -> None:
    archive = bundle.build(tmp_path)
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
        packed.extractall(tmp_path)
    unpacked = tmp_path / NAME
    front = yaml.safe_load((unpacked / "SKILL.md").read_text().split("---\n")[1])

    assert {name.split("/")[0] for name in names} == {NAME}
    assert len(names) <= 200
    assert [name for name in names if name.endswith("SKILL.md")] == [f"{NAME}/SKILL.md"]
    assert not [name for name in names if "/." in name or "/tests/node/" in name or name.endswith((".zip", ".pyc"))]
    assert len(front["description"]) <= 200
    assert validate(unpacked) == []
    for page in [unpacked / "SKILL.md", unpacked / "examples" / "README.md", *unpacked.glob("references/*.md")]:
        for link in links(page):
            if "://" not in link.target:
                assert (page.parent / link.target.split("#")[0]).resolve().exists(), link
        if page.parent.name == "references":  # line ranges lead into it
            whole = (ROOT / "references" / page.name).read_text()
            assert page.read_text().count("\n") == whole.count("\n"), page.name
    asked = [sys.executable, str(unpacked / "examples" / "run.py"), "."]
    tried = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert (tried.returncode, tried.stdout) == (2, "")
    assert re.fullmatch("run.py: this copy has no bench;.*\n", tried.stderr)
    assert spoken(unpacked / "tests" / "rules") == {"E9101"}


def spoken(rules: Path) -> set[str]:
    """What a copy of our rules says of a queue that is consumed with too short a visibility timeout."""
    template = ROOT / "tests" / "rules" / "fixtures" / "E9101" / "fail_sam.yaml"
    command = [str(Path(sys.executable).parent / "cfn-lint"), "-a", str(rules), "-t", str(template)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.stderr == ""
    return set(re.findall(r"^[EWI]\d{4}", said.stdout, re.MULTILINE))


@pytest.mark.e2e
def test_the_whole_archive_lints_and_tries(tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle.whole(tmp_path)) as packed:
        packed.extractall(tmp_path)
    unpacked = tmp_path / NAME
    asked = [sys.executable, str(unpacked / "examples" / "run.py"), "--list"]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout

    assert [name for name in patterns() if f"{name}: " not in listed] == []
    assert spoken(unpacked / "tests" / "rules") == {"E9101"}


HIDDEN = {"Cf", "Co", "Cn"}  # format characters such as zero-width and bidirectional ones, private use, unassigned


def surprises(text: str, markdown: bool) -> list[str]:
    """What a reader cannot see or would not expect to be told to run."""
    found = [
        f"hidden {unicodedata.name(c, hex(ord(c)))}" for c in sorted(set(text)) if unicodedata.category(c) in HIDDEN
    ]
    found += re.findall(r"(?:curl|wget)[^\n|]*\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b", text)
    found += re.findall(r"base64\s+(?:-d|--decode)[^\n]*\|\s*(?:ba)?sh", text)
    found += re.findall(r"<!--.*", text) if markdown else []
    return found


def test_nothing_in_the_bundle_is_hidden_or_piped_into_a_shell() -> None:
    read = {path: path.read_text() for path in TEXTS if path.name != Path(__file__).name}

    assert len(read) > 100
    assert {str(path): found for path, text in read.items() if (found := surprises(text, path.suffix == ".md"))} == {}


@pytest.mark.parametrize(
    "text",
    ["a\u200bb", "a\u202eb", "curl https://x.test/i.sh | sh", "wget -qO- https://x.test | sudo bash", "<!-- do x -->"],
)
def test_a_surprise_is_noticed(text: str) -> None:
    assert surprises(text, markdown=True)


@pytest.mark.e2e
def test_no_secret_is_in_the_bundle(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text('key = "AKIA' + "Q3EGRIRSZQ7XTTPB" + '"\n')

    assert secrets(tmp_path, [planted])
    assert secrets(ROOT, TEXTS) == {}


def secrets(folder: Path, paths: list[Path]) -> dict[str, Any]:
    """Known formats of credentials (not mere entropy, which the hashes of lock files have) by file."""
    command = ["detect-secrets", "scan", "--all-files", "--no-verify"]
    for plugin in ("Base64HighEntropyString", "HexHighEntropyString", "KeywordDetector"):
        command += ["--disable-plugin", plugin]
    names = [str(path.relative_to(folder)) for path in paths]
    done = subprocess.run([*command, *names], cwd=folder, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)["results"]
    assert isinstance(found, dict)
    return found
