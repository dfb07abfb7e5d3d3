"""What performance-optimization.md claims: arithmetic, simulations, and what the SDK and Python really do."""

import compileall
import importlib.machinery
import json
import logging
import os
import py_compile
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from math import inf, isclose
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.retries.quota import RetryQuota
from botocore.retries.standard import RetryQuotaChecker
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from references import batches, concurrency, cost, retries
from support.facts import facts
from support.templates import findings
from trials.template import read_template

HERE = Path(__file__).parent
MEGA = 1_000_000
ARCHES = ("x86", "arm64")


# --- cost -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dollars", "by_hand"),
    [
        (cost.function(MEGA, 100, 512), 0.20 + 0.5 * 0.1 * 13.3334),
        (cost.function(MEGA, 100, 512, "x86"), 0.20 + 0.5 * 0.1 * 16.6667),
        (cost.function(MEGA, 100, 512, "x86", cold=0.01, init_ms=1000), 0.20 + 0.5 * 0.11 * 16.6667),
        (cost.function(MEGA, 99.2, 1024), cost.function(MEGA, 100, 1024)),
        (cost.standard(MEGA, 10), 250),
        (cost.express(MEGA, 2000), 1 + 2 / 16 * 16.67),
        (cost.express(MEGA, 101, 65), 1 + 0.2 * 0.125 * 16.67),
        (cost.queue(MEGA, batch=1, pollers=0), 1.20),
        (cost.queue(MEGA, batch=10, pollers=0), 0.12),
        (cost.queue(MEGA, batch=10, kb=64, pollers=0), 1.20),
        (cost.queue(0), 5 * 129_600 * 0.4e-6),
        (cost.metered(MEGA, "event", kb=65), 2),
        (cost.metered(MEGA, "http api request", kb=512), 1),
        (cost.metered(MEGA, "rest api request", kb=10_000), 3.5),
        (cost.logs(MEGA, 2048), 2048 * MEGA / 1024**3 / 2),
        (cost.nat(1, 0), 32.85 + 3.65),
        (cost.nat(2, 100), 65.70 + 7.30 + 4.50),
        (cost.endpoints(4, 1, 0), 29.20),
        (cost.fargate(2, 1, 2), 2 * 730 * (0.04048 + 2 * 0.004445)),
        (cost.managed_instances(MEGA, on_demand=0.1), 0.20 + 3 * 730 * 0.115),
        (cost.managed_instances(MEGA, on_demand=0.1, discount=0.6), 0.20 + 3 * 730 * (0.04 + 0.015)),
        (cost.snapstart(10_000, 512), 0.5 * (30 * 86_400 * 1.5046e-6 + 10_000 * 1.397998e-4)),
    ],
)
def test_a_price_is_what_one_computes_by_hand(dollars: float, by_hand: float) -> None:
    assert dollars == pytest.approx(by_hand)


def test_the_worked_examples_are_those_of_the_reference() -> None:
    assert round(cost.function(MEGA, 100, 512), 2) == 0.87
    assert round(cost.function(MEGA, 100, 512, "x86"), 2) == 1.03
    assert round(cost.function(MEGA, 100, 128), 2) == 0.37
    assert round(cost.logs(MEGA, 2048), 2) == 0.95
    assert round(cost.express(MEGA, 2000), 2) == 3.08
    assert round(cost.queue(0), 2) == 0.26
    assert round(cost.snapstart(0, 512), 2) == 1.95
    assert round(cost.snapstart(10_000, 512) - cost.snapstart(0, 512), 2) == 0.70
    inits = [cost.function(10_000, 0, 512, arch, 1, 1000) - cost.function(10_000, 0, 512, arch) for arch in ARCHES]
    assert [round(each, 2) for each in inits] == [0.08, 0.07]
    assert round(cost.fargate(2, 1, 2)) == 72


def test_provisioned_concurrency_pays_for_itself_at_three_fifths() -> None:
    share = cost.provisioned_break_even()

    assert share == pytest.approx(0.6, abs=0.001)
    on_demand = share * cost.PRICES["lambda GB-s x86"]
    assert cost.PRICES["provisioned GB-s"] + share * cost.PRICES["provisioned busy GB-s"] == pytest.approx(on_demand)


@pytest.mark.e2e
@given(st.integers(1, 60), st.sampled_from([64, 128, 256]))
def test_express_is_cheaper_up_to_its_break_even(transitions: int, mb: int) -> None:
    seconds = cost.express_break_even(transitions, mb)

    assert cost.express(1, max(0, seconds - 0.2) * 1000, mb) <= cost.standard(1, transitions)
    assert cost.express(1, (seconds + 0.2) * 1000, mb) > cost.standard(1, transitions)


def test_at_64_mb_a_transition_pays_for_24_seconds_of_express() -> None:
    assert round(cost.express_break_even(2) - cost.express_break_even(1)) == 24
    assert cost.express_break_even(12) < 300 < cost.express_break_even(13)


def test_a_durable_operation_costs_a_third_of_a_transition() -> None:
    assert cost.PRICES["durable operation"] / cost.PRICES["standard transition"] == pytest.approx(1 / 3, abs=0.02)


def test_two_tasks_cost_as_much_as_a_function_that_answers_27_times_a_second() -> None:
    per_call = cost.function(1, 100, 512, "x86")
    rate = cost.break_even(cost.fargate(2, 1, 2), per_call)

    assert round(rate) == 27
    assert cost.function(rate * cost.HOURS * 3600, 100, 512, "x86") == pytest.approx(cost.fargate(2, 1, 2))
    assert cost.break_even(1, per_call=1, free_call=2) == inf


def test_five_interface_endpoints_cost_what_an_idle_nat_gateway_and_its_address_do() -> None:
    assert cost.endpoints(5, 1, 0) == pytest.approx(cost.nat(1, 0))


def test_of_memory_sizes_that_cost_the_same_the_fastest_is_taken() -> None:
    assert cost.cheapest({512: 800, 1024: 400, 2048: 200}) == 2048
    assert cost.cheapest({512: 800, 1024: 400, 2048: 210}) == 1024
    assert cost.cheapest({128: 100, 1024: 100}) == 128


@pytest.mark.e2e
@given(st.integers(1, 10_000), st.integers(1, 100_000), st.integers(128, 5000), st.integers(2, 4))
def test_more_of_anything_never_costs_less(calls: int, ms: int, mb: int, more: int) -> None:
    for arch in ("x86", "arm64"):
        base = cost.function(calls, ms, mb, arch)
        assert base <= cost.function(calls * more, ms, mb, arch)
        assert base <= cost.function(calls, ms * more, mb, arch)
        assert base <= cost.function(calls, ms, mb * more, arch)
        assert base <= cost.function(calls, ms, mb, arch, cold=0.5, init_ms=ms)
    assert cost.function(calls, ms, mb) <= cost.function(calls, ms, mb, "x86")
    assert cost.express(calls, ms) <= cost.express(calls, ms * more)
    assert cost.queue(calls * more, batch=10) <= cost.queue(calls * more, batch=1)


@pytest.mark.e2e
@given(st.integers(1, 900_000), st.integers(128, 5000))
def test_twice_the_memory_for_half_the_time_costs_the_same(ms: int, mb: int) -> None:
    assert isclose(cost.function(1000, 2 * ms, mb), cost.function(1000, ms, 2 * mb))


def test_each_price_is_a_fact_with_its_page() -> None:
    known = {fact.id: fact for fact in facts() if fact.id.startswith("price-")}
    prices = {**cost.PRICES, **cost.NETWORK, **{f"fargate {name}": price for name, price in cost.FARGATE.items()}}

    assert {f"price-{name.lower().replace(' ', '-')}": price for name, price in prices.items()} == {
        name: fact.value for name, fact in known.items()
    }


# --- concurrency ------------------------------------------------------------------------------------------------------


def test_busy_environments_are_rate_times_duration() -> None:
    assert concurrency.busy(100, 0.1) == pytest.approx(10)
    assert concurrency.busy(100, 2) == 200


@pytest.mark.parametrize(("rate", "seconds", "needed"), [(20_000, 0.05, 2000), (20_000, 0.1, 2000), (100, 2, 200)])
def test_below_a_tenth_of_a_second_the_rate_decides_the_quota(rate: float, seconds: float, needed: int) -> None:
    assert concurrency.quota(rate, seconds) == needed


def test_a_load_of_5000_environments_is_throttled_for_40_seconds() -> None:
    lasts, refused = concurrency.throttled(rate=50_000, seconds=0.1)

    assert lasts == 40
    assert refused == 800_000  # a triangle: 4,000 too few at first, none after 40 s, ten requests a second from each
    assert concurrency.throttled(50_000, 0.1, warm=4000) == (0, 0)
    assert concurrency.throttled(50_000, 0.1, limit=1000) == (inf, inf)


def test_short_calls_are_throttled_by_their_rate_though_few_environments_would_do() -> None:
    """10,000 requests a second at once and as many more each 10 s: 5,000 missing batches of ten, not 500 busy ones."""
    assert concurrency.throttled(rate=50_000, seconds=0.01) == concurrency.throttled(rate=50_000, seconds=0.1)
    assert concurrency.throttled(rate=10_000, seconds=0.01) == (0, 0)
    assert concurrency.throttled(rate=5_000, seconds=1) == (40, 80_000)


@pytest.mark.e2e
@given(st.floats(1, 1e5), st.floats(0.01, 10), st.floats(0, 1e4))
def test_warm_environments_never_lengthen_the_throttling(rate: float, seconds: float, warm: float) -> None:
    assert concurrency.throttled(rate, seconds, warm) <= concurrency.throttled(rate, seconds)


def test_a_hundred_units_of_concurrency_cannot_be_reserved() -> None:
    assert concurrency.reservable(1000, [500, 300]) == 100
    assert concurrency.reservable(1000, [900]) == 0


def test_a_backlog_drains_as_fast_as_pollers_may_grow() -> None:
    def drain(most: float, **pollers: float) -> int:
        return round(concurrency.drain(100_000, 0, batch=10, seconds=1, most=most, **pollers))

    assert drain(1250) == 62
    assert drain(5) == 2000
    assert drain(2000, least=200, gain=1000) == 25
    assert concurrency.drain(1, arrivals=50, batch=10, seconds=1, most=5) == inf


@pytest.mark.e2e
@given(st.integers(2, 1000), st.integers(0, 1000))
def test_a_higher_maximum_never_drains_later(most: int, more: int) -> None:
    drain = [concurrency.drain(5000, 10, 10, 1, each) for each in (most, most + more)]

    assert drain[1] <= drain[0]


@pytest.mark.parametrize(
    ("messages", "kb", "batch", "seconds", "needed"),
    [
        (10_000, 1, 10, 1, 100),  # a thousand batches at once
        (10_000, 1, 10, 0.01, 100),  # a thousand receives a second
        (100, 1024, 10, 0.1, 100),  # 100 MB/s
        (1, 1, 10, 0.1, 2),
    ],
)
def test_pollers_cover_bytes_invocations_and_receives(
    messages: float, kb: float, batch: int, seconds: float, needed: int
) -> None:
    assert concurrency.pollers(messages, kb, batch, seconds) == needed


# --- retries ----------------------------------------------------------------------------------------------------------


def test_jitter_ends_the_storm_that_growing_delays_only_postpone() -> None:
    peak, calls, seconds = retries.storm(1000, 100, jitter=False)
    spread, fewer, sooner = retries.storm(1000, 100, jitter=True)

    assert (peak, calls, round(seconds)) == (900, 5500, 112)
    assert (spread, fewer, sooner) == (106, 1911, 2.5)


@pytest.mark.e2e
@given(st.integers(1, 300), st.integers(1, 50), st.booleans(), st.integers())
def test_every_client_of_a_storm_is_served(clients: int, capacity: int, jitter: bool, seed: int) -> None:
    peak, calls, _ = retries.storm(clients, capacity, jitter, seed)

    assert peak <= max(0, clients - capacity)
    assert calls >= clients


@pytest.mark.e2e
@given(st.integers(0, 60), st.integers())
def test_a_delay_is_between_nothing_and_the_exponential(attempt: int, seed: int) -> None:
    assert 0 <= retries.full_jitter(attempt, random.Random(seed)) <= min(20, 2**attempt)


class Requests(ThreadingHTTPServer):
    """Answers on loopback as `reply` says; counts the requests and the connections they came over."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, reply: Callable[[], tuple[int, bytes]]) -> None:
        counts = self
        self.requests = self.connections = 0
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # head and body together, or each answer waits for a delayed acknowledgement

            def setup(self) -> None:
                with lock:
                    counts.connections += 1
                super().setup()

            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                with lock:
                    counts.requests += 1
                status, body = reply()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        for method in ("GET", "HEAD", "POST"):
            setattr(Handler, f"do_{method}", Handler.answer)
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"


@contextmanager
def answering(reply: Callable[[], tuple[int, bytes]]) -> Iterator[Requests]:
    with Requests(reply) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The delays that the code under test would have slept."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def refused() -> tuple[int, bytes]:
    return 400, json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}).encode()


@pytest.mark.parametrize(("service", "attempts"), [("dynamodb", 4), ("sqs", 3)])
def test_the_sdk_tries_in_standard_mode_and_waits_up_to_a_second_when_throttled(
    service: Any, attempts: int, waits: list[float]
) -> None:
    with answering(refused) as server:
        client: Any = boto3.client(service, endpoint_url=server.url)
        random.seed(11)
        with pytest.raises(ClientError):
            client.list_tables() if service == "dynamodb" else client.list_queues()

        assert client.meta.config.retries["mode"] == "standard"
        assert server.requests == attempts
    random.seed(11)
    assert waits == [random.random() * 2**attempt for attempt in range(attempts - 1)]


def test_a_throttled_client_stops_retrying_when_its_budget_is_spent(waits: list[float]) -> None:
    with answering(refused) as server:
        client = boto3.client("sqs", endpoint_url=server.url, config=Config(retries={"mode": "standard"}))
        for _ in range(60):
            with pytest.raises(ClientError) as error:
                client.list_queues()

    assert len(waits) == 100  # five of the 500 for each
    assert RetryQuota.INITIAL_CAPACITY == 500
    checker: Any = RetryQuotaChecker
    assert (checker._THROTTLING_RETRY_COST, checker._RETRY_COST) == (5, 14)
    answer: Any = error.value.response
    assert answer["ResponseMetadata"]["RetryQuotaReached"] is True


def test_the_defaults_wait_a_minute_for_each_attempt() -> None:
    config: Any = boto3.client("sqs").meta.config

    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (60, 60, 10)


def test_the_worst_case_of_the_clients_is_nine_seconds_of_attempts_and_three_of_delays(waits: list[float]) -> None:
    calls: Any = fresh("parallel").CALLS
    with answering(refused) as server:
        client = boto3.client("sqs", endpoint_url=server.url, config=calls)
        random.seed(11)
        with pytest.raises(ClientError):
            client.list_queues()

        assert server.requests * (calls.connect_timeout + calls.read_timeout) == 9
    random.seed(11)
    assert sum(slept / random.random() for slept in waits) == pytest.approx(3)  # full jitter draws a share of each


# --- many calls -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("threads", "opened"), [(20, 20), (10, 30)])
def test_as_many_connections_as_threads_are_kept(threads: int, opened: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty threads call twice each, all at the same time; a smaller pool throws away what does not fit."""
    together = threading.Barrier(20, timeout=5)
    monkeypatch.setenv("THREADS", str(threads))

    def reply() -> tuple[int, bytes]:
        together.wait()
        return 200, b"12345"

    with answering(reply) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        parallel: Any = fresh("parallel")
        monkeypatch.setattr(parallel, "THREADS", 20)
        said: list[str] = []
        pool = logging.getLogger("urllib3.connectionpool")
        monkeypatch.setattr(pool, "warning", lambda text, *_, **__: said.append(text))
        for _ in range(2):
            assert parallel.sizes("photos", [f"{number}.jpg" for number in range(20)]) == [5] * 20
        parallel.s3.close()

        assert server.connections == opened
    assert any("Connection pool is full" in text for text in said) is (opened > 20)


def test_a_call_that_failed_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(lambda: (404, b"")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        parallel = fresh("parallel")
        with pytest.raises(ClientError):
            parallel.sizes("photos", ["gone.jpg"])
        parallel.s3.close()


def test_a_failure_cancels_what_has_not_begun_and_waits_for_what_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever still ran when the failure is raised would be frozen with the answer and end in the next invocation."""
    monkeypatch.setenv("THREADS", "2")
    parallel: Any = fresh("parallel")
    failed, ended = threading.Event(), []

    def head(Bucket: str, Key: str) -> dict[str, int]:  # noqa: ARG001, N803
        if Key == "gone":
            failed.set()
            raise LookupError(Key)
        assert failed.wait(5)
        time.sleep(0.05)
        ended.append(Key)
        return {"ContentLength": 5}

    monkeypatch.setattr(parallel.s3, "head_object", head)
    with pytest.raises(LookupError):
        parallel.sizes("photos", ["gone", "slow", *(f"later-{number}" for number in range(50))])
    seen = list(ended)
    time.sleep(0.2)

    assert "slow" in seen
    assert ended == seen
    assert len(seen) < 10
    parallel.s3.close()


def fresh(name: str) -> ModuleType:
    sys.modules.pop(f"references.{name}", None)
    return import_module(f"references.{name}")


def puts(*numbers: int) -> list[dict]:
    return [{"PutRequest": {"Item": {"id": {"N": str(number)}}}} for number in numbers]


@pytest.fixture
def table() -> Iterator[tuple[Any, Stubber]]:
    client = boto3.client("dynamodb")
    with Stubber(client) as stub:
        yield client, stub
        stub.assert_no_pending_responses()


def test_what_a_batch_left_out_is_written_later(table: tuple[Any, Stubber], waits: list[float]) -> None:
    client, stub = table
    answers = [(range(25), puts(3, 4)), ((3, 4), puts(4)), ((4,), []), (range(25, 30), [])]
    for asked, left in answers:
        stub.add_response(
            "batch_write_item",
            {"UnprocessedItems": {"orders": left} if left else {}},
            {"RequestItems": {"orders": puts(*asked)}},
        )

    batches.put_all(client, "orders", [{"id": {"N": str(number)}} for number in range(30)])

    assert len(waits) == 2


def test_a_table_that_takes_nothing_is_an_error_without_a_last_wait(
    table: tuple[Any, Stubber], waits: list[float]
) -> None:
    client, stub = table
    for _ in range(3):
        stub.add_response("batch_write_item", {"UnprocessedItems": {"orders": puts(1)}})

    with pytest.raises(batches.Unfinished, match="1 of 1"):
        batches.put_all(client, "orders", [{"id": {"N": "1"}}], attempts=3)
    assert len(waits) == 2


def test_keys_a_batch_left_out_are_read_later(table: tuple[Any, Stubber], waits: list[float]) -> None:
    client, stub = table
    keys: list[dict] = [{"id": {"N": str(number)}} for number in range(101)]
    for asked, left in [(keys[:100], keys[40:100]), (keys[40:100], []), (keys[100:], [])]:
        stub.add_response(
            "batch_get_item",
            {
                "Responses": {"orders": asked[: len(asked) - len(left)]},
                "UnprocessedKeys": {"orders": {"Keys": left}} if left else {},
            },
            {"RequestItems": {"orders": {"Keys": asked}}},
        )

    assert list(batches.get_all(client, "orders", keys)) == keys
    assert len(waits) == 1


def test_reading_gives_up_with_an_error_too(table: tuple[Any, Stubber], waits: list[float]) -> None:
    client, stub = table
    stub.add_response(
        "batch_get_item", {"Responses": {}, "UnprocessedKeys": {"orders": {"Keys": [{"id": {"N": "1"}}]}}}
    )

    with pytest.raises(batches.Unfinished, match="1 of 1"):
        list(batches.get_all(client, "orders", [{"id": {"N": "1"}}], attempts=1))
    assert waits == []


def test_eight_attempts_wait_for_six_seconds_at_most(waits: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "uniform", lambda _, most: most)
    for attempt in range(8):
        batches.wait(attempt)

    assert sum(waits) == pytest.approx(6.35)


def test_the_sdks_batch_writer_sends_again_at_once(waits: list[float]) -> None:
    resource = boto3.resource("dynamodb")
    with Stubber(resource.meta.client) as stub:
        for left in (puts(1), []):
            stub.add_response("batch_write_item", {"UnprocessedItems": {"orders": left} if left else {}})
        with resource.Table("orders").batch_writer() as writer:
            writer.put_item(Item={"id": 1})
        stub.assert_no_pending_responses()

    assert waits == []


def test_items_of_a_hot_key_spread_and_stay_where_they_are() -> None:
    placed = [batches.shard("2026-11-23", f"order-{number}") for number in range(10_000)]

    assert placed == [batches.shard("2026-11-23", f"order-{number}") for number in range(10_000)]
    assert set(placed) == set(batches.shards("2026-11-23"))
    assert max(placed.count(each) for each in set(placed)) < 1.2 * 10_000 / batches.SHARDS


# --- cold start -------------------------------------------------------------------------------------------------------


def compiled_again(*_: Any, **__: Any) -> Any:
    raise AssertionError("compiled again")


@pytest.mark.parametrize(
    ("mode", "valid"),
    [(py_compile.PycInvalidationMode.TIMESTAMP, False), (py_compile.PycInvalidationMode.UNCHECKED_HASH, True)],
)
def test_bytecode_survives_a_package_that_resets_times_only_if_it_is_unchecked(
    tmp_path: Path, mode: py_compile.PycInvalidationMode, valid: bool
) -> None:
    source = tmp_path / "app.py"
    source.write_text("ANSWER = 42\n")
    assert compileall.compile_dir(tmp_path, quiet=1, invalidation_mode=mode)
    os.utime(source, (315_532_800, 315_532_800))  # as an archive with a fixed date unpacks

    loader: Any = importlib.machinery.SourceFileLoader("app", str(source))
    loader.source_to_code = compiled_again
    if valid:
        assert loader.get_code("app") is not None
    else:
        with pytest.raises(AssertionError, match="compiled again"):
            loader.get_code("app")


def test_a_restored_environment_is_none_other(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks: Any = import_module("snapshot_restore_py")
    monkeypatch.setattr(hooks, "_before_snapshot_registry", [])
    monkeypatch.setattr(hooks, "_after_restore_registry", [])
    monkeypatch.setenv("BUCKET", "photos")
    with answering(lambda: (200, b"<ListBucketResult/>")) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        module = fresh("snapstart")
        for hook, arguments, keywords in hooks.get_before_snapshot():
            hook(*arguments, **keywords)
        snapshot = random.getstate()
        assert server.requests == 1

        seen = []
        for _ in range(2):
            random.setstate(snapshot)
            for hook, arguments, keywords in hooks.get_after_restore():
                hook(*arguments, **keywords)
            seen.append((random.random(), module.environment))
        module.s3.list_objects_v2(Bucket="photos")
        module.s3.close()

        assert seen[0][0] != seen[1][0]
        assert seen[0][1] != seen[1][1]
        assert server.connections == 2  # none of the snapshot's


def test_provisioned_concurrency_scales_the_alias_that_it_warms() -> None:
    path = HERE / "provisioned_concurrency.yaml"
    resources = read_template(path)["Resources"]
    target, policy = resources["Warm"]["Properties"], resources["WarmPolicy"]["Properties"]

    assert findings(path) == []
    assert f":{resources['Quote']['Properties']['AutoPublishAlias']}" in str(target["ResourceId"])
    assert target["MinCapacity"] <= target["MaxCapacity"]
    tracked = policy["TargetTrackingScalingPolicyConfiguration"]
    assert 0.1 <= tracked["TargetValue"] <= 0.9
    used, busiest = tracked["CustomizedMetricSpecification"]["Metrics"]
    assert (used["ReturnData"], busiest["ReturnData"]) == (True, False)
    assert used["Expression"] == f"FILL({busiest['Id']}, 0)"  # nobody calls at night, and no datapoint would scale in
    assert busiest["MetricStat"]["Stat"] == "Maximum"  # an average hides bursts that spill over
    assert busiest["MetricStat"]["Metric"]["MetricName"] == "ProvisionedConcurrencyUtilization"
