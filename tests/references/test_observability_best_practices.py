"""Logs carry one id, metrics keep the format's limits, alarms watch what exists, queries read what is logged."""

import importlib.metadata
import importlib.util
import itertools
import json
import logging
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest
from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.logging.buffer import LoggerBufferConfig
from aws_lambda_powertools.metrics import MetricUnit, SchemaValidationError
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from support import templates
from support.documents import ROOT, fences, rows, section
from support.handlers import Context, failed, sqs_event
from support.logs_insights import complaints, fields
from trials.local_aws import LocalAws
from trials.template import read_template

HERE = Path(__file__).parent
ALARMS = HERE / "alarms.yaml"
DOCUMENT = ROOT / "references" / "observability-best-practices.md"
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """What was written since the last call, a JSON object a line."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def environment() -> ModuleType:
    """The handler in an environment of its own: no logger of the test before, whose output is closed."""
    logging.root.manager.loggerDict.pop("shipping", None)
    spec = importlib.util.spec_from_file_location("correlated", HERE / "correlated.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def over_sns(correlation_id: str) -> dict[str, Any]:
    """An SQS record of a raw SNS delivery."""
    record: dict[str, Any] = sqs_event("{}")["Records"][0]
    record["messageAttributes"] = {"correlation_id": {"stringValue": correlation_id, "dataType": "String"}}
    return record


def over_eventbridge(correlation_id: str) -> dict[str, Any]:
    """An SQS record of an event that a rule sent to the queue."""
    event = {"id": "envelope", "detail-type": "OrderPlaced", "detail": {"metadata": {"correlation_id": correlation_id}}}
    record: dict[str, Any] = sqs_event(json.dumps(event))["Records"][0]
    return record


# Logs


def test_each_message_is_logged_under_the_id_it_carries_and_no_line_keeps_it(lines: Lines) -> None:
    ship = environment()
    context = Context(function_name="ship")

    answer = ship.handler({"Records": [over_sns("c-1"), over_eventbridge("c-2")]}, context)
    ship.logger.info("after the batch")

    written = [line for line in lines() if "_aws" not in line]
    assert failed(answer) == []
    assert [line.get("correlation_id") for line in written] == ["c-1", "c-2", None]
    for line in written[:2]:
        assert {"level", "location", "message", "timestamp", "service", "message_id", "receives"} <= line.keys()
        assert line["service"] == "shipping"
        assert line["function_request_id"] == context.aws_request_id


def test_a_message_without_the_id_comes_back_alone() -> None:
    ship = environment()
    stray = {**sqs_event(json.dumps({"detail": {}}))["Records"][0], "messageId": "stray"}

    assert failed(ship.handler({"Records": [over_sns("c-1"), stray]}, Context())) == ["stray"]
    assert ship.logger.get_current_keys().get("correlation_id") is None


def test_a_topic_and_a_bus_deliver_the_id_to_the_queue(aws: LocalAws, lines: Lines) -> None:
    ship = environment()
    template = {
        "Resources": {
            "Orders": {"Type": "AWS::SQS::Queue"},
            "Topic": {"Type": "AWS::SNS::Topic"},
            "Raw": {
                "Type": "AWS::SNS::Subscription",
                "Properties": {
                    "TopicArn": {"Ref": "Topic"},
                    "Protocol": "sqs",
                    "Endpoint": {"Fn::GetAtt": ["Orders", "Arn"]},
                    "RawMessageDelivery": True,
                },
            },
            "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "shop"}},
            "Placed": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventBusName": {"Ref": "Bus"},
                    "EventPattern": {"detail-type": ["OrderPlaced"]},
                    "Targets": [{"Id": "q", "Arn": {"Fn::GetAtt": ["Orders", "Arn"]}}],
                },
            },
        },
        "Outputs": {"Queue": {"Value": {"Ref": "Orders"}}, "Topic": {"Value": {"Ref": "Topic"}}},
    }
    stack = aws.create("correlation", template)
    aws.client("sns").publish(
        TopicArn=stack.outputs["Topic"],
        Message="{}",
        MessageAttributes={"correlation_id": {"DataType": "String", "StringValue": "by-topic"}},
    )
    detail = {"metadata": {"correlation_id": "by-bus"}}
    aws.client("events").put_events(
        Entries=[{"EventBusName": "shop", "Source": "shop", "DetailType": "OrderPlaced", "Detail": json.dumps(detail)}]
    )

    found: list[Any] = []
    while len(found) < 2:
        found += (
            aws.client("sqs")
            .receive_message(QueueUrl=stack.outputs["Queue"], MessageAttributeNames=["All"], WaitTimeSeconds=2)
            .get("Messages", [])
        )
    records = [
        {
            **sqs_event(message["Body"])["Records"][0],
            "messageAttributes": {
                name: {"stringValue": each["StringValue"], "dataType": each["DataType"]}
                for name, each in message.get("MessageAttributes", {}).items()
            },
        }
        for message in found
    ]
    ship.handler({"Records": records}, Context())

    assert {line["correlation_id"] for line in lines() if "_aws" not in line} == {"by-topic", "by-bus"}


def test_get_returns_an_attribute_without_its_string_value() -> None:
    record = SQSRecord(over_sns("c-1"))

    with pytest.raises(AttributeError, match="'dict' object has no attribute 'string_value'"):
        _ = record.message_attributes.get("correlation_id").string_value  # type: ignore[union-attr]
    assert record.message_attributes["absent"] is None


def test_the_ready_made_path_for_eventbridge_is_the_envelope_s_id() -> None:
    assert correlation_paths.EVENT_BRIDGE == "id"


def test_leaving_context_keys_forgets_the_value_from_outside(lines: Lines) -> None:
    logger = Logger(service="nested")
    logger.append_keys(correlation_id="outer")
    with logger.append_context_keys(correlation_id="inner"):
        logger.info("inside")
    logger.info("outside")

    assert [line.get("correlation_id") for line in lines()] == ["inner", None]


def test_buffered_lines_are_written_under_the_keys_of_the_record_that_failed(
    monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-68000000-aaaaaaaaaaaaaaaaaaaaaaaa;Parent=53995c3f42cd8ad8;Sampled=1")
    logger = Logger(service="buffered", level="DEBUG", buffer_config=LoggerBufferConfig())
    with logger.append_context_keys(correlation_id="healthy"):
        logger.debug("about the healthy one")
        logger.debug("with its own", extra={"correlation_id": "healthy"})
    with logger.append_context_keys(correlation_id="failing"):
        logger.error("failed")

    assert [(line["message"], line["correlation_id"]) for line in lines()] == [
        ("about the healthy one", "failing"),
        ("with its own", "healthy"),
        ("failed", "failing"),
    ]


def test_powertools_warns_of_debug_lines_that_lambda_would_drop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", "INFO")

    with pytest.warns(UserWarning, match=r"Current log level \(DEBUG\) does not match"):
        Logger(service="dropped", level="DEBUG")


@pytest.mark.parametrize(("lambda_s", "written"), [("INFO", 20), ("DEBUG", 10)])
def test_lambda_s_level_overrides_that_of_powertools(
    monkeypatch: pytest.MonkeyPatch, lambda_s: str, written: int
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", lambda_s)  # what ApplicationLogLevel becomes in the function
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "INFO")

    assert Logger(service=f"level-{lambda_s}").log_level == written


def test_sampling_is_drawn_for_each_invocation_but_the_first_which_keeps_the_draw_of_the_start(
    monkeypatch: pytest.MonkeyPatch, lines: Lines
) -> None:
    draws = iter([0.9, 0.1, 0.9])
    monkeypatch.setattr("random.random", lambda: next(draws))
    logger = Logger(service="sampled", sampling_rate=0.5)

    @logger.inject_lambda_context
    def handler(_event: dict, _context: Context) -> None:
        logger.debug("first")
        logger.debug("second")

    monkeypatch.setattr("aws_lambda_powertools.logging.logger.is_cold_start", True)
    counts = []
    for _ in range(3):
        handler({}, Context())
        counts.append(len([line for line in lines() if line["message"] in ("first", "second")]))

    assert counts == [0, 2, 0]


# Metrics


def emf(written: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The metric documents among the lines, each valid and with the members that it refers to."""
    schema = json.loads((HERE / "emf.schema.json").read_text())
    documents = [line for line in written if "_aws" in line]
    for document in documents:
        jsonschema.validate(document, schema)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for name in [name for names in directive["Dimensions"] for name in names]:
                assert isinstance(document[name], str)
            for metric in directive["Metrics"]:
                values = document[metric["Name"]]
                assert all(
                    isinstance(value, int | float) for value in (values if isinstance(values, list) else [values])
                )
    return documents


def billed(documents: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    """The metrics that CloudWatch makes of the documents: one for each name and set of dimension values."""
    return {
        (directive["Namespace"], metric["Name"], *(f"{name}={document[name]}" for name in names))
        for document in documents
        for directive in document["_aws"]["CloudWatchMetrics"]
        for names in directive["Dimensions"]
        for metric in directive["Metrics"]
    }


def test_a_batch_writes_one_document_that_counts_its_messages(lines: Lines) -> None:
    ship = environment()
    ship.handler({"Records": [over_sns("c-1"), over_sns("c-2")]}, Context())

    (document,) = emf(lines())
    assert document["Shipped"] == [1.0, 1.0]
    assert billed([document]) == {("Shop", "Shipped", "service=shipping")}
    assert "level" not in document


@pytest.mark.parametrize(
    "broken",
    [
        {"_aws": {"CloudWatchMetrics": []}},
        {"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "x", "Metrics": [{"Name": "m"}]}]}},
        {"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "", "Dimensions": [[]], "Metrics": []}]}},
        {
            "_aws": {
                "Timestamp": 1,
                "CloudWatchMetrics": [{"Namespace": "x", "Dimensions": [["d"] * 31], "Metrics": [{"Name": "m"}]}],
            }
        },
        {
            "_aws": {
                "Timestamp": 1,
                "CloudWatchMetrics": [{"Namespace": "x", "Dimensions": [[]], "Metrics": [{"Name": "m"}] * 101}],
            }
        },
    ],
    ids=["no time", "no dimensions", "no namespace", "31 dimensions", "101 metrics"],
)
def test_the_schema_refuses(broken: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        emf([broken])


def test_the_hundred_and_first_metric_starts_another_document(lines: Lines) -> None:
    metrics = Metrics(namespace="Shop", service="many")
    for number in range(101):
        metrics.add_metric(name=f"m{number}", unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()

    assert [len(document["_aws"]["CloudWatchMetrics"][0]["Metrics"]) for document in emf(lines())] == [100, 1]


def test_powertools_takes_29_dimensions_beside_the_service() -> None:
    metrics = Metrics(namespace="Shop", service="wide")
    metrics.clear_metrics()
    for number in range(29):
        metrics.add_dimension(name=f"d{number}", value="x")
    with pytest.raises(SchemaValidationError):
        metrics.add_dimension(name="d29", value="x")
    metrics.clear_metrics()


def test_an_invocation_without_a_metric_warns() -> None:
    metrics = Metrics(namespace="Shop", service="idle")

    with pytest.warns(UserWarning, match="No application metrics to publish"):
        metrics.flush_metrics()


def test_an_id_as_dimension_is_a_metric_each_and_as_metadata_none(lines: Lines) -> None:
    def shipped(order_id: str, as_dimension: bool) -> None:
        with single_metric(name="Shipped", unit=MetricUnit.Count, value=1, namespace="Shop") as metric:
            (metric.add_dimension if as_dimension else metric.add_metadata)("order_id", order_id)

    for number in range(50):
        shipped(f"o-{number}", as_dimension=True)
    assert len(billed(emf(lines()))) == 50
    for number in range(50):
        shipped(f"o-{number}", as_dimension=False)
    documents = emf(lines())
    assert len(billed(documents)) == 1
    assert {document["order_id"] for document in documents} == {f"o-{number}" for number in range(50)}


def test_metadata_of_a_batch_is_that_of_its_last_message(lines: Lines) -> None:
    metrics = Metrics(namespace="Shop", service="batch")
    for order_id in ("o-1", "o-2"):
        metrics.add_metric(name="Shipped", unit=MetricUnit.Count, value=1)
        metrics.add_metadata("order_id", order_id)
    metrics.flush_metrics()

    assert [document["order_id"] for document in emf(lines())] == ["o-2"]


# Dashboard


def widgets() -> list[dict[str, Any]]:
    """Of the dashboard as it is deployed, its parameters filled in."""
    body, given = read_template(HERE / "dashboard.yaml")["Resources"]["Glance"]["Properties"]["DashboardBody"][
        "Fn::Sub"
    ]
    filled = re.sub(r"\$\{([\w:]+)\}", r"\1", body)
    assert set(given) == {"Alarms"}
    found = json.loads(filled)["widgets"]
    assert isinstance(found, list)
    return found


def shown() -> set[tuple[str, str]]:
    return {
        (namespace, name) for widget in widgets() for namespace, name, *_ in widget["properties"].get("metrics", [])
    }


def of_state_machines() -> set[tuple[str, str]]:
    """AWS's list for the language server lacks Step Functions; CDK brings AWS's own list of them."""
    module = "aws-cdk-lib/aws-stepfunctions/lib/stepfunctions-canned-metrics.generated.js"
    text = (ROOT / "tests" / "node" / "node_modules" / module).read_text()
    found = {("AWS/States", name) for name in re.findall(r'metricName:"(\w+)"', text)}
    assert len(found) >= 10
    return found


def drawn() -> str:
    """The page as a Mermaid block diagram: a block for each widget, as wide as it, with its title and its lines."""
    unit = math.gcd(*(each["width"] for each in widgets()))
    lines = ["block-beta", f"  columns {24 // unit}"]
    for number, widget in enumerate(widgets()):
        labels = [line[-1]["label"] for line in widget["properties"].get("metrics", [])] or ["state of every alarm"]
        lines.append(f'  w{number}["{widget["properties"]["title"]}<br>{", ".join(labels)}"]:{widget["width"] // unit}')
    return "\n".join(lines)


def test_the_picture_of_the_dashboard_is_its_layout() -> None:
    assert f"```mermaid\n{drawn()}\n```" in section(DOCUMENT, "Dashboard")


def test_no_linter_objects_to_the_dashboard() -> None:
    assert templates.findings(HERE / "dashboard.yaml") == []


def test_every_metric_on_the_dashboard_is_one_that_aws_publishes() -> None:
    assert len(shown()) >= 12
    assert shown() - listed() - of_state_machines() == set()


def test_the_dashboard_has_a_worker_and_a_machine_without_gap_or_overlap() -> None:
    """Twenty-four columns: what lies on another widget is pushed down, and the page is no glance any more."""
    cells = [
        (x, y)
        for each in widgets()
        for x in range(each["x"], each["x"] + each["width"])
        for y in range(each["y"], each["y"] + each["height"])
    ]

    assert len(cells) == len(set(cells)) == 24 * (max(y for _, y in cells) + 1)
    assert {"AWS/SQS", "AWS/Lambda", "AWS/States"} == {namespace for namespace, _ in shown()}


def test_the_dashboard_shows_what_its_parameters_name() -> None:
    parameters = set(read_template(HERE / "dashboard.yaml")["Parameters"]) - {"AlarmArns"}
    named = {
        part
        for widget in widgets()
        for line in widget["properties"].get("metrics", [])
        for part in line
        if isinstance(part, str)
    }

    assert parameters <= named


# Alarms


def metadata() -> list[dict[str, Any]]:
    """What AWS says of its metrics."""
    package = importlib.metadata.distribution("awslabs-cloudwatch-mcp-server")
    place = "awslabs/cloudwatch_mcp_server/cloudwatch_metrics/data/metric_metadata.json"
    found = json.loads(Path(str(package.locate_file(place))).read_text())
    assert isinstance(found, list)
    return found


def alarms() -> dict[str, dict[str, Any]]:
    return {
        name: resource["Properties"]
        for name, resource in read_template(ALARMS)["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }


def watched(alarm: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "MetricName" in alarm:
        yield alarm["Namespace"], alarm["MetricName"]
    for each in alarm.get("Metrics", []):
        if "MetricStat" in each:
            yield each["MetricStat"]["Metric"]["Namespace"], each["MetricStat"]["Metric"]["MetricName"]


def test_no_linter_objects_to_the_alarms() -> None:
    assert templates.findings(ALARMS) == []


def listed() -> set[tuple[str, str]]:
    """Namespaces and names of the metrics that AWS publishes."""
    found = {(each["metricId"]["namespace"], each["metricId"]["metricName"]) for each in metadata()}
    # The list lacks EventBridge; its page is that of the facts rule-metric-not-zero and rule-metrics-that-tell.
    events = ("FailedInvocations", "InvocationsFailedToBeSentToDlq", "RetryInvocationAttempts")
    return {*found, *(("AWS/Events", name) for name in (*events, "IngestionToInvocationStartLatency"))}


def test_every_alarm_watches_a_metric_that_aws_lists() -> None:
    found = {metric for alarm in alarms().values() for metric in watched(alarm)}

    assert len(found) >= 10
    assert found - listed() == set()


def test_the_metrics_that_answer_exist() -> None:
    table = rows(section(DOCUMENT, "Which metric answers"))
    named = {name for _, answer in table for name in re.findall(r"`([\w-]+)`", answer)}
    no_metric = {"ApiName", "ApiId", "ParallelizationFactor"}

    assert len(named) >= 20
    assert named - {name for _, name in listed()} == no_metric


def test_every_alarm_says_what_silence_means_and_pages_somebody_once() -> None:
    paged_by_composite = set(re.findall(r"\$\{(\w+)\}", json.dumps(read_template(ALARMS)["Resources"]["Burning"])))

    assert paged_by_composite == {"BurnedForAnHour", "BurnsNow"}
    for name, alarm in alarms().items():
        silence = {"NothingArrives": "breaching", "BurnsNow": "ignore"}.get(name, "notBreaching")
        assert alarm["TreatMissingData"] == silence, name
        assert ("AlarmActions" in alarm) != (name in paged_by_composite), name


def test_dead_letters_are_attended_to_three_days_before_they_expire() -> None:
    kept, kept_before, to_act = 14, 4, 3  # days; the queue's age starts anew in the DLQ, the message's does not

    assert alarms()["DeadLettersExpire"]["Threshold"] == (kept - kept_before - to_act) * 86_400


def test_the_log_alarm_runs_a_query_whose_window_leaves_a_minute_for_late_lines() -> None:
    log_alarm = read_template(ALARMS)["Resources"]["Errors"]["Properties"]
    query = log_alarm["ScheduledQueryConfiguration"]
    window = query["ScheduleConfiguration"]

    assert complaints(f"{query['QueryString']} | stats {query['AggregationExpression']}") == []
    assert window["StartTimeOffset"] - window["EndTimeOffset"] == 300
    assert window["ScheduleExpression"] == "rate(5 minutes)"
    assert log_alarm["TreatMissingData"] == "notBreaching"


def test_the_log_alarm_rings_when_one_service_logs_more_than_ten_lines_in_two_of_three_runs() -> None:
    log_alarm = read_template(ALARMS)["Resources"]["Errors"]["Properties"]

    assert log_alarm["ScheduledQueryConfiguration"]["AggregationExpression"] == "count(*) by service"
    assert (log_alarm["ComparisonOperator"], log_alarm["Threshold"]) == ("GreaterThanThreshold", 10)
    assert (log_alarm["QueryResultsToAlarm"], log_alarm["QueryResultsToEvaluate"]) == (2, 3)


def rate(alarm: dict[str, Any], **series: float) -> float | None:
    """The value of a metric math expression, of which this subset is Python but for `IF`; dividing by 0 gives none."""
    (expression,) = [each["Expression"] for each in alarm["Metrics"] if "Expression" in each]
    lazy = re.sub(r"^IF\((.+), (.+), (.+)\)$", r"(\2) if (\1) else (\3)", expression)
    try:
        return float(eval(lazy, {"__builtins__": {}}, series))  # noqa: S307, our own template
    except ZeroDivisionError:
        return None


def ringing(name: str, minutes: list[tuple[int, int]]) -> list[bool]:
    """Whether an alarm on windows of so many minutes rings after each; a minute has its calls and their errors."""
    alarm = alarms()[name]
    window = {each["MetricStat"]["Period"] for each in alarm["Metrics"] if "MetricStat" in each}.pop() // 60
    rings, found = False, []
    for end in range(1, len(minutes) + 1):
        within = minutes[max(0, end - window) : end]
        value = rate(alarm, calls=sum(calls for calls, _ in within), errors=sum(errors for _, errors in within))
        if value is not None:
            rings = value > alarm["Threshold"]
        elif alarm["TreatMissingData"] == "notBreaching":
            rings = False
        found.append(rings)
    return found


def pages(minutes: list[tuple[int, int]]) -> list[bool]:
    both = [ringing(name, minutes) for name in ("BurnedForAnHour", "BurnsNow")]
    return [all(each) for each in zip(*both, strict=True)]


HEALTHY, OUTAGE, NOBODY = (100, 0), (100, 100), (0, 0)


@pytest.mark.parametrize("calls", [1, 3, 100])
def test_an_api_with_few_calls_pages_too_when_all_of_them_fail(calls: int) -> None:
    """At one call a minute a window of five minutes has five: no guard of 20 calls would ever be passed."""
    assert pages([(calls, calls)] * 10)[-1]


@pytest.mark.parametrize(("errors", "paged"), [(4, False), (5, True)])
def test_a_handful_of_failures_a_night_pages_nobody(errors: int, paged: bool) -> None:
    night = [(1, 1)] * errors + [NOBODY] * 30

    assert any(pages(night)) is paged


@pytest.mark.parametrize(("errors", "paged"), [(1, False), (2, True)])
def test_the_budget_decides_where_there_are_many_calls(errors: int, paged: bool) -> None:
    assert pages([(100, errors)] * 60)[-1] is paged


def test_a_page_lasts_while_callers_give_up_and_ends_when_calls_succeed_again() -> None:
    paged = pages([HEALTHY] * 30 + [OUTAGE] * 10 + [NOBODY] * 20 + [HEALTHY] * 10)

    assert not any(paged[:30])
    assert all(paged[32:60])
    assert not paged[-1]


def test_each_new_dead_letter_rings_though_known_ones_lie_there() -> None:
    """`DeadLetters` stays in ALARM from the first on, and an alarm tells of its changes only."""
    (growth,) = [each["Expression"] for each in alarms()["DeadLettersGrow"]["Metrics"] if "Expression" in each]
    depths = [1, 1, 1, 2, 2, 1]
    grows = [after - before > alarms()["DeadLettersGrow"]["Threshold"] for before, after in itertools.pairwise(depths)]

    assert growth == "DIFF(depth)"
    assert [depth > alarms()["DeadLetters"]["Threshold"] for depth in depths] == [True] * 6
    assert grows == [False, False, True, False, False]


def test_the_threshold_spends_two_percent_of_a_month_s_budget_in_an_hour() -> None:
    budget, share, month = 1 - 0.999, 0.02, 30 * 24

    assert alarms()["BurnsNow"]["Threshold"] == pytest.approx(budget * share * month)
    assert share * month == pytest.approx(14.4)


def test_rest_and_http_apis_count_their_errors_under_different_names() -> None:
    dimensions = {
        each["metricId"]["metricName"]: [name["name"] for name in each["alarmRecommendations"][0]["dimensions"]]
        for each in metadata()
        if each["metricId"] in ({"namespace": "AWS/ApiGateway", "metricName": name} for name in ("5XXError", "5xx"))
    }

    assert dimensions == {"5XXError": ["ApiName", "Stage"], "5xx": ["ApiId", "Stage"]}


# Queries


QUERIES = [each.text for each in fences(DOCUMENT) if each.language == "logs-insights"]
REPORT = {  # Lambda's own line per invocation in JSON format, an environment's first
    "time": "2026-11-23T11:00:00.000Z",
    "type": "platform.report",
    "record": {
        "requestId": "r-1",
        "status": "timeout",
        "metrics": {
            "durationMs": 60000.0,
            "billedDurationMs": 60412,
            "memorySizeMB": 512,
            "maxMemoryUsedMB": 97,
            "initDurationMs": 411.5,
        },
    },
}
DISCOVERED = {"@timestamp", "@message", "@log", "@logStream", "@ingestionTime"}


def paths(value: object, prefix: str = "") -> Iterator[str]:
    """The names under which Logs Insights finds the members of a JSON line."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from paths(inner, f"{prefix}.{name}" if prefix else name)
    else:
        yield prefix


def test_the_queries_read_fields_that_our_lines_and_lambda_s_have(lines: Lines) -> None:
    ship = environment()
    ship.handler({"Records": [over_sns("c-1")]}, Context())
    with single_metric(name="Shipped", unit=MetricUnit.Count, value=1, namespace="Shop") as metric:
        metric.add_metadata("order_id", "o-1")
    known = {name for line in [*lines(), REPORT] for name in paths(line)} | DISCOVERED

    assert len(QUERIES) >= 5
    assert {name for query in QUERIES for name in fields(query)} - known == set()


@pytest.mark.parametrize(
    "query",
    [
        "fields @timestamp, @message | filter level = 'ERROR' and not (a.b like /x/i or c in ['a', 'b']) | limit 20",
        "stats count(*) as n, pct(record.metrics.initDurationMs, 99) as p99 by service, bin(5m) | sort n desc",
        "SOURCE logGroups(namePrefix: ['/aws/lambda/']) | fields a / b as c | filter c / 2 > 1 | display c",
        'parse @message "user=*, took *" as user, took | stats avg(took) by user',
        r"parse @message /took (?<ms>\d+) \/ s/ | filter ms > 3 # comment",
        "filter ispresent(a) | dedup a, b | unnest xs into x | pattern @message",
        "fields `foo-bar` as f, list[0].x | stats sum(f) by x | stats max(x)",
        "fields price, tax | addtotals col=true price, tax",
    ],
)
def test_the_checker_lets_pass(query: str) -> None:
    assert complaints(query) == []


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("where level = 'ERROR'", "line 1"),
        ("filter level == 'ERROR'", "line 1"),
        ("fields @timestamp filter level = 'ERROR'", "line 1"),
        ("filter level = ", "line 1"),
        ("fields median(x)", "no function median"),
        ("stats pct(@duration)", "pct takes"),
        ("filter count(*) > 2", "in stats only"),
        ("stats count(*) as n by service | sort @timestamp", "stats dropped @timestamp"),
        ("stats count(*) as n by service | stats max(@duration)", "stats dropped @duration"),
        ('parse @message "a=*" as b, c', "1 wildcards for 2 names"),
        ("parse @message /x/", "names no group"),
        ("filter @message like /(/", "subpattern"),
        ("stats count(*) by bin(5 minutes)", "line 1"),
        ("", "line"),
    ],
)
def test_the_checker_flags(query: str, why: str) -> None:
    assert any(why in each for each in complaints(query)), complaints(query)


def deployed_groups() -> list[dict[str, Any]]:
    """The log groups of the examples and of the release."""
    paths = [*(ROOT / "examples").glob("*/template.yaml"), HERE / "release.yaml"]
    resources = [each for path in paths for each in read_template(path)["Resources"].values()]
    return [each.get("Properties", {}) for each in resources if each["Type"] == "AWS::Logs::LogGroup"]


def test_queries_look_for_groups_where_our_templates_have_them() -> None:
    """CloudFormation calls a function's group after its stack, since it has no name; nothing is in `/aws/lambda/`."""
    text = DOCUMENT.read_text()
    prefixes = re.findall(r"namePrefix: \['([^']+)'\]", text)
    stacks = re.findall(r"--stack-name (\S+)", section(DOCUMENT, "Queries"))

    assert len(deployed_groups()) > 5
    named = [str(group["LogGroupName"]) for group in deployed_groups() if "LogGroupName" in group]
    assert not [name for name in named if "/aws/vendedlogs/" not in name]  # where Step Functions wants its own
    assert prefixes
    assert all(stack.startswith(prefix) for stack in stacks for prefix in prefixes)
    assert "/aws/lambda/" not in text


def test_no_state_machine_of_ours_writes_its_input_to_the_log() -> None:
    machines = [
        each["Properties"]["Logging"]
        for path in (ROOT / "examples").glob("*/template.yaml")
        for each in read_template(path)["Resources"].values()
        if each["Type"] == "AWS::Serverless::StateMachine"
    ]

    assert machines
    assert not any(logging["IncludeExecutionData"] for logging in machines)
    assert "leave `IncludeExecutionData` false" in DOCUMENT.read_text()
