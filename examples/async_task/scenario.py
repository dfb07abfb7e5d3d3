"""Reports that take a while: asked twice, watched, fetched, cancelled, and one that nobody can make."""

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rest_api.scenario import AUDIENCE, Client, Issuer

from trials.local_aws import LocalAws, Outcome, seen, wait_for
from trials.local_aws.outside import Asked, Outside


class Sales(Outside):
    """The outside service: a number for each day, slowly; fails for a month as often as `failures` says.

    `calls` counts the requests for each month.
    """

    def __init__(self, latency: float = 0.0) -> None:
        self.calls: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.latency = latency

    def reply(self, asked: Asked) -> tuple[int, dict[str, int]]:
        day = asked.path.rsplit("/", 1)[-1]
        month = day[:7]
        self.calls[month] += 1
        time.sleep(self.latency)
        if self.failures[month] > 0:
            self.failures[month] -= 1
            return 503, {}
        return 200, {"orders": int(day[-2:])}


def play(local: LocalAws, say: Callable[[str], None], template: Path) -> Iterator[Outcome]:
    with Issuer() as issuer, Sales(latency=0.02) as sales:
        topic = "arn:aws:sns:us-east-1:123456789012:alerts"
        trust = {"Issuer": issuer.url, "Audience": AUDIENCE}
        stack = local.deploy(template, AlarmTopicArn=topic, SalesUrl=sales.url, **trust)
        call = Client(local, stack.outputs["ApiId"])
        ana, ben = ({"Authorization": f"Bearer {issuer.token(sub)}"} for sub in ("ana", "ben"))

        def submit(key: str, month: str) -> tuple[int, Any, dict[str, str]]:
            return call("POST", "/jobs", {"month": month}, Idempotency_Key=key, **ana)

        def job(job_id: str) -> Any:
            return call("GET", f"/jobs/{job_id}", **ana)[1]

        def ended(job_id: str) -> Any:
            """The job, or how it stands if it does not end."""
            seen(lambda: job(job_id)["state"] not in ("QUEUED", "RUNNING"))
            return job(job_id)

        say("a report, asked for three times")
        wait_for("the API", lambda: call("GET", "/jobs/00000000-0000-0000-0000-000000000000", **ana)[0] == 404)
        began = time.monotonic()
        status, first, headers = submit("k-1", "2026-10")
        took = time.monotonic() - began
        accepted = status == 202 and headers.get("location") == f"/jobs/{first['job_id']}"
        yield Outcome("a report", f"{status} after {took:.1f} s", "answered at once, with where to look", accepted)
        same = {submit("k-1", "2026-10")[1]["job_id"] for _ in range(2)} == {first["job_id"]}
        done = ended(first["job_id"])
        once = same and done["state"] == "SUCCEEDED" and sales.calls["2026-10"] == 31
        yield Outcome("the same one twice more", f"{sales.calls['2026-10']} days read", "one job, made once", once)

        say("its result")
        lines = []
        if "result" in done:
            with urllib.request.urlopen(done["result"], timeout=10, context=local.tls) as answer:
                lines = answer.read().decode().splitlines()
        whole = len(lines) == 32 and lines[-1] == "2026-10-31,31"
        yield Outcome("the link in the answer", f"{len(lines)} lines", "the whole report, for a while", whole)
        other = call("GET", f"/jobs/{first['job_id']}", **ben)[0]
        yield Outcome("the same job, asked for by Ben", f"{other}", "nobody sees another's", other == 404)

        say("one that fails at first")
        sales.failures["2026-09"] = 1
        shaky = ended(submit("k-2", "2026-09")[1]["job_id"])
        yield Outcome(
            "a report with a failure", shaky["state"], "the next attempt makes it", shaky["state"] == "SUCCEEDED"
        )

        say("one that is cancelled while it runs")
        sales.latency = 0.5
        slow = submit("k-3", "2026-08")[1]["job_id"]
        seen(lambda: job(slow)["state"] == "RUNNING")
        call("DELETE", f"/jobs/{slow}", **ana)
        sales.latency = 0.0
        read = sales.calls["2026-08"]
        late = submit("k-4", "2026-07")[1]["job_id"]
        ended(late)
        stopped = job(slow)["state"] == "CANCELLED" and sales.calls["2026-08"] <= read + 1
        yield Outcome("a running one, cancelled", job(slow)["state"], "it stops at its next step", stopped)

        say("one that nobody can make")
        sqs, tasks = local.client("sqs"), stack.outputs["TasksUrl"]
        sales.failures["2026-05"] = 1_000_000
        lost = submit("k-5", "2026-05")[1]["job_id"]
        seen(lambda: sales.calls["2026-05"])
        found = sqs.get_queue_attributes(QueueUrl=tasks, AttributeNames=["RedrivePolicy"])["Attributes"]
        name = json.loads(found["RedrivePolicy"])["deadLetterTargetArn"].rsplit(":", 1)[-1]
        dead = sqs.get_queue_url(QueueName=name)["QueueUrl"]  # where the queue puts it after the third failure
        sqs.send_message(QueueUrl=dead, MessageBody=json.dumps({"job_id": lost, "month": "2026-05"}))
        gone = ended(lost)
        told = gone["state"] == "FAILED" and "given up" in gone["reason"]
        yield Outcome("one that keeps failing", gone["state"], "it says so, and is not running for ever", told)
