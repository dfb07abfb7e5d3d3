"""Movements of an account are booked in their order and once each, and no account waits for another.

canary-9d20c6ef-aws-serverless-eda: not for training
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from evals.happenings import asking, behind, fifo_event, killed, overtaken
from evals.harness import Missing, intercepted, reported
from evals.scoring import Checks, Severity
from evals.system import System
from support.templates import findings
from trials.local_aws import LocalAws
from trials.template import references

CHECKS = Checks()
ADA, BOB = "DE89 3704 0044 0532 0130 00", "DE02 1203 0000 0000 2020 51"
GROUP = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,./:;<=>?@\[\\\]^_`{|}~-]{1,128}")
MOST_CALLS = 8
Movement = tuple[str, str, int]


def sent(system: System, *movements: Movement) -> list[dict[str, Any]]:
    """What the banks' requests send to the queue. Raises `Missing` for one that is not sent."""
    messages: list[dict[str, Any]] = []

    def seen(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation == "SendMessage":
            messages.append(parameters)
            return {"MessageId": "m"}
        if operation == "SendMessageBatch":
            messages.extend(parameters["Entries"])
            return {"Successful": [{"Id": entry["Id"], "MessageId": "m"} for entry in parameters["Entries"]]}
        return really()

    with intercepted(seen), asking(system, "POST", "/movements") as ask:
        for name, account, cents in movements:
            status, _ = ask("/movements", {"id": name, "account": account, "cents": cents}, {})
            if status != 202:
                raise Missing(f"a movement is answered with {status}")
    if len(messages) != len(movements):
        raise Missing(f"of {len(movements)} movements {len(messages)} are sent")
    return messages


def deliver(system: System, messages: list[dict[str, Any]]) -> list[str]:
    """The ids that are reported; all of them if the function raises."""
    batch = fifo_event(messages)
    try:
        return reported(system.call(system.consumed_queue()[1], batch))
    except Exception:
        return [record["messageId"] for record in batch["Records"]]


def balances(system: System) -> dict[str, int]:
    return {item["account"]: int(item["balance"]) for item in system.items("Accounts")}


@CHECKS(Severity.ASKED)
def an_account_has_an_order(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    queue, _ = system.consumed_queue()
    if system.properties(queue).get("FifoQueue") not in (True, "true"):
        yield "the queue is not FIFO"
    messages = sent(system, ("m-1", ADA, 10000), ("m-2", ADA, -15000), ("m-3", ADA, -6000))
    groups = {message.get("MessageGroupId") for message in messages}
    if len(groups) != 1 or None in groups:
        yield f"movements of one account are in the groups {groups}"
    failures = deliver(system, messages)
    states = {item["id"]: item["state"] for item in system.items("Movements")}
    wanted = {"m-1": "BOOKED", "m-2": "REFUSED", "m-3": "BOOKED"}
    if failures or balances(system) != {ADA: 4000} or states != wanted:
        yield f"+100, -150 and -60 are {states}, the balances {balances(system)}, reported: {failures}"


@CHECKS(Severity.BLOCKS)
def accounts_do_not_wait_for_each_other(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    messages = sent(system, ("m-1", ADA, 1), ("m-2", BOB, 1))
    groups = [str(message.get("MessageGroupId")) for message in messages]
    if len(set(groups)) != 2:
        yield f"two accounts are the groups {groups}"
    for group in groups:
        if not GROUP.fullmatch(group):
            yield f"SQS refuses the group {group!r}: 1 to 128 letters, digits and punctuation"


@CHECKS(Severity.BLOCKS)
def the_end_of_a_month_fits(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    whole = system.properties(system.consumed_queue()[0])
    wanted = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    if any(whole.get(name) != value for name, value in wanted.items()):
        yield "without high throughput a FIFO queue takes 300 calls a second, of the 1,500 that come"


@CHECKS(Severity.DOUBLES)
def a_movement_that_comes_again_is_booked_once(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    first = sent(system, ("m-1", ADA, 500), ("m-2", ADA, -200))
    for messages in (first, first, sent(system, ("m-1", ADA, 500))):  # the bank calls again after five minutes, too
        deliver(system, messages)
    if balances(system) != {ADA: 300}:
        yield f"+5 and -2, which come again, make {balances(system)}"
    ids = [message.get("MessageDeduplicationId", message["MessageBody"]) for message in first]
    again = sent(system, ("m-1", ADA, 500))[0]
    if len(set(ids)) != 2 or again.get("MessageDeduplicationId", again["MessageBody"]) != ids[0]:
        yield "the bank's second call is another message to the queue"


@CHECKS(Severity.DOUBLES)
def two_deliveries_at_once_book_once(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    for call in range(MOST_CALLS):
        messages = sent(system, (f"m-{call}", f"account {call}", 500))
        both = overtaken(partial(deliver, system, messages), partial(deliver, system, messages), call)
        if not both:
            break
        for _ in range(2):
            deliver(system, messages)
        if balances(system)[f"account {call}"] != 500:
            yield f"+5, delivered twice at once, makes {balances(system)[f'account {call}']} cents (call {call})"


@CHECKS(Severity.LOSES)
def nothing_is_half_booked(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    for call in range(MOST_CALLS):
        messages = sent(system, (f"m-{call}", f"account {call}", 500))
        if not killed(partial(deliver, system, messages), call):
            break
        deliver(system, messages)
        booked = {item["id"]: item.get("state") for item in system.items("Movements")}
        if balances(system).get(f"account {call}") != 500 or booked.get(f"m-{call}") != "BOOKED":
            yield f"killed before call {call} and delivered again: {balances(system)}, {booked}"


@CHECKS(Severity.LOSES)
def a_balance_of_a_moment_ago_counts(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    with behind(system):
        for movement in (("m-1", ADA, 1000), ("m-2", ADA, -400)):
            deliver(system, sent(system, movement))
    states = {item["id"]: item.get("state") for item in system.items("Movements")}
    if states.get("m-2") == "REFUSED":
        yield "a withdrawal is refused since the deposit a moment before it was read too early"


@CHECKS(Severity.LOSES)
def none_overtakes_one_that_failed(answer: Path, aws: LocalAws) -> Iterator[str]:
    def throttled(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if "m-1" in str(parameters):
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "slower"}}, operation)
        return really()

    system = System(answer, aws)
    messages = sent(system, ("m-1", ADA, 1000), ("m-2", ADA, -400), ("m-3", BOB, 700))
    with intercepted(throttled):
        failures = deliver(system, messages)
    if not {"m-0", "m-1"} <= set(failures) or {item["id"] for item in system.items("Movements")} & {"m-1", "m-2"}:
        yield f"a withdrawal goes before the deposit that could not be booked; reported: {failures}"
    if ("m-2" in failures) == (BOB in balances(system)):
        yield f"of another account's movement both or none is true: booked, reported; {failures}"
    deliver(system, [message for number, message in enumerate(messages) if f"m-{number}" in failures])
    if balances(system) != {ADA: 600, BOB: 700}:
        yield f"after the failures came again the balances are {balances(system)}"


@CHECKS(Severity.LOSES)
def the_queue_keeps_what_fails(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from (each for each in findings(answer / "template.yaml") if each.startswith(("E", "SAM", "W9701")))
    system = System(answer, aws)
    graves = system.dead_letter_queues()
    if not [each for each in system.alarms("AWS/SQS") if graves & references(each.get("Dimensions"))]:
        yield "no alarm watches a dead-letter queue any more"
    for name in graves:
        if system.properties(name).get("FifoQueue") not in (True, "true"):
            yield f"{name} is not FIFO: SQS refuses it as the dead-letter queue of one that is"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    deliver(system, sent(system, ("m-1", ADA, 1000), ("m-2", ADA, -400), ("m-1", ADA, 1000)))
    yield from system.denied()
