"""What Claude is asked with: nothing, our plugin, or any other skill's folder; and what a session cost."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.cases import SKILL
from support import bundle, node
from support.documents import ROOT

NONE, OURS = "none", "ours"
CLAUDE = [str(node.HOME / "node_modules" / ".bin" / "claude")]


class ArmError(Exception):
    """An arm that is no skill."""


@dataclass(frozen=True)
class Arm:
    """One way to be asked; `plugin` is the folder of a plugin, or None for Claude as it is."""

    name: str
    plugin: Path | None = None


def arms(names: list[str], folder: Path) -> list[Arm]:
    """The arms that `--arm` names, their plugins made in `folder`. Raises `ArmError`."""
    return [_arm(name, folder) for name in dict.fromkeys(names)]


def _arm(name: str, folder: Path) -> Arm:
    if name == NONE:
        return Arm(NONE)
    if name == OURS:
        return Arm(OURS, plugin(folder))
    path = Path(name).resolve()
    if (path / ".claude-plugin" / "plugin.json").is_file():
        return Arm(path.name, path)
    if not (path / "SKILL.md").is_file():
        raise ArmError(f"{name} is no arm: it is neither none nor ours, nor a folder with a SKILL.md or a plugin.json")
    around = folder / "around" / path.name
    shutil.copytree(path, around / "skills" / path.name)
    (around / ".claude-plugin").mkdir()
    (around / ".claude-plugin" / "plugin.json").write_text(json.dumps({"name": path.name, "version": "0.0.0"}))
    return Arm(path.name, around)


def plugin(folder: Path) -> Path:
    """A copy of our plugin without the evals, so that no answer can be looked up."""
    for path in bundle.tracked():
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(("tests/evals/", "tests/node/")):
            copy = folder / SKILL / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    manifest = folder / SKILL / ".claude-plugin" / "plugin.json"
    fields = json.loads(manifest.read_text())
    fields.pop("experimental", None)
    manifest.write_text(json.dumps(fields))
    return folder / SKILL


@dataclass(frozen=True)
class Transcript:
    """The events of one session, as Claude Code prints them."""

    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def model(self) -> str:
        return next((str(event["model"]) for event in self.events if event.get("subtype") == "init"), "")

    @property
    def uses(self) -> Iterator[dict[str, Any]]:
        """Every use of a tool."""
        for event in self.events:
            if event.get("type") == "assistant":
                yield from (block for block in event["message"]["content"] if block.get("type") == "tool_use")

    @property
    def used_the_skill(self) -> bool:
        return any(each.get("name") == "Skill" and SKILL in json.dumps(each["input"]) for each in self.uses)

    @property
    def cost(self) -> dict[str, Any]:
        """Tokens in (from the cache or not) and out, turns, seconds, and how often each tool was used."""
        end = self.events[-1] if self.events else {}
        usage = end.get("usage") or {}
        taken = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
        tools = [str(each.get("name")) for each in self.uses]
        return {
            "tokens_in": sum(int(usage.get(name) or 0) for name in taken),
            "tokens_out": int(usage.get("output_tokens") or 0),
            "turns": int(end.get("num_turns") or 0),
            "seconds": round(float(end.get("duration_ms") or 0) / 1000, 1),
            "tools": {name: tools.count(name) for name in sorted(set(tools))},
        }


@dataclass(frozen=True)
class Session:
    """How Claude is asked: in a home and a folder of its own."""

    command: list[str]
    model: str = ""

    def ask(self, prompt: str, folder: Path, arm: Arm, tools: list[str], turns: int) -> Transcript:
        """Raises `RuntimeError` when the session failed, as without a login."""
        home = folder.parent / "home"
        home.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLAUDE"))}
        done = subprocess.run(
            [
                *self.command,
                *("-p", prompt, "--output-format", "stream-json", "--verbose", "--strict-mcp-config"),
                *("--permission-mode", "acceptEdits", "--max-turns", str(turns), "--allowedTools", *tools),
                *(("--plugin-dir", str(arm.plugin)) if arm.plugin else ()),
                *(("--model", self.model) if self.model else ()),
            ],
            cwd=folder,
            env=kept | {"HOME": str(home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=1800,
        )
        events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        end = events[-1] if events else {}
        if end.get("type") != "result" or (end.get("is_error") and end.get("subtype") != "error_max_turns"):
            raise RuntimeError(f"the session failed: {end.get('result') or done.stderr[-300:]}")
        return Transcript(events)
