"""Functions that connect to PostgreSQL meet one: what they write is compared, and what they look for is laid."""

import json
import shutil
from pathlib import Path

import pytest

from support.seeds import harvest
from trials import faults
from trials.local_aws.databases import MYSQL, POSTGRESQL, connects_to, scripts
from trials.verdicts import Promise, Verdict
from trials.verdicts.databases import lacks_a_table

RIGHT = Path(__file__).parent / "right" / "queue_to_postgresql"


@pytest.mark.parametrize(
    ("name", "text", "connects"),
    [
        ("src/requirements.txt", "psycopg2-binary==2.9.13", True),
        ("src/requirements.txt", "asyncpg", True),
        ("package.json", '{"dependencies": {"pg": "8.0.0"}}', True),
        ("src/app.js", "import pg from 'pg'", True),
        ("schema.prisma", 'provider = "postgresql"', True),
        ("src/app.py", "import pymysql", False),
        ("src/app.py", "page = event['pg_size']", False),
        ("README.md", "PostgreSQL", False),
    ],
)
def test_a_project_connects_to_postgresql_if_its_own_code_names_it(
    tmp_path: Path, name: str, text: str, connects: bool
) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)

    assert connects_to(POSTGRESQL, tmp_path) is connects
    assert connects_to(MYSQL, tmp_path) is (text == "import pymysql")


def test_sql_that_undoes_what_other_sql_did_is_not_run(tmp_path: Path) -> None:
    for name in ("000002_b.up.sql", "000002_b.down.sql", "U1__a.sql", "V1__a.sql", "rollback.sql", "downtown.sql"):
        (tmp_path / name).write_text(name)

    assert scripts(tmp_path) == ["000002_b.up.sql", "V1__a.sql", "downtown.sql"]


@pytest.mark.parametrize(
    ("error", "name"),
    [
        ('psycopg2.errors.UndefinedTable: relation "parcels" does not exist LINE 1', "table parcels"),
        ('error: column "size" of relation "parcels" does not exist', "column size"),
        ("error: column p.size does not exist", "column p.size"),
        ("the door does not exist", ""),
    ],
)
def test_what_a_table_lacks_is_told_with_what_to_supply(error: str, name: str) -> None:
    judgement = lacks_a_table("made up", error)

    assert bool(judgement) is bool(name)
    if judgement:
        assert judgement.verdict is Verdict.UNPROVED
        assert f"what creates the {name}" in judgement.supply


KEY = ",\n  CONSTRAINT one_for_each_order UNIQUE (order_id)"
BURNT = """
with shop.cursor() as at_each_start:
    at_each_start.execute("SELECT nextval('parcels_id_seq')")
shop.commit()


def send"""  # so two containers leave a row with another number than one does
HELD, DOUBLED, OPEN = (Verdict.HELD, None), (Verdict.BROKEN, Promise.DOUBLED), (Verdict.UNPROVED, None)


def system(folder: Path, code: dict[str, str], schema: dict[str, str]) -> Path:
    """The right system with these changes."""
    shutil.copytree(RIGHT, folder)
    for path, changes in ((folder / "src" / "app.py", code), (folder / "schema.sql", schema)):
        text = path.read_text()
        for before, after in changes.items():
            assert before in text
            text = text.replace(before, after)
        path.write_text(text)
    return folder


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("code", "schema", "twice"),
    [
        ({}, {}, HELD),
        ({"\n\ndef send": BURNT}, {}, HELD),
        ({}, {KEY: ""}, DOUBLED),
        ({" ON CONFLICT DO NOTHING": ""}, {"CREATE TABLE": "CREATE VIEW"}, OPEN),
    ],
    ids=["ignored by its key", "under another number", "no key", "no CREATE TABLE"],
)
def test_what_a_repeat_writes_into_postgresql_is_told(
    tmp_path: Path,
    code: dict[str, str],
    schema: dict[str, str],
    twice: tuple[Verdict, Promise | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(faults, "ALL", [trial for trial in faults.ALL if trial.name in ("twice", "twice at once")])
    by_trial = {each.trial: each.judgement for each in harvest(system(tmp_path / "system", code, schema))}

    assert "a PostgreSQL of the trials answered" in by_trial["once"].happened
    assert ("made up for parcels" in by_trial["once"].happened) is (twice == OPEN)
    assert (by_trial["twice"].verdict, by_trial["twice"].promise) == twice
    assert (by_trial["twice at once"].verdict, by_trial["twice at once"].promise) == twice


def once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Verdict, str]:
    """What the undisturbed delivery says."""
    monkeypatch.setattr(faults, "ALL", ())
    (judgement,) = [each.judgement for each in harvest(folder) if each.trial == "once"]
    return judgement.verdict, judgement.happened


@pytest.mark.e2e
def test_the_row_that_a_foreign_key_names_is_laid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    orders = "CREATE TABLE orders (id VARCHAR(40) PRIMARY KEY, buyer UUID NOT NULL, size parcel_size NOT NULL);"
    keyed = {
        "order_id VARCHAR(40) NOT NULL": "order_id VARCHAR(40) NOT NULL REFERENCES orders",
        "CREATE TYPE": f"{orders}\nCREATE TYPE",
    }

    verdict, happened = once(system(tmp_path / "system", {}, keyed), monkeypatch)

    assert verdict is Verdict.HELD
    assert "the PostgreSQL row orders that it looks for" in happened


NODE = """import pg from "pg";

const shop = new pg.Pool({ host: process.env.DATABASE, user: "shop", password: "from a secret", database: "shop" });

export async function handler(event) {
  for (const record of event.Records) {
    const { order_id } = JSON.parse(record.body);
    const { rows } = await shop.query("SELECT * FROM orders WHERE id = $1 AND state <> 'sent'", [order_id]);
    if (!rows.length) throw new Error("no such order");
    await shop.query("INSERT INTO shipped.parcels (order_id, sent_at) VALUES ($1, now()) RETURNING *", [rows[0].id]);
  }
}
"""


@pytest.mark.e2e
def test_tables_that_nothing_creates_are_made_of_what_node_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "system"
    shutil.copytree(RIGHT, folder, ignore=shutil.ignore_patterns("src", "schema.sql"))
    (folder / "src").mkdir()
    (folder / "src" / "app.mjs").write_text(NODE)
    (folder / "src" / "package.json").write_text(json.dumps({"name": "work", "dependencies": {"pg": "8.23.1"}}))
    template = folder / "template.yaml"
    template.write_text(template.read_text().replace("python3.13", "nodejs22.x"))

    verdict, happened = once(folder, monkeypatch)

    assert verdict is Verdict.HELD
    assert "the PostgreSQL row orders that it looks for" in happened
    assert "made up for orders, shipped.parcels" in happened
