"""A stand-in for MySQL beside the local AWS: every host name leads to it, and any user and password are taken.

It is mysql-mimic over SQLite, in a process of its own (`mysql_stand_in`). Tables come into being when a statement first
speaks of them; what the project says of them by CREATE TABLE, such as their keys, holds.
"""

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import trustme

from trials.local_aws.environment import ENVIRONMENT, LocalAwsError, install
from trials.local_aws.processes import end_with_parent, free_port, kill
from trials.local_aws.server import wait_for

SERVER = Path(__file__).parent / "mysql_stand_in"
CODE = (".py", ".js", ".mjs", ".cjs", ".ts", ".sql")
LISTS = ("package.json", "requirements.txt", "pyproject.toml", "Pipfile")
NAMED = re.compile(r"mysql|mariadb", re.IGNORECASE)
CREATES = re.compile(r"\bCREATE\s+TABLE\b", re.IGNORECASE)
LARGEST, MOST = 3_000_000, 2_000  # bytes of a file, and files, that are read
OTHERS = ("node_modules", ".git", ".venv", "site-packages")


def texts(folder: Path) -> Iterator[str]:
    """The code of a project, its lists of packages and its SQL."""
    number = 0
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - set(OTHERS))
        for name in sorted(names):
            path = Path(here, name)
            if number == MOST or not (path.suffix in CODE or name in LISTS):
                continue
            with suppress(OSError):  # a link that leads nowhere, or a file that this user may not read
                text = path.read_text(encoding="utf-8", errors="replace") if path.stat().st_size <= LARGEST else ""
                number += 1
                yield text


def connects_to_mysql(folder: Path) -> bool:
    return any(NAMED.search(text) for text in texts(folder))


def created(text: str) -> Iterator[str]:
    """The statements in a text that create tables, each up to the bracket that ends its columns."""
    for begin in CREATES.finditer(text):
        depth = 0
        for at in range(begin.start(), min(len(text), begin.start() + 20_000)):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            if depth == 0 and text[at] in ");":
                yield text[begin.start() : at + 1].rstrip(";")
                break


class MySql:
    """Context manager around the stand-in; only for a process in a namespace of its own."""

    def __init__(self, home: Path, authority: trustme.CA, folder: Path) -> None:
        self._home, self._authority = home / "mysql", authority
        self._statements = [statement for text in texts(folder) for statement in created(text)]

    def __enter__(self) -> Self:
        install()
        self._home.mkdir()
        self._authority.cert_pem.write_to_path(str(self._home / "authority.pem"))
        self._authority.private_key_pem.write_to_path(str(self._home / "authority.key"))
        self._port = free_port()
        command = [str(ENVIRONMENT / "bin" / "python"), str(SERVER), str(self._home), str(self._port)]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._home, stdout=log, stderr=log, start_new_session=True, preexec_fn=end_with_parent
            )
        wait_for("the stand-in for MySQL to start", self._answers)
        self._ask(do="schema", statements=self._statements)
        return self

    def __exit__(self, *_: object) -> None:
        kill(self._process)

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            tail = (self._home / "log").read_text(errors="replace").strip().splitlines()[-3:]
            raise LocalAwsError("the stand-in for MySQL stopped: " + " | ".join(tail))
        with suppress(OSError):
            return bool(self._ask(do="tell"))
        return False

    def _ask(self, **asked: Any) -> Any:
        with socket.create_connection(("127.0.0.1", self._port), timeout=60) as connection:
            with connection.makefile("rw", encoding="utf-8") as lines:
                lines.write(json.dumps(asked) + "\n")
                lines.flush()
                return json.loads(lines.readline())

    def reset(self) -> None:
        """Forget all rows, and all tables that no CREATE TABLE of the project names."""
        self._ask(do="reset")

    def world(self) -> dict[str, list[Any]]:
        """The rows that are committed, by table, and the procedures that were called."""
        return dict(self._ask(do="tell")["world"])

    def asked(self) -> bool:
        """Whether any statement came since the last `reset`."""
        return bool(self._ask(do="tell")["asked"])

    def sought(self) -> list[tuple[str, str]]:
        """What the last statement that found no row looked for, as kinds and names of what is missing."""
        return [("row", f"{table}#{row}") for table, row in self._ask(do="tell")["sought"]]

    def lay(self, table: str, row: dict[str, Any]) -> None:
        self._ask(do="lay", table=table, row=row)

    def meet(self, patience: float) -> None:
        """Let each statement wait up to `patience` seconds for the same one of another connection."""
        self._ask(do="meet", patience=patience)
