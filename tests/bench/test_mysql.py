"""Functions that connect to MySQL meet a stand-in: what they write is compared, and what they look for is laid."""

import json
import shutil
from pathlib import Path

import pytest

from support.seeds import harvest
from trials.local_aws.databases import MYSQL, connects_to, created
from trials.local_aws.orm import merged
from trials.samples.sought import ROW, declared, wanted
from trials.verdicts import Promise, Verdict, broken
from trials.verdicts.databases import UNKNOWN_KEYS, with_known_keys

RIGHT = Path(__file__).parent / "right" / "queue_to_mysql"
TABLE = "CREATE TABLE parcels (id INT PRIMARY KEY, size DECIMAL(5,2))"


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        (f"{TABLE} ENGINE=InnoDB;\ncreate table b (c INT)", [TABLE, "create table b (c INT)"]),
        (f'cursor.execute("{TABLE}")', [TABLE]),
        ("CREATE TABLE parcels (id INT", []),
        ("CREATE TABLE parcels; SELECT (1)", ["CREATE TABLE parcels"]),
        ("INSERT INTO parcels VALUES (1)", []),
    ],
)
def test_the_statements_that_create_tables_are_found_wherever_they_stand(text: str, statements: list[str]) -> None:
    assert list(created(text)) == statements


@pytest.mark.parametrize(
    ("name", "text", "connects"),
    [
        ("src/requirements.txt", "PyMySQL==1.2.4", True),
        ("src/app.js", "import mysql from 'mysql2/promise'", True),
        ("node_modules/mysql2/index.js", "mysql", False),
        ("README.md", "MySQL", False),
    ],
)
def test_a_project_connects_to_mysql_if_its_own_code_names_it(
    tmp_path: Path, name: str, text: str, connects: bool
) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)

    assert connects_to(MYSQL, tmp_path) is connects


def test_a_link_that_leads_nowhere_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "gone.py").symlink_to(tmp_path / "nothing.py")
    (tmp_path / "z.py").write_text("import pymysql")

    assert connects_to(MYSQL, tmp_path)
    assert declared(tmp_path) == {}


def test_a_row_that_was_looked_for_holds_what_was_compared_and_guesses_the_rest(tmp_path: Path) -> None:
    row = {"film_id": {"hex": "00ff"}, "length": None, "email": None, "status": "active"}
    asked = {"row": row, "numbers": ["length"], "star": False, "made_up": False}

    ((kind, name, content),) = wanted([(ROW, f"films#{json.dumps(asked)}")], tmp_path, {}, [])

    assert (kind, name.split("#")[0]) == (ROW, "films")
    assert json.loads(content) == {**row, "length": 1, "email": "trial@example.com"}


def test_a_row_of_all_columns_of_an_unknown_table_has_those_that_the_code_reads(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("row['password_hash']")
    asked = {"row": {"email": "a@b.c"}, "numbers": [], "star": True, "made_up": True}

    ((_, _, content),) = wanted([(ROW, f"users#{json.dumps(asked)}")], tmp_path, {}, [])

    assert json.loads(content).keys() >= {"email", "password_hash"}


def test_a_row_has_values_of_the_types_that_the_code_declares(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "films = Table('films', metadata, Column('film_id', BINARY(16)), Column('status', sa.Enum('Open', 'Shut')),\n"
        "  Column('length', Integer), Column('title', String(60)))"
    )
    row = dict.fromkeys(("film_id", "status", "length", "title"))
    asked = {"row": row, "numbers": [], "star": False, "made_up": True}

    ((_, _, content),) = wanted([(ROW, f"films#{json.dumps(asked)}")], tmp_path, {}, [])

    made = json.loads(content)
    assert (made["status"], made["length"], made["title"]) == ("Open", 1, "trial-1")
    assert len(bytes.fromhex(made["film_id"]["hex"])) == 16


MODELS = """
films = sa.Table("films", metadata, Column("film_id", BINARY(16)), sa.Column("seen", sa.DateTime), autoload_with=engine)
ratings = Table("ratings", metadata, autoload_with=engine)
ratings.delete().where(ratings.c.rating_id == one)

class Person(Base):
    __tablename__ = "people"
    id = db.Column(db.Integer, primary_key=True)
    born: Mapped[date] = mapped_column(Date)
    kind = Column("kind_of", Enum("child", "adult"))
    name = Column(String(60))
"""


def test_columns_that_sqlalchemy_is_told_of_have_their_types() -> None:
    assert merged(iter([MODELS, "const Column = {", 'Table("films", metadata, Column("seen", String))'])) == {
        "films": {"film_id": "BINARY(16)", "seen": "DATETIME"},
        "ratings": {"rating_id": "VARCHAR(255)"},
        "people": {"id": "INT", "born": "DATE", "kind_of": "ENUM('child','adult')", "name": "VARCHAR(255)"},
    }


TABLES = """parcels = Table(
    "parcels", metadata, Column("parcel_id", BINARY(16)), Column("order_id", String), Column("at", DateTime)
)
"""
REFLECTS = """import os
import re

import pymysql

shop = pymysql.connect(host=os.environ["DATABASE"], user="shop", password="from a secret", database="shop")
with shop.cursor() as cursor:
    cursor.execute("SHOW CREATE TABLE `parcels`")
    columns = re.findall("^  `(.+?)` (.+?),?$", cursor.fetchone()[1], re.M)


def handler(event, context):
    if columns[:2] != [("parcel_id", "binary(16) NOT NULL"), ("order_id", "varchar(255)")]:
        raise ValueError(columns)
    for record in event["Records"]:
        with shop.cursor() as cursor:
            cursor.execute("INSERT INTO parcels (order_id, at) VALUES (%s, '2026-11-23 08:00')", (record["messageId"],))
            cursor.execute("SELECT at FROM parcels")
            (at,) = cursor.fetchone()
            cursor.execute("INSERT INTO years (year) VALUES (%s)", (at.year,))
        shop.commit()
"""


@pytest.mark.e2e
def test_a_table_has_the_columns_that_code_declares_and_shows_them(tmp_path: Path) -> None:
    folder = tmp_path / "system"
    shutil.copytree(RIGHT, folder)
    (folder / "schema.sql").unlink()
    (folder / "src" / "app.py").write_text(REFLECTS)
    (folder / "src" / "tables.py").write_text(TABLES)

    (once,) = [finding.judgement for finding in harvest(folder) if finding.trial == "once"]

    assert once.verdict is Verdict.HELD, once.happened


def test_rows_are_doubled_only_where_the_keys_of_their_table_are_known() -> None:
    known = broken(Promise.DOUBLED, "MySQL parcels: 1 more, {}")
    unknown = broken(Promise.DOUBLED, f"MySQL parcels{UNKNOWN_KEYS}: 1 more, {{}}")
    lost = broken(Promise.LOST, f"MySQL parcels{UNKNOWN_KEYS}: 1 missing, {{}}")

    assert with_known_keys(known) is known
    assert with_known_keys(lost) is lost
    assert with_known_keys(unknown).verdict is Verdict.UNPROVED
    assert "the CREATE TABLE of parcels" in with_known_keys(unknown).supply


KEY = ",\n  UNIQUE KEY one_for_each_order (order_id)"
HELD, DOUBLED, OPEN = (Verdict.HELD, None), (Verdict.BROKEN, Promise.DOUBLED), (Verdict.UNPROVED, None)


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("code", "schema", "twice"),
    [
        ({}, {}, HELD),
        ({"INSERT IGNORE": "INSERT"}, {KEY: ""}, DOUBLED),
        ({"INSERT IGNORE": "INSERT"}, {"CREATE TABLE": "CREATE VIEW"}, OPEN),
        ({"(%s)": "(%s) ON DUPLICATE KEY UPDATE order_id = VALUES(order_id)", " IGNORE": ""}, {}, HELD),
    ],
    ids=["ignored by its key", "no key", "no CREATE TABLE", "updated by its key"],
)
def test_what_a_repeat_writes_into_mysql_is_told(
    tmp_path: Path, code: dict[str, str], schema: dict[str, str], twice: tuple[Verdict, Promise | None]
) -> None:
    folder = tmp_path / "system"
    shutil.copytree(RIGHT, folder)
    for path, changes in ((folder / "src" / "app.py", code), (folder / "schema.sql", schema)):
        text = path.read_text()
        for before, after in changes.items():
            assert before in text
            text = text.replace(before, after)
        path.write_text(text)

    by_trial = {finding.trial: finding.judgement for finding in harvest(folder)}

    assert "a stand-in for MySQL answered" in by_trial["once"].happened
    assert (by_trial["twice"].verdict, by_trial["twice"].promise) == twice
    assert (by_trial["twice at once"].verdict, by_trial["twice at once"].promise) == twice


@pytest.mark.e2e
def test_what_is_never_committed_is_not_there(tmp_path: Path) -> None:
    folder = tmp_path / "system"
    shutil.copytree(RIGHT, folder)
    app = folder / "src" / "app.py"
    app.write_text(app.read_text().replace("    shop.commit()\n", ""))

    (once,) = [finding.judgement for finding in harvest(folder) if finding.trial == "once"]

    assert once.verdict is Verdict.UNPROVED


NODE = """import { createPool } from "mysql2/promise";

const shop = createPool({ host: process.env.DATABASE, user: "shop", password: "from a secret", database: "shop" });

const insert = "INSERT INTO parcels (order_id) VALUES (?) ON DUPLICATE KEY UPDATE order_id = order_id";

export async function handler(event) {
  for (const record of event.Records) {
    const { order_id } = JSON.parse(record.body);
    await shop.execute(insert, [order_id]);
  }
  return { batchItemFailures: [] };
}
"""


@pytest.mark.e2e
@pytest.mark.parametrize(("schema", "twice"), [({}, HELD), ({KEY: ""}, DOUBLED)], ids=["a key", "no key"])
def test_what_a_repeat_in_node_writes_by_a_prepared_statement_is_told(
    tmp_path: Path, schema: dict[str, str], twice: tuple[Verdict, Promise | None]
) -> None:
    folder = tmp_path / "system"
    shutil.copytree(RIGHT, folder, ignore=shutil.ignore_patterns("src"))
    (folder / "src").mkdir()
    (folder / "src" / "app.mjs").write_text(NODE)
    (folder / "src" / "package.json").write_text(json.dumps({"name": "work", "dependencies": {"mysql2": "3.24.6"}}))
    template = folder / "template.yaml"
    template.write_text(template.read_text().replace("python3.13", "nodejs22.x"))
    tables = folder / "schema.sql"
    for before, after in schema.items():
        tables.write_text(tables.read_text().replace(before, after))

    by_trial = {finding.trial: finding.judgement for finding in harvest(folder)}

    assert (by_trial["twice"].verdict, by_trial["twice"].promise) == twice
    assert (by_trial["twice at once"].verdict, by_trial["twice at once"].promise) == twice
