"""The local worker: what Lambda does with messages and minutes."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from click.testing import CliRunner

from chalicelib import telemetry
from chalicelib.errors import WorkFailed
from passback.local.worker import LONGEST_PAUSE, Receiver, finish, main, queue_event, run_schedule, schedule_event

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MESSAGE = {
    "MessageId": "m1",
    "ReceiptHandle": "r1",
    "Body": "body",
    "MD5OfBody": "841a2d689ad86bd1611447453c22c6fc",
    "Attributes": {"ApproximateReceiveCount": "2", "MessageGroupId": "canvas/0"},
}


class Stopping(threading.Event):
    """An event that never waits: it notes for how long it would, and is set after so many waits."""

    def __init__(self, waits: int = 1) -> None:
        super().__init__()
        self.waited: list[float | None] = []
        self._waits = waits

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout)
        if len(self.waited) >= self._waits:
            self.set()
        return self.is_set()


class Client:
    """Plays the queue: each request takes the next step; after the last one the worker is told to stop."""

    meta = SimpleNamespace(region_name="us-east-1")

    def __init__(self, stopping: threading.Event, *steps: dict[str, Any] | Exception) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._steps = list(steps)
        self._stopping = stopping

    def get_queue_url(self, **parameters: Any) -> dict[str, Any]:
        self.requests.append(("GetQueueUrl", parameters))
        return {"QueueUrl": "url"}

    def receive_message(self, **parameters: Any) -> dict[str, Any]:
        return self._step("ReceiveMessage", parameters)

    def delete_message(self, **parameters: Any) -> dict[str, Any]:
        return self._step("DeleteMessage", parameters)

    def _step(self, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self.requests.append((name, parameters))
        step = self._steps.pop(0)
        if not self._steps:
            self._stopping.set()
        if isinstance(step, Exception):
            raise step
        return step

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.requests]


def receive(client: Client, stopping: threading.Event, deliver: Callable[[Any, Any], Any]) -> None:
    Receiver(cast("SQSClient", client), "passback.fifo", deliver, stopping, visibility=7).run()


def test_a_message_is_handed_over_as_lambda_does_and_deleted() -> None:
    stopping, seen = Stopping(), []
    client = Client(stopping, {}, {"Messages": [MESSAGE]}, {})
    receive(client, stopping, lambda event, context: seen.append((event, context.function_name)))
    assert client.names == ["GetQueueUrl", "ReceiveMessage", "ReceiveMessage", "DeleteMessage"]
    asked = client.requests[1][1]
    assert (asked["QueueUrl"], asked["MaxNumberOfMessages"], asked["VisibilityTimeout"]) == ("url", 1, 7)
    assert client.requests[-1][1] == {"QueueUrl": "url", "ReceiptHandle": "r1"}
    ((event, name),) = seen
    assert name == "passback-local-deliver"
    (record,) = event["Records"]
    assert (record["messageId"], record["receiptHandle"], record["body"]) == ("m1", "r1", "body")
    assert record["attributes"] == {"ApproximateReceiveCount": "2", "MessageGroupId": "canvas/0"}
    assert (record["eventSource"], record["awsRegion"]) == ("aws:sqs", "us-east-1")
    assert record["eventSourceARN"] == "arn:aws:sqs:us-east-1:000000000000:passback.fifo"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(telemetry, "event", lambda name, **fields: told.append({"event": name, **fields}))
    return told


def test_a_failure_leaves_the_message_and_the_worker_goes_on(told: list[dict[str, Any]]) -> None:
    stopping, errors = Stopping(), [ValueError("an essay"), WorkFailed("KeyError")]

    def fail(_event: Any, _context: Any) -> None:
        if errors:
            raise errors.pop(0)

    client = Client(stopping, *[{"Messages": [MESSAGE]}] * 3, {})
    receive(client, stopping, fail)
    assert client.names == ["GetQueueUrl", *["ReceiveMessage"] * 3, "DeleteMessage"]
    assert stopping.waited == []
    assert [(event["event"], event["function"], event["why"]) for event in told] == [
        ("function_failed", "deliver", "ValueError"),
        ("function_failed", "deliver", "Unexpected KeyError."),
    ]


def test_while_the_engine_is_away_it_asks_again_after_growing_pauses(told: list[dict[str, Any]]) -> None:
    stopping = Stopping(waits=100)
    away = [EndpointConnectionError(endpoint_url="http://127.0.0.1:9")] * 7
    refused = ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "text"}}, "ReceiveMessage")
    client = Client(stopping, *away, {}, refused, {})
    receive(client, stopping, lambda _event, _context: None)
    assert stopping.waited == [0.25, 0.5, 1.0, 2.0, 4.0, LONGEST_PAUSE, LONGEST_PAUSE, 0.25]
    assert [event["why"] for event in told] == ["EndpointConnectionError"] * 7 + ["ServiceUnavailable"]


def test_a_message_that_cannot_be_deleted_does_not_end_the_worker(told: list[dict[str, Any]]) -> None:
    stopping = Stopping(waits=100)
    refused = ClientError({"Error": {"Code": "ReceiptHandleIsInvalid", "Message": "r1"}}, "DeleteMessage")
    client = Client(stopping, {"Messages": [MESSAGE]}, refused, {})
    receive(client, stopping, lambda _event, _context: None)
    assert [event["why"] for event in told] == ["ReceiptHandleIsInvalid"]


def test_the_schedule_runs_at_once_and_then_in_its_rhythm_whatever_happens(told: list[dict[str, Any]]) -> None:
    stopping, events = Stopping(waits=3), []

    def each_minute(event: Any, _context: Any) -> None:
        events.append(event)
        if len(events) == 1:
            raise ValueError

    run_schedule(each_minute, stopping, 60.0, "us-east-1")
    assert stopping.waited == [60.0] * 3
    assert len(events) == 3
    assert [event["function"] for event in told] == ["each_minute"]


@pytest.mark.parametrize("every", ["nan", "inf", "0"])
def test_a_rhythm_that_is_none_is_refused(every: str) -> None:
    result = CliRunner().invoke(main, ["--every", every])
    assert (result.exit_code, "--every" in result.output) == (2, True)


def test_events_can_be_written_as_json() -> None:
    minute = schedule_event(datetime(2026, 2, 3, 10, 15, 30, 123000, tzinfo=UTC), "eu-north-1")
    assert (minute["time"], minute["detail-type"], minute["region"]) == (
        "2026-02-03T10:15:30Z",
        "Scheduled Event",
        "eu-north-1",
    )
    assert json.loads(json.dumps(minute)) == minute
    event = queue_event({"MessageId": "m", "ReceiptHandle": "r", "Body": "b", "MD5OfBody": "5"}, "q.fifo", "r")
    assert json.loads(json.dumps(event)) == event


def test_a_stop_waits_for_what_is_in_hand_but_not_for_ever() -> None:
    release = threading.Event()
    stuck = threading.Thread(target=release.wait, daemon=True)
    stuck.start()
    try:
        assert not finish([stuck], 0.01)
    finally:
        release.set()
    assert finish([stuck], 10.0)
