"""Metrics are lines that CloudWatch reads: every value has its directive, every dimension one value."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import metrics, telemetry


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    logger = logging.getLogger(telemetry.LOGGER)
    kept, level, logger.handlers = logger.handlers, logger.level, []
    stream = io.StringIO()
    telemetry.start(stream)
    telemetry.name_stage("test")
    yield stream
    telemetry.name_stage("dev")
    logger.handlers = kept
    logger.setLevel(level)


@pytest.fixture(autouse=True)
def no_platform_is_known() -> None:
    metrics._platforms.clear()


def measured(stream: io.StringIO) -> list[dict[str, Any]]:
    documents = [json.loads(line) for line in stream.getvalue().splitlines()]
    return [document for document in documents if "_aws" in document]


def by_dimensions(document: dict[str, Any]) -> set[tuple[str, tuple[str, ...]]]:
    """Give (metric, dimensions) as CloudWatch finds them; every name must have its value in the line."""
    found = set()
    for directive in document["_aws"]["CloudWatchMetrics"]:
        assert directive["Namespace"] == "Passback"
        for metric in directive["Metrics"]:
            assert metric["Name"] in document
            for dimensions in directive["Dimensions"]:
                assert all(isinstance(document[name], str) and document[name] for name in dimensions)
                found.add((metric["Name"], tuple(dimensions)))
    return found


def outcome(code: str = "success", error: str | None = None) -> None:
    telemetry.event("outcome", operation="replaceResult", code=code, error=error, milliseconds=41, tool="quiz-tool")


def test_a_plain_outcome_is_one_line(lines: io.StringIO) -> None:
    with telemetry.measured(lambda: 12.5):
        metrics.add_call("campus", "ok", 0.1, token=True)
        metrics.add_call("campus", "ok", 0.25, token=False)
        metrics.add_delivery("delivered", "campus", ended=True, milliseconds=400)
        outcome()
    (document,) = measured(lines)
    assert document["_aws"]["Timestamp"] == 12500
    assert document["Stage"] == "test"
    assert (document["Outcomes"], document["OutcomeTime"]) == (1, 41)
    assert (document["PlatformCalls"], document["PlatformTime"]) == (2, [100, 250])
    assert (document["DeliveriesEnded"], document["State"], document["Platform"]) == (1, "delivered", "campus")
    assert by_dimensions(document) >= {
        ("Outcomes", ("Stage",)),
        ("Outcomes", ("Stage", "Operation", "Result", "Code")),
        ("DeliveriesEnded", ("Stage", "State")),
        ("DeliveriesEnded", ("Stage", "State", "Platform")),
        ("PlatformCalls", ("Stage", "Platform", "Answer")),
        ("DeliveryTime", ("Stage",)),
    }
    assert "quiz-tool" not in json.dumps(document)


def test_where_a_dimension_has_two_values_there_are_two_lines(lines: io.StringIO) -> None:
    with telemetry.measured():
        metrics.add_call("campus", "refused", 0.1, token=True)
        metrics.add_call("campus", "ok", 0.1, token=False)
        metrics.add_call("other", "ok", 0.1, token=False)
    answers = {(each.get("Platform"), each.get("Answer")): each["PlatformCalls"] for each in measured(lines)}
    assert answers == {("campus", "refused"): 1, ("campus", "ok"): 1, ("other", "ok"): 1}
    assert sum(each.get("TokenFailures", 0) for each in measured(lines)) == 1


def test_a_failed_run_writes_what_it_counted(lines: io.StringIO) -> None:
    def fails() -> None:
        with telemetry.measured():
            outcome("failure", "sourcedid_invalid")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    (document,) = measured(lines)
    assert (document["Result"], document["Code"]) == ("failure", "sourcedid_invalid")


def test_nothing_counted_is_no_line_and_nothing_is_counted_outside(lines: io.StringIO) -> None:
    outcome()
    with telemetry.measured():
        pass
    assert measured(lines) == []


def test_threads_do_not_mix_what_they_count(lines: io.StringIO) -> None:
    together = threading.Barrier(8)

    def run(number: int) -> None:
        with telemetry.measured():
            together.wait(10)
            for _ in range(number + 1):
                metrics.add(metrics.QUEUE_SENDS_FAILED)
            together.wait(10)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each["QueueSendsFailed"] for each in measured(lines)) == list(range(1, 9))


def test_names_from_outside_cannot_make_metrics_without_end(lines: io.StringIO) -> None:
    with telemetry.measured():
        for number in range(metrics.MOST_PLATFORMS + 30):
            metrics.add_delivery("failed", f"platform-{number}", ended=True, milliseconds=1)
        telemetry.event("outcome", operation="x" * 40, code="unsupported", milliseconds=1)
    documents = measured(lines)
    assert len({each["Platform"] for each in documents}) == metrics.MOST_PLATFORMS + 1
    assert {each["Operation"] for each in documents if "Operation" in each} == {"other"}
    assert max(each["DeliveriesEnded"] for each in documents if "DeliveriesEnded" in each) == 30


def test_no_line_has_more_values_than_cloudwatch_reads(lines: io.StringIO) -> None:
    with telemetry.measured():
        for number in range(metrics.MOST_KEPT * 2):
            metrics.add(metrics.PLATFORM_TIME, number, Platform="campus")
    counts = [len(each["PlatformTime"]) for each in measured(lines)]
    assert counts == [metrics.MOST_VALUES] * (metrics.MOST_KEPT // metrics.MOST_VALUES)


@pytest.mark.parametrize(
    ("event", "fields", "metric"),
    [
        ("refused", {"status": 401}, "RefusedRequests"),
        ("broken", {"status": 500}, "Faults"),
        ("work_failed", {}, "Faults"),
        ("schedule_failed", {}, "Faults"),
        ("breaker_opened", {"platform": "campus"}, "BreakerOpened"),
        ("platform_slowed", {"platform": "campus"}, "PlatformSlowed"),
        ("queue_unavailable", {}, "QueueSendsFailed"),
        ("message_buried", {}, "MessagesBuried"),
        ("message_let_go", {}, "MessagesLetGo"),
        ("schedule", {"sent": 3}, "MessagesSent"),
    ],
)
def test_events_of_the_log_count(lines: io.StringIO, event: str, fields: dict[str, Any], metric: str) -> None:
    with telemetry.measured():
        telemetry.event(event, **fields)
    (document,) = measured(lines)
    assert document[metric] == fields.get("sent", 1)
    assert metric in {name for name, _ in by_dimensions(document)}
