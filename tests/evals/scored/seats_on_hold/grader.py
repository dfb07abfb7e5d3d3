"""A hold ends on time, however late time to live is, and a seat has one owner whoever comes between.

canary-4be07d21-aws-serverless-eda: not for training
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from evals.happenings import ask, at, behind, forgotten, overtaken
from evals.scoring import Checks, Severity
from evals.system import System
from support.templates import findings
from trials.local_aws import LocalAws

CHECKS = Checks()
MOST_CALLS = 6  # of one request, before each of which another may come


def hold(system: System, customer: str, seat: str, **claimed: str) -> bool:
    body = {"show": "s-1", "seat": seat} | claimed
    return ask(system, "POST", "/holds", body, {"sub": customer})[0] < 300


def book(system: System, customer: str, seat: str, **claimed: str) -> bool:
    body = {"show": "s-1", "seat": seat} | claimed
    return ask(system, "POST", "/bookings", body, {"sub": customer})[0] < 300


def free(system: System) -> list[str]:
    status, answer = ask(system, "GET", "/shows/s-1/free", None, {"sub": "ada"})
    return [str(seat) for seat in answer["free"]] if status == 200 else []


@CHECKS(Severity.ASKED)
def a_hold_ends_after_ten_minutes(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    with at():
        if not hold(system, "ada", "A1") or hold(system, "bob", "A1"):
            yield "a free seat is not held, or one that another holds is"
    with at(minutes=9):
        if hold(system, "bob", "A1"):
            yield "a hold is over after nine minutes"
    with at(minutes=11):
        if not hold(system, "bob", "A1"):
            yield "after eleven minutes the next one does not get the seat"
        if not book(system, "bob", "A1"):
            yield "who holds a seat cannot book it"


@CHECKS(Severity.DOUBLES)
def one_of_two_gets_the_seat(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    for call in range(MOST_CALLS):
        with at():
            both = overtaken(partial(hold, system, "ada", f"A{call}"), partial(hold, system, "bob", f"A{call}"), call)
        if both is None:
            break
        if sum(both) != 1:
            yield f"a free seat, asked for by two before call {call}: {sum(both)} hold it"
        with at(minutes=11):
            both = overtaken(partial(hold, system, "eve", f"A{call}"), partial(hold, system, "kim", f"A{call}"), call)
            if both and sum(both) != 1:
                yield f"an ended hold, asked for by two before call {call}: {sum(both)} hold it"


@CHECKS(Severity.DOUBLES)
def who_comes_too_late_books_no_seat_of_another(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    with at():
        hold(system, "ada", "A9")
    with at(minutes=11):
        if hold(system, "bob", "A9") and book(system, "ada", "A9"):
            yield "who held a seat before books it although another holds it now"
    for call in range(MOST_CALLS):
        with at():
            hold(system, "ada", f"A{call}")
        with at(minutes=11):
            both = overtaken(partial(book, system, "ada", f"A{call}"), partial(hold, system, "bob", f"A{call}"), call)
        if both is None:
            break
        if all(both):
            yield f"ada books a seat that bob got before call {call}"


@CHECKS(Severity.LOSES)
def a_booked_seat_stays(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    with at():
        hold(system, "ada", "A1")
        book(system, "ada", "A1")
    with at(days=3) as later:
        forgotten(system, later)
        if hold(system, "bob", "A1") or "A1" in free(system):
            yield "a booked seat can be had again after three days"


@CHECKS(Severity.BLOCKS)
def ended_holds_are_shown_as_free(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    with at():
        hold(system, "ada", "A1")
        hold(system, "ada", "A2")
        book(system, "ada", "A2")
        if {"A1", "A2"} & set(free(system)) or "A3" not in free(system):
            yield "held and booked seats are shown as free, or free ones are not"
    with at(minutes=11):
        if "A1" not in free(system) or "A2" in free(system):
            yield "after eleven minutes a hold still takes its seat out of the list, or a booking does not"


@CHECKS(Severity.BLOCKS)
def a_request_that_comes_again_gets_the_same_answer(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    with at():
        if not all(hold(system, "ada", "A1") for _ in range(2)):
            yield "whose answer was lost is told that another has the seat"
    with at(), behind(system):
        if not all(hold(system, "ada", "A2") for _ in range(2)):
            yield "who asks again at once is told that another has the seat"
    with at(minutes=9):
        first = book(system, "ada", "A1")
    with at(minutes=12):
        if not first or not book(system, "ada", "A1"):
            yield "a booking that is sent again, since its answer was lost, is refused: the customer has paid"


@CHECKS(Severity.EXPOSES)
def who_asks_is_whom_the_token_names(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    with at():
        hold(system, "ada", "A1")
        claimed = {"who": "ada", "holder": "ada", "sub": "ada", "user": "ada"}
        if book(system, "bob", "A1", **claimed) or hold(system, "bob", "A1", **claimed):
            yield "bob gets ada's seat"


@CHECKS(Severity.LOSES)
def it_can_be_deployed(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from (each for each in findings(answer / "template.yaml") if each.startswith(("E", "SAM", "W9701")))


@CHECKS(Severity.BLOCKS)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws)
    with at():
        hold(system, "ada", "A1")
        hold(system, "bob", "A1")
        book(system, "ada", "A1")
        free(system)
    yield from system.denied()
