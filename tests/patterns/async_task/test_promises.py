"""A job is answered at once, done once, visible to its owner only, and never left running for ever."""

import base64
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest
import time_machine
from async_task.scenario import Sales

from support.documents import ROOT
from support.environments import IN_PYTHON, LANGUAGES
from support.handlers import Context, Died, Example, failed, sqs_event
from trials.local_aws import LocalAws
from trials.template import read_template

RESOURCES = read_template(ROOT / "examples" / "async_task" / "template.yaml")["Resources"]
THROTTLED = {"code": "ProvisionedThroughputExceededException"}
MONTH = "2026-02"


@pytest.fixture
def sales() -> Iterator[Sales]:
    with Sales() as stub:
        yield stub


@pytest.fixture(params=LANGUAGES)
def shop(request: pytest.FixtureRequest, example: Callable[..., Example], sales: Sales) -> Example:
    trust = {"Issuer": "https://id.test", "Audience": "shop"}
    topic = "arn:aws:sns:us-east-1:123456789012:alerts"
    return example("async_task", request.param, AlarmTopicArn=topic, SalesUrl=sales.url, **trust)


@pytest.fixture
def api(shop: Example) -> ModuleType:
    return shop.environment("api")


@pytest.fixture
def worker(shop: Example) -> ModuleType:
    return shop.environment("worker")


@pytest.fixture
def give_up(shop: Example) -> ModuleType:
    return shop.environment("give_up")


def request(method: str, path: str, body: Any = None, sub: str = "ana", **headers: str) -> dict[str, Any]:
    """An HTTP API event, payload version 2.0, as it comes behind the JWT authorizer."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}},
        "requestContext": {
            "http": {"method": method, "path": path},
            "authorizer": {"jwt": {"claims": {"sub": sub}}},
            "stage": "$default",
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def call(api: ModuleType, *given: Any, **named: Any) -> tuple[int, Any]:
    answer = api.handler(request(*given, **named), Context())
    return answer["statusCode"], json.loads(answer["body"])


def submit(api: ModuleType, key: str = "k", month: str = MONTH, **named: Any) -> str:
    status, job = call(api, "POST", "/jobs", {"month": month}, idempotency_key=key, **named)
    assert status == 202
    return str(job["job_id"])


def task(job_id: str, month: str = MONTH, receives: int = 1) -> dict[str, Any]:
    return sqs_event(json.dumps({"job_id": job_id, "month": month}), receives=receives)


def queued(shop: Example) -> list[dict[str, Any]]:
    """The tasks in the queue, each taken out."""
    sqs, url = shop.aws.client("sqs"), shop.stack.resources["Tasks"]
    found: list[dict[str, Any]] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"]) for message in messages]
    return found


def state(api: ModuleType, job_id: str) -> str:
    return str(call(api, "GET", f"/jobs/{job_id}")[1]["state"])


def report(shop: Example, job_id: str) -> list[str]:
    s3 = shop.aws.client("s3")
    found = s3.get_object(Bucket=shop.stack.resources["Results"], Key=f"{job_id}.csv")
    return str(found["Body"].read().decode()).splitlines()


def test_a_job_is_recorded_queued_and_shown(api: ModuleType, shop: Example) -> None:
    job_id = submit(api)

    assert queued(shop) == [{"job_id": job_id, "month": MONTH}]
    status, job = call(api, "GET", f"/jobs/{job_id}")
    assert (status, job["state"]) == (200, "QUEUED")
    assert job["expires"] > job["created"]


def test_the_same_request_twice_at_once_is_one_job(shop: Example) -> None:
    environments = [shop.environment("api") for _ in range(5)]
    with ThreadPoolExecutor(5) as pool:
        assert len(set(pool.map(submit, environments))) == 1


def test_another_report_under_a_used_key_is_refused(api: ModuleType) -> None:
    submit(api)
    status, problem = call(api, "POST", "/jobs", {"month": "2026-03"}, idempotency_key="k")

    assert (status, problem["status"]) == (409, 409)


@pytest.mark.parametrize(("one", "other"), [(("a", "bc"), ("ab", "c")), (("a:1", "b"), ("a", "1:b"))])
def test_caller_and_key_cannot_be_shifted_into_one_another(
    api: ModuleType, one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert len({submit(api, key, sub=sub) for sub, key in (one, other)}) == 2


@IN_PYTHON
def test_a_crash_between_record_and_queue_is_mended_by_the_callers_retry(
    shop: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    doomed = shop.environment("api")

    def die(**_: Any) -> None:
        raise Died

    monkeypatch.setattr(doomed.sqs, "send_message", die)
    with pytest.raises(Died):
        call(doomed, "POST", "/jobs", {"month": MONTH}, idempotency_key="k")
    assert queued(shop) == []

    job_id = submit(shop.environment("api"))

    assert queued(shop) == [{"job_id": job_id, "month": MONTH}]


def test_a_job_that_has_begun_is_not_queued_again(api: ModuleType, worker: ModuleType, shop: Example) -> None:
    job_id = submit(api)
    queued(shop)
    worker.handler(task(job_id), Context())
    submit(api)

    assert queued(shop) == []


@pytest.mark.parametrize(
    "body", [None, {}, {"month": "2026-13"}, {"month": 202602}, {"month": MONTH, "rows": 1}], ids=str
)
def test_what_is_no_report_is_refused(api: ModuleType, shop: Example, body: Any) -> None:
    assert call(api, "POST", "/jobs", body, idempotency_key="k")[0] == 422
    assert queued(shop) == []


STRANGE: dict[str, tuple[int, dict[str, Any]]] = {
    "no JSON": (422, {"body": "{"}),
    "null in base64": (422, {"body": None, "isBase64Encoded": True}),
    "no base64": (422, {"body": "%%%", "isBase64Encoded": True}),
    "no UTF-8": (422, {"body": base64.b64encode(b"\xff\xfe{}").decode(), "isBase64Encoded": True}),
    "JSON null": (422, {"body": "null"}),
    "half a character": (422, {"body": '{"month": "\\ud800"}'}),
    "digits without end": (422, {"body": '{"month": %s}' % ("9" * 5000)}),
    "nested without end": (422, {"body": "[" * 100_000}),
    "a list of reports": (422, {"body": json.dumps([{"month": MONTH}, {"month": "2026-03"}])}),
    "null headers": (422, {"headers": None}),
    "no headers": (422, {"headers": ...}),
    "no body": (422, {"body": ...}),
    "another content type": (415, {"headers": {"content-type": "text/plain", "idempotency-key": "k"}}),
}


@pytest.mark.parametrize("strange", STRANGE)
def test_what_a_caller_can_make_of_a_request_is_no_fault_of_ours(api: ModuleType, shop: Example, strange: str) -> None:
    """A 5xx would page, and be sent again."""
    status, changes = STRANGE[strange]
    changed = {**request("POST", "/jobs", {"month": MONTH}, idempotency_key="k"), **changes}

    answer = api.handler({name: value for name, value in changed.items() if value is not ...}, Context())

    assert (answer["statusCode"], queued(shop)) == (status, [])


@IN_PYTHON
def test_a_value_error_of_ours_is_no_mistake_of_the_caller(api: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: Any) -> None:
        raise ValueError("not ours to say")

    monkeypatch.setattr(api, "create", wrong)

    with pytest.raises(ValueError, match="not ours to say"):  # Lambda counts an error, and the caller gets a 500
        call(api, "POST", "/jobs", {"month": MONTH}, idempotency_key="k")


def test_nobody_sees_or_cancels_anothers_job(api: ModuleType) -> None:
    job_id = submit(api)

    assert call(api, "GET", f"/jobs/{job_id}", sub="ben")[0] == 404
    assert call(api, "DELETE", f"/jobs/{job_id}", sub="ben")[0] == 404
    assert submit(api, sub="ben") != job_id
    assert state(api, job_id) == "QUEUED"


def test_the_work_is_done_and_its_result_linked_for_five_minutes(
    api: ModuleType, worker: ModuleType, shop: Example, sales: Sales
) -> None:
    job_id = submit(api)
    assert failed(worker.handler(task(job_id), Context())) == []

    _, job = call(api, "GET", f"/jobs/{job_id}")
    assert job["state"] == "SUCCEEDED"
    assert "X-Amz-Expires=300" in job["result"]
    assert report(shop, job_id)[-1] == "2026-02-28,28"
    assert sales.calls[MONTH] == 28


def test_delivered_again_it_does_nothing(api: ModuleType, worker: ModuleType, sales: Sales) -> None:
    job_id = submit(api)
    for _ in range(3):
        assert failed(worker.handler(task(job_id), Context())) == []

    assert sales.calls[MONTH] == 28


def test_delivered_twice_at_once_one_works_and_the_other_comes_back(
    api: ModuleType, shop: Example, sales: Sales
) -> None:
    sales.latency = 0.02
    job_id = submit(api)
    environments = [shop.environment("worker") for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda module: failed(module.handler(task(job_id), Context())), environments))

    assert sorted(answers) == [[], ["m-0"]]
    assert sales.calls[MONTH] == 28
    assert state(api, job_id) == "SUCCEEDED"


@IN_PYTHON
def test_queued_twice_one_works_and_the_other_message_is_done_with(
    api: ModuleType, worker: ModuleType, shop: Example, sales: Sales
) -> None:
    job_id, holder = submit(api), shop.environment("jobs")
    assert holder.claim(job_id, "holder", "m-of-the-holder")

    assert failed(worker.handler(task(job_id), Context())) == []
    assert state(api, job_id) == "RUNNING"
    assert not sales.calls


@IN_PYTHON
def test_a_job_whose_worker_died_is_queued_again_by_the_callers_retry(api: ModuleType, shop: Example) -> None:
    job_id = submit(api)
    assert shop.environment("jobs").claim(job_id, "doomed", "m-0")
    queued(shop)
    submit(api)
    assert queued(shop) == []

    with time_machine.travel(time.time() + 61):
        submit(shop.environment("api"))
    assert queued(shop) == [{"job_id": job_id, "month": MONTH}]


def test_a_failure_gives_the_job_back_and_the_next_attempt_does_it(
    api: ModuleType, worker: ModuleType, sales: Sales
) -> None:
    job_id = submit(api)
    sales.failures[MONTH] = 1
    assert failed(worker.handler(task(job_id), Context())) == ["m-0"]
    assert call(api, "GET", f"/jobs/{job_id}")[1]["stalled"]

    assert failed(worker.handler(task(job_id, receives=2), Context())) == []
    assert state(api, job_id) == "SUCCEEDED"


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("service", "operation"), [("dynamodb", "UpdateItem"), ("s3", "PutObject"), ("sqs", "ChangeMessageVisibility")]
)
def test_each_service_may_fail_once(
    api: ModuleType, worker: ModuleType, aws: LocalAws, sales: Sales, service: str, operation: str
) -> None:
    job_id = submit(api)
    sales.failures[MONTH] = 1 if operation == "ChangeMessageVisibility" else 0
    aws.fault(service=service, operation=operation, error={"code": "ThrottlingException"}, times=3)
    assert failed(worker.handler(task(job_id), Context())) == ["m-0"]

    aws.clear_faults()
    with time_machine.travel(time.time() + 61):
        assert failed(worker.handler(task(job_id, receives=2), Context())) == []
        assert state(api, job_id) == "SUCCEEDED"


@IN_PYTHON
def test_after_a_workers_death_another_takes_over_when_the_lease_has_ended(
    api: ModuleType, shop: Example, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id, doomed = submit(api), shop.environment("worker")

    def die(**_: Any) -> None:
        raise Died

    monkeypatch.setattr(doomed.s3, "put_object", die)
    with pytest.raises(Died):
        doomed.handler(task(job_id), Context())

    heir = shop.environment("worker")
    assert failed(heir.handler(task(job_id, receives=2), Context())) == ["m-0"]  # it may still live
    with time_machine.travel(time.time() + 61):
        assert call(api, "GET", f"/jobs/{job_id}")[1]["stalled"]
        assert failed(heir.handler(task(job_id, receives=3), Context())) == []
        assert state(api, job_id) == "SUCCEEDED"


@IN_PYTHON
def test_a_worker_that_was_replaced_changes_nothing_any_more(api: ModuleType, shop: Example, sales: Sales) -> None:
    job_id, slow, heir = submit(api), shop.environment("worker"), shop.environment("worker")
    request = slow.sales.request
    taken: list[bool] = []

    def lose_the_lease(*given: Any) -> Any:
        if not taken:
            taken.append(True)
            with time_machine.travel(time.time() + 61):
                assert failed(heir.handler(task(job_id, receives=2), Context())) == []
        return request(*given)

    slow.sales.request = lose_the_lease
    assert failed(slow.handler(task(job_id), Context())) == []

    assert state(api, job_id) == "SUCCEEDED"
    assert sales.calls[MONTH] == 28 + 1  # the one under way when it was replaced


@IN_PYTHON
def test_a_worker_that_was_replaced_takes_nothing_from_its_heir_that_still_works(
    api: ModuleType, shop: Example, sales: Sales
) -> None:
    job_id, slow, heir = submit(api), shop.environment("worker"), shop.environment("jobs")
    request = slow.sales.request

    def lose_the_lease(*given: Any) -> Any:
        with time_machine.travel(time.time() + 61):
            assert heir.claim(job_id, "heir", "m-1")
        return request(*given)

    slow.sales.request = lose_the_lease
    assert failed(slow.handler(task(job_id), Context())) == []

    table = shop.stack.resources["Jobs"]
    job = shop.aws.client("dynamodb").get_item(TableName=table, Key={"job_id": {"S": job_id}})["Item"]
    assert (job["state"]["S"], job["worker"]["S"]) == ("RUNNING", "heir")
    assert int(job["lease"]["N"]) > time.time() + 60
    assert sales.calls[MONTH] == 1


def test_a_cancelled_job_is_not_started(api: ModuleType, worker: ModuleType, sales: Sales) -> None:
    job_id = submit(api)
    assert call(api, "DELETE", f"/jobs/{job_id}")[1]["state"] == "CANCELLED"

    assert failed(worker.handler(task(job_id), Context())) == []
    assert not sales.calls
    assert state(api, job_id) == "CANCELLED"


@IN_PYTHON
def test_a_running_job_stops_at_its_next_step_when_cancelled(api: ModuleType, worker: ModuleType, sales: Sales) -> None:
    job_id, request = submit(api), worker.sales.request

    def cancel_meanwhile(*given: Any) -> Any:
        if sales.calls[MONTH] == 2:
            call(api, "DELETE", f"/jobs/{job_id}")
        return request(*given)

    worker.sales.request = cancel_meanwhile
    assert failed(worker.handler(task(job_id), Context())) == []

    assert state(api, job_id) == "CANCELLED"
    assert sales.calls[MONTH] == 3


def test_what_has_ended_cannot_be_cancelled(api: ModuleType, worker: ModuleType) -> None:
    job_id = submit(api)
    worker.handler(task(job_id), Context())

    assert call(api, "DELETE", f"/jobs/{job_id}")[0] == 409
    assert state(api, job_id) == "SUCCEEDED"


def test_a_job_that_nobody_could_do_is_failed_and_says_so(api: ModuleType, give_up: ModuleType) -> None:
    job_id = submit(api)
    assert failed(give_up.handler(task(job_id), Context())) == []

    _, job = call(api, "GET", f"/jobs/{job_id}")
    assert (job["state"], bool(job["reason"])) == ("FAILED", True)


@IN_PYTHON
def test_giving_up_takes_no_job_from_a_live_worker(api: ModuleType, give_up: ModuleType, shop: Example) -> None:
    job_id = submit(api)
    assert shop.environment("jobs").claim(job_id, "w", "m-7")

    assert failed(give_up.handler(task(job_id), Context())) == ["m-0"]
    assert state(api, job_id) == "RUNNING"


def test_giving_up_never_takes_back_a_result(api: ModuleType, worker: ModuleType, give_up: ModuleType) -> None:
    job_id = submit(api)
    worker.handler(task(job_id), Context())

    assert failed(give_up.handler(task(job_id), Context())) == []
    assert state(api, job_id) == "SUCCEEDED"


@pytest.mark.parametrize("body", ["", "{", "[]", "{}", "null"], ids=repr)
def test_a_task_that_nobody_can_read_is_kept_and_blocks_no_other(
    api: ModuleType, worker: ModuleType, give_up: ModuleType, body: str
) -> None:
    assert failed(worker.handler(sqs_event(body), Context())) == ["m-0"]

    job_id = submit(api)
    good = task(job_id)["Records"][0]["body"]
    assert failed(give_up.handler(sqs_event(body, good), Context())) == ["m-0"]
    assert state(api, job_id) == "FAILED"


def test_the_queue_waits_long_enough_and_the_function_takes_one_job_at_a_time() -> None:
    mapping = RESOURCES["Work"]["Properties"]["Events"]["Tasks"]["Properties"]

    assert mapping["BatchSize"] == 1
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == 5
    assert RESOURCES["Route"]["Properties"]["AuthorizationType"] == "JWT"
    assert RESOURCES["Jobs"]["Properties"]["TimeToLiveSpecification"]["AttributeName"] == "expires"


def test_a_result_lives_as_long_as_its_job(api: ModuleType) -> None:
    _, job = call(api, "POST", "/jobs", {"month": MONTH}, idempotency_key="k")
    (rule,) = RESOURCES["Results"]["Properties"]["LifecycleConfiguration"]["Rules"]

    assert rule["Status"] == "Enabled"
    assert rule["ExpirationInDays"] * 86_400 >= job["expires"] - job["created"]


def test_an_alarm_tells_of_jobs_that_are_given_up() -> None:
    alarm = RESOURCES["Failing"]["Properties"]

    assert (alarm["MetricName"], alarm["Threshold"], alarm["ComparisonOperator"]) == (
        "Invocations",
        0,
        "GreaterThanThreshold",
    )
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "GiveUp"}}]
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopicArn"}]
