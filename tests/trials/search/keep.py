"""A sequence that fails, as a pytest file that repeats it with moto and the handlers alone."""

import json
import os
import pprint
from pathlib import Path
from typing import Any

from trials.local_aws import LocalAwsError
from trials.moment import SECONDS
from trials.search.plan import Plan
from trials.search.play import Invocation, Player
from trials.search.verdict import Left, orders
from trials.stage import Stage
from trials.world import PLACES, World
from trials.world.compare import TIME, flat, timeless

TEXT = Path(__file__).with_name("kept.py.txt")
URL = "https://sqs.us-east-1.amazonaws.com"  # where moto's queues are
OF_TABLES = ("TableName", "KeySchema", "AttributeDefinitions")
OF_INDEXES = ("IndexName", "KeySchema", "Projection")


def kept(player: Player, plan: Plan) -> str:
    """The text of the file but for the place of the code; raises `LocalAwsError` where no file could repeat it."""
    if any(step.beside is not None for step in plan):
        raise LocalAwsError("two events at once need two processes: this sequence is told, but no file can repeat it")
    invocations, left = player.watched(plan)
    expected = player.alone(next(orders(left, player.newer)))
    if not shows(expected, left):
        raise LocalAwsError("this failure shows outside of tables, where a file with moto sees nothing")
    stage = player.stage
    functions = {each.function: described(stage, each.function) for each in invocations}
    if other := [name for name, each in functions.items() if not each["runtime"].startswith("python")]:
        raise LocalAwsError(f"{other[0]} is no Python, and the file that repeats a sequence calls Python handlers")
    places = {stage.stack.resources[name]: f"table {name}" for name in of(stage, "table")}
    unstable = {place: paths(player, place, (expected, left.world)) for place in places.values()}
    queues = [stage.stack.resources[name] for name in of(stage, "queue")]
    data = {
        "moment": SECONDS,
        "tables": [table(stage, name) for name in of(stage, "table")],
        "queues": {name.rsplit("/", 1)[-1]: fifo(name) for name in queues},
        "topics": [stage.stack.resources[name].rsplit(":", 1)[-1] for name in of(stage, "topic")],
        "buckets": [stage.stack.resources[name] for name in of(stage, "bucket")],
        "buses": [stage.stack.resources[name] for name in of(stage, "bus")],
        "places": places,
        "unstable": unstable,
        "functions": functions,
        "invocations": [written(each) for each in invocations],
        "expected": {place: [stable(each, unstable[place]) for each in expected[place]] for place in places.values()},
    }
    text = json.dumps(data).replace(f"{stage.local.endpoint}/", f"{URL}/")
    return pprint.pformat(json.loads(text), width=118, sort_dicts=False)


def shows(expected: World, left: Left) -> bool:
    return any(expected[each] != left.world.get(each) for each in expected if each.startswith("table "))


def write(file: Path, sequence: str, why: list[str], project: Path) -> None:
    """Raises `LocalAwsError` if the file is there already."""
    if file.exists():
        raise LocalAwsError(f"{file} is there already: name another file for the failure")
    code = os.path.relpath(project, file.resolve().parent)
    text = TEXT.read_text().replace("WHY", "\n".join(why)).replace("FILE", file.name)
    text = text.replace("SEQUENCE = {}", f"SEQUENCE = {sequence}").replace(str(project), code)
    file.write_text(text)


def of(stage: Stage, place: str) -> list[str]:
    return [name for name, kind in stage.stack.types.items() if PLACES.get(kind) == place]


def described(stage: Stage, function: str) -> dict[str, Any]:
    folder, handler, runtime = stage.project.code(function)
    name = stage.stack.resources[function]
    configuration = stage.local.client("lambda").get_function_configuration(FunctionName=name)
    variables = configuration.get("Environment", {}).get("Variables", {})
    return {"folder": str(folder), "handler": handler, "runtime": runtime, "variables": variables}


def table(stage: Stage, name: str) -> dict[str, Any]:
    description = stage.local.client("dynamodb").describe_table(TableName=stage.stack.resources[name])["Table"]
    made = {key: description[key] for key in OF_TABLES} | {"BillingMode": "PAY_PER_REQUEST"}
    for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        if description.get(kind):
            made[kind] = [{key: index[key] for key in OF_INDEXES} for index in description[kind]]
    return made


def fifo(name: str) -> dict[str, str]:
    return {"FifoQueue": "true"} if name.endswith(".fifo") else {}


def written(invocation: Invocation) -> dict[str, Any]:
    fault = [invocation.kind, invocation.service, invocation.operation, invocation.call] if invocation.kind else []
    return {"function": invocation.function, "event": invocation.event, "fault": fault, "renewed": invocation.renewed}


def paths(player: Player, place: str, worlds: tuple[World, ...]) -> list[str]:
    """The paths of a table's records that are noise or hold a time."""
    noisy = {path for at, path in player.noise if at == place}
    records = [record for world in worlds for record in world.get(place, [])]
    times = {path for record in records for path, value in flat(timeless(record)).items() if TIME in str(value)}
    return sorted(noisy | times)


def stable(record: Any, unstable: list[str]) -> str:
    return json.dumps({path: str(value) for path, value in sorted(flat(record).items()) if path not in unstable})
