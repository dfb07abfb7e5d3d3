"""Stand-ins for databases beside the local AWS: every host name leads to them, and any user and password are taken.

For MySQL it is mysql-mimic over SQLite, for PostgreSQL that database itself behind a proxy, each in its own process
(`database_stand_ins`). What the project says of its tables holds, for MySQL also the types of columns that it tells
SQLAlchemy, but no keys; others come into being when a statement first speaks of them.
"""

import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import trustme

from trials.local_aws.environment import ENVIRONMENT, LocalAwsError, install
from trials.local_aws.orm import merged
from trials.local_aws.processes import end_with_parent, free_port, kill
from trials.local_aws.waiting import wait_for

SERVERS = Path(__file__).parent / "database_stand_ins"
CODE = (".py", ".js", ".mjs", ".cjs", ".ts", ".sql", ".prisma")
LISTS = ("package.json", "requirements.txt", "pyproject.toml", "Pipfile")
CREATES = re.compile(r"\bCREATE\s+TABLE\b", re.IGNORECASE)
UNDOES = re.compile(r"(?i)(?:^|[\W_])(?:down|rollback|undo|drop|revert|clear)(?:[\W_]|$)|^U\d")  # names of files
LARGEST, MOST = 3_000_000, 2_000  # bytes of a file, and files, that are read
OTHERS = ("node_modules", ".git", ".venv", "site-packages", ".aws-sam")


@dataclass(frozen=True)
class Kind:
    """A database: what names it in code, its stand-in's file, the packages of that, and what a row says of it."""

    name: str
    named: re.Pattern[str]
    server: str
    answered: str
    group: str = "local-aws"
    folder: Path = ENVIRONMENT


MYSQL = Kind(
    "MySQL",
    re.compile(r"mysql|mariadb", re.IGNORECASE),
    "mysql.py",
    "a stand-in for MySQL answered, which is no real engine",
)
POSTGRESQL = Kind(
    "PostgreSQL",
    re.compile(r"postgres|psycopg|asyncpg|pg8000|pg-promise|['\"]pg['\"]", re.IGNORECASE),
    "postgresql.py",
    "a PostgreSQL of the trials answered",
    "postgresql",
    ENVIRONMENT / "postgresql",
)
KINDS = (MYSQL, POSTGRESQL)


def files(folder: Path) -> Iterator[tuple[Path, str]]:
    """The code of a project, its lists of packages and its SQL, in the order of their names."""
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
                yield path, text


def connects_to(kind: Kind, folder: Path) -> bool:
    return any(kind.named.search(text) for _, text in files(folder))


def created(text: str) -> Iterator[str]:
    """The statements in a text that create tables, each up to the bracket that ends its columns."""
    for begin in CREATES.finditer(text):
        depth = 0
        for at in range(begin.start(), min(len(text), begin.start() + 20_000)):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            if depth == 0 and text[at] in ");":
                yield text[begin.start() : at + 1].rstrip(";")
                break


def scripts(folder: Path) -> list[str]:
    """The SQL files of a project, without those that undo what others did."""
    return [text for path, text in files(folder) if path.suffix == ".sql" and not UNDOES.search(path.stem)]


class Database:
    """Context manager around a stand-in; only for a process in a namespace of its own."""

    def __init__(self, kind: Kind, home: Path, authority: trustme.CA, folder: Path, top: Path) -> None:
        """`top` is the folder of the repository, in which SQL may lie that `folder`, the project's, lacks."""
        self.kind = kind
        self._home, self._authority = home / kind.name, authority
        self._statements = [statement for _, text in files(folder) for statement in created(text)]
        self._scripts = scripts(folder) or scripts(top)
        self._declared = merged(text for _, text in files(folder))

    def __enter__(self) -> Self:
        install(self.kind.group, self.kind.folder)
        self._home.mkdir()
        self._authority.cert_pem.write_to_path(str(self._home / "authority.pem"))
        self._authority.private_key_pem.write_to_path(str(self._home / "authority.key"))
        self._port = free_port()
        python = str(self.kind.folder / "bin" / "python")
        command = [python, str(SERVERS / self.kind.server), str(self._home), str(self._port)]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=self._home, stdout=log, stderr=log, start_new_session=True, preexec_fn=end_with_parent
            )
        wait_for(f"the stand-in for {self.kind.name} to start", self._answers)
        self._ask(do="schema", statements=self._statements, scripts=self._scripts, declared=self._declared)
        return self

    def __exit__(self, *_: object) -> None:
        kill(self._process)

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            tail = (self._home / "log").read_text(errors="replace").strip().splitlines()[-3:]
            raise LocalAwsError(f"the stand-in for {self.kind.name} stopped: " + " | ".join(tail))
        with suppress(OSError):
            return bool(self._ask(do="tell"))
        return False

    def _ask(self, **asked: Any) -> Any:
        with socket.create_connection(("127.0.0.1", self._port), timeout=60) as connection:
            with connection.makefile("rw", encoding="utf-8") as lines:
                lines.write(json.dumps(asked) + "\n")
                lines.flush()
                return json.loads(lines.readline())

    def reset(self, elsewhere: bool = False) -> None:
        """Forget all rows, and all tables that nothing in the project creates.

        `elsewhere` lets sequences begin at other numbers than usually: what depends on them is promised to nobody.
        """
        self._ask(do="reset", elsewhere=elsewhere)

    def world(self) -> dict[str, list[Any]]:
        """The rows that are committed, by table, and the procedures that were called."""
        return dict(self._ask(do="tell")["world"])

    def answered(self) -> str:
        """What a row says of it; empty if no statement came since the last `reset`."""
        told = self._ask(do="tell")
        made_up = f", with columns made up for {', '.join(told['made_up'])}" if told["made_up"] else ""
        return f"{self.kind.answered}{made_up}" if told["asked"] else ""

    def sought(self) -> list[tuple[str, str]]:
        """What the last statement that found no row looked for, as kinds and names of what is missing."""
        return [(f"{self.kind.name} row", f"{table}#{row}") for table, row in self._ask(do="tell")["sought"]]

    def lay(self, table: str, row: dict[str, Any]) -> None:
        self._ask(do="lay", table=table, row=row)

    def meet(self, patience: float) -> None:
        """Let each statement wait up to `patience` seconds for the same one of another connection."""
        self._ask(do="meet", patience=patience)
