"""A service outside of AWS that has too much to do or answers late."""

import ssl
import time
from http.server import BaseHTTPRequestHandler

import pytest

from trials.faults.once import OF_AN_ANSWER
from trials.local_aws.outside import Asked, Server, StandIn, Supplied
from trials.verdicts import Promise, broken, held
from trials.verdicts.outside import with_requests

PAY = Asked("POST", "/pay", "", {"amount": 1})


def test_while_it_has_too_much_to_do_nothing_is_done_and_each_request_counts() -> None:
    service = StandIn()
    service.refuses_with = 429

    assert [service.reply(PAY) for _ in range(3)] == [(429, {})] * 3
    assert (service.records(), service.turned_away) == ([], 3)
    service.forget()
    assert (service.reply(PAY), service.turned_away) == ((200, {}), 0)


def test_one_that_is_down_for_one_request_does_the_next() -> None:
    outside = StandIn()
    outside.refuse(times=1)

    assert [outside.reply(PAY)[0] for _ in range(2)] == [503, 200]  # type: ignore[index]
    outside.refuse()
    assert [outside.reply(PAY)[0] for _ in range(2)] == [503, 503]  # type: ignore[index]
    outside.take_again()
    assert outside.reply(PAY) == (200, {})


def test_one_that_answers_late_has_done_what_it_was_asked_by_then(monkeypatch: pytest.MonkeyPatch) -> None:
    service = StandIn()
    service.delay = 5
    done_before_the_answer = []
    monkeypatch.setattr(time, "sleep", lambda seconds: done_before_the_answer.append((seconds, len(service.records()))))

    service.reply(PAY)
    assert done_before_the_answer == [(5, 1)]


def test_one_that_never_says_so_has_done_what_it_was_asked() -> None:
    service = StandIn()
    service.mute = True

    assert service.reply(PAY) is None
    assert len(service.records()) == 1
    service.forget()
    assert service.reply(PAY) == (200, {})


def test_how_often_it_was_asked_is_told_with_what_that_makes() -> None:
    judgement = with_requests(held("429: done on a retry"), requests=4, deliveries=3)

    assert judgement.happened == "429: done on a retry; asked 4 times in one delivery"
    assert "12 requests for one event" in judgement.details[-1]


def test_where_nobody_knows_how_often_it_is_delivered_no_product_is_told() -> None:
    judgement = with_requests(held("429: done on a retry"), requests=4, deliveries=1)

    assert judgement == held("429: done on a retry; asked 4 times in one delivery")


def test_a_single_request_is_nothing_to_tell() -> None:
    judgement = broken(Promise.LOST, "failed, was reported as done")

    assert with_requests(judgement, requests=1, deliveries=3) == judgement


def test_an_answer_holds_what_was_taught_unless_the_reader_supplied_one() -> None:
    service = StandIn()
    service.taught = {"orders": "trial"}

    assert service.reply(Asked("GET", "/2026-10-01", "", None)) == (200, {"orders": "trial"})
    service.answers = (Supplied(body={"orders": 3}),)
    assert service.reply(Asked("GET", "/2026-10-01", "", None)) == (200, {"orders": 3})


@pytest.mark.parametrize("line", ["lines.append(reply.json()['orders'])", "rate = json.loads(body)['rate']"])
def test_a_line_that_reads_an_answer_tells_what_it_lacks(line: str) -> None:
    assert OF_AN_ANSWER.search(line)
    assert not OF_AN_ANSWER.search("month = task['month']")


@pytest.mark.parametrize(
    ("error", "told"),
    [(ssl.SSLError("no suitable algorithm"), ""), (ConnectionResetError(), ""), (KeyError("x"), "KeyError")],
)
def test_a_caller_that_breaks_off_is_no_traceback_at_the_terminal(
    error: Exception, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        try:
            raise error
        except (OSError, KeyError):
            server.handle_error(None, ("127.0.0.1", 1))
    said = capsys.readouterr().err

    assert told in said
    assert bool(told) is bool(said)
