"""A sign-up answers while the mail provider is down, and each member gets one mail whatever fails between."""

# canary-5f1c09ab-aws-serverless-eda: not for training

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from evals.happenings import behind, overtaken
from evals.harness import intercepted, reported
from evals.scoring import Checks, Severity
from evals.system import System, request
from support.handlers import sqs_event
from support.templates import findings
from trials.local_aws import LocalAws
from trials.local_aws.outside import Asked, Outside
from trials.template import references

CHECKS = Checks()


class Mails(Outside):
    """Sends what it is asked to, each time."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        self.down = False

    def reply(self, asked: Asked) -> tuple[int, Any]:
        if self.down:
            return 503, {}
        if asked.method == "POST":
            self.sent[asked.body["to"]] += 1
        return 202, {}


@contextmanager
def deployed(answer: Path, aws: LocalAws) -> Iterator[tuple[System, Mails, str, str]]:
    """The system, the provider, the queue behind the sign-up and the function that takes from it."""
    with Mails() as mails:
        system = System(answer, aws, MailUrl=mails.url)
        queue, worker = system.consumed_queue()
        yield system, mails, queue, worker


def sign_up(system: System, email: str) -> int:
    try:
        return int(system.call("SignUp", request("POST", "/signups", {"email": email, "name": "Ada"}))["statusCode"])
    except Exception:  # the answer's own: API Gateway makes a 500 of it
        return 500


@CHECKS(Severity.ASKED)
def a_sign_up_waits_for_no_mail(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, mails, queue, worker):
        mails.down = True
        if not 200 <= sign_up(system, "a@example.com") < 300:
            yield "a sign-up fails while the mail provider is down"
        mails.down = False
        waiting = system.messages(queue)
        system.call(worker, sqs_event(*waiting))
        if mails.sent != {"a@example.com": 1}:
            yield f"after a sign-up these mails went out: {dict(mails.sent)}"
        if sign_up(system, "a@example.com") != 409:
            yield "who is a member already is not told so any more"


@CHECKS(Severity.LOSES)
def a_request_that_ends_early_costs_no_mail(answer: Path, aws: LocalAws) -> Iterator[str]:
    def refused(operation: str, parameters: dict[str, Any], really: Any) -> Any:
        if operation in ("SendMessage", "SendMessageBatch"):
            raise ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "try again"}}, operation)
        return really()

    with deployed(answer, aws) as (system, mails, queue, worker):
        with intercepted(refused):
            sign_up(system, "b@example.com")
        sign_up(system, "b@example.com")
        if waiting := system.messages(queue):
            system.call(worker, sqs_event(*waiting))
        if not mails.sent["b@example.com"]:
            yield "a sign-up whose message could not be sent is refused when it is tried again, and never gets its mail"


@CHECKS(Severity.LOSES)
def a_mail_that_goes_out_at_once_takes_no_place(answer: Path, aws: LocalAws) -> Iterator[str]:
    """The worker is done before the sign-up goes on, at each of its calls."""
    for call in range(1, 4):
        with deployed(answer, aws) as (system, _, queue, worker):

            def mail() -> None:
                if waiting := system.messages(queue):
                    system.call(worker, sqs_event(*waiting))

            both = overtaken(partial(sign_up, system, "h@example.com"), mail, call)
            if both and not 200 <= both[0] < 300:
                yield f"a new member whose mail went out before call {call} is answered with {both[0]}"


@CHECKS(Severity.LOSES)
def an_outage_delays_the_mail(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, mails, queue, worker):
        sign_up(system, "c@example.com")
        waiting = system.messages(queue)
        mails.down = True
        try:
            kept = bool(reported(system.call(worker, sqs_event(*waiting))))
        except Exception:
            kept = True
        mails.down = False
        if not kept:
            yield "a mail that the provider refused is reported as done"
            return
        system.call(worker, sqs_event(*waiting))
        if not mails.sent["c@example.com"]:
            yield "no mail goes out although the provider came back"


@CHECKS(Severity.DOUBLES)
def a_message_that_comes_again_is_one_mail(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, mails, queue, worker):
        sign_up(system, "d@example.com")
        waiting = system.messages(queue)
        for _ in range(2):
            system.call(worker, sqs_event(*waiting))
        if mails.sent["d@example.com"] != 1:
            yield f"{mails.sent['d@example.com']} mails when the queue delivers twice"
        sign_up(system, "g@example.com")
        waiting = system.messages(queue)
        with behind(system):
            for _ in range(2):
                system.call(worker, sqs_event(*waiting))
        if mails.sent["g@example.com"] != 1:
            yield f"{mails.sent['g@example.com']} mails when the queue delivers twice within a moment"


@CHECKS(Severity.BLOCKS)
def a_bad_message_holds_up_nobody(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, mails, queue, worker):
        sign_up(system, "e@example.com")
        batch = sqs_event("not JSON", *system.messages(queue))
        try:
            failures = reported(system.call(worker, batch))
        except Exception:
            failures = ["everything"]
        if failures != ["m-0"] or not mails.sent["e@example.com"]:
            yield f"with a message that is no JSON in the batch, these are reported: {failures}"


@CHECKS(Severity.LOSES)
def the_queue_keeps_what_fails(answer: Path, aws: LocalAws) -> Iterator[str]:
    yield from (each for each in findings(answer / "template.yaml") if each.startswith(("E91", "E94", "E97", "SAM")))


@CHECKS(Severity.HIDES)
def somebody_hears_of_mails_given_up(answer: Path, aws: LocalAws) -> Iterator[str]:
    system = System(answer, aws, MailUrl="http://127.0.0.1")
    graves = system.dead_letter_queues()
    watched = [each for each in system.alarms("AWS/SQS") if graves & references(each.get("Dimensions"))]
    if not watched:
        yield "no alarm watches a dead-letter queue"


@CHECKS(Severity.LOSES)
def the_roles_allow_the_work(answer: Path, aws: LocalAws) -> Iterator[str]:
    with deployed(answer, aws) as (system, _, queue, worker):
        sign_up(system, "f@example.com")
        for waiting in system.messages(queue):
            system.call(worker, sqs_event(waiting))
        yield from system.denied()
