"""The queue's and the schedule's door, by the names under which they are packaged."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

import app as app_module
from chalicelib import services
from chalicelib.config import worker_concurrency
from chalicelib.errors import SetupError, StorageUnavailable, WorkFailed

if TYPE_CHECKING:
    from chalicelib.services import Services

ROOT = Path(__file__).parents[2]

# As in AWS's guide ("Using Lambda with Amazon SQS", example FIFO queue message event).
RECORD = {
    "messageId": "11d6ee51-4cc7-4302-9e22-7cd8afdaadf5",
    "receiptHandle": "AQEBBX8nesZEXmkhsmZeyIE8iQAMig7qw...",
    "body": "Test message.",
    "attributes": {
        "ApproximateReceiveCount": "3",
        "SentTimestamp": "1573251510774",
        "SequenceNumber": "18849496460467696128",
        "MessageGroupId": "1",
        "SenderId": "AIDAIO23YVJENQZJOL4VO",
        "MessageDeduplicationId": "1",
        "ApproximateFirstReceiveTimestamp": "1573251510774",
    },
    "messageAttributes": {},
    "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
    "eventSource": "aws:sqs",
    "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:fifo.fifo",
    "awsRegion": "us-east-2",
}
MINUTE = {
    "version": "0",
    "account": "123456789012",
    "region": "us-east-2",
    "detail": {},
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "time": "2019-03-01T01:23:45Z",
    "id": "cdc73f9d-aea9-11e3-9d5a-835b769c0d9c",
    "resources": ["arn:aws:events:us-east-2:123456789012:rule/my-schedule"],
}


class Recorder:
    """Stands for work and schedule."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, int]] = []
        self.runs = 0
        self.measures = 0
        self.error: Exception | None = None

    def take(self, body: str, receive_count: int = 1) -> None:
        self.taken.append((body, receive_count))
        self._end()

    def run(self) -> None:
        self.runs += 1
        self._end()

    def measure(self) -> None:
        self.measures += 1

    def _end(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    services.use(cast("Services", SimpleNamespace(work=recorder, schedule=recorder, gauges=recorder)))
    yield recorder
    services.use(None)


def call(name: str) -> None:
    events: dict[str, Any] = {"deliver": {"Records": [RECORD]}, "each_minute": MINUTE}
    app_module.app.handler_map[name](events[name], None)


def test_a_message_goes_to_the_work_with_its_count(recorder: Recorder) -> None:
    call("deliver")
    assert recorder.taken == [("Test message.", 3)]


def test_a_minute_runs_the_schedule(recorder: Recorder) -> None:
    call("each_minute")
    assert (recorder.runs, recorder.measures) == (1, 1)


def test_what_stands_is_measured_also_when_the_schedule_fails(recorder: Recorder) -> None:
    recorder.error = StorageUnavailable("GetItem did not get through")
    with pytest.raises(StorageUnavailable):
        call("each_minute")
    assert recorder.measures == 1


@pytest.mark.parametrize("name", ["deliver", "each_minute"])
def test_an_error_of_ours_leaves_the_message_to_the_queue(recorder: Recorder, name: str) -> None:
    recorder.error = StorageUnavailable("GetItem did not get through")
    with pytest.raises(StorageUnavailable, match="GetItem"):
        call(name)


@pytest.mark.parametrize("name", ["deliver", "each_minute"])
def test_of_an_unexpected_error_only_the_type_is_told(
    recorder: Recorder, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.error = ValueError("an essay by a student")
    with caplog.at_level("INFO"), pytest.raises(WorkFailed, match="ValueError") as failed:
        call(name)
    assert failed.value.__suppress_context__
    assert "essay" not in str(failed.value) + caplog.text


PRINT_PACKAGE = """
import json, os, sys
from chalice.cli.factory import CLIFactory
from chalice.deploy.appgraph import ApplicationGraphBuilder

config = CLIFactory(sys.argv[1], environ=os.environ).create_config_obj("dev")
told = {}
for resource in ApplicationGraphBuilder().build(config, "dev").resources:
    function = resource.lambda_function
    told[function.resource_name] = {
        "handler": function.handler,
        "timeout": function.timeout,
        "queue": getattr(resource, "queue", None),
        "batch": getattr(resource, "batch_size", None),
        "concurrency": getattr(resource, "maximum_concurrency", None),
        "schedule": getattr(resource, "schedule_expression", None),
    }
print(json.dumps(told))
"""


def packaged(**variables: str) -> Any:
    """Tell what Chalice makes of the functions."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "PASSBACK_"))}
    printed = subprocess.run(
        [sys.executable, "-c", PRINT_PACKAGE, str(ROOT)],
        env=kept | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(printed.stdout)


def test_the_package_has_both_functions_with_their_time_and_the_stages_queue() -> None:
    told = packaged()
    assert told["deliver"] == {
        "handler": "chalicelib.worker.deliver",
        "timeout": 60,
        "queue": "passback-dev.fifo",
        "batch": 1,
        "concurrency": None,
        "schedule": None,
    }
    assert told["each_minute"] == {
        "handler": "chalicelib.worker.each_minute",
        "timeout": 60,
        "queue": None,
        "batch": None,
        "concurrency": None,
        "schedule": "rate(1 minute)",
    }


def test_the_stage_says_how_many_workers_there_are_at_once() -> None:
    assert packaged(PASSBACK_WORKER_CONCURRENCY="7")["deliver"]["concurrency"] == 7


@pytest.mark.parametrize(
    ("text", "words"), [("1", "from 2 to 1000"), ("1001", "from 2 to 1000"), ("many", "whole number")]
)
def test_a_number_of_workers_that_sqs_does_not_take_is_refused(text: str, words: str) -> None:
    with pytest.raises(SetupError, match=words):
        worker_concurrency({"PASSBACK_WORKER_CONCURRENCY": text})


def test_the_functions_may_use_the_stages_queues() -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"]["dev"]
    policy = json.loads((ROOT / ".chalice" / config["iam_policy_file"]).read_text())
    allowed = {
        statement["Resource"].rsplit(":", 1)[1]: set(statement["Action"])
        for statement in policy["Statement"]
        if statement["Resource"].startswith("arn:aws:sqs:")
    }
    sending = {"sqs:GetQueueUrl", "sqs:SendMessage"}
    # What Lambda needs to poll for us (AWS Lambda, "Using Lambda with Amazon SQS", execution role permissions).
    polling = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
    queue, dead = (config["environment_variables"][f"PASSBACK_{name}QUEUE"] for name in ("", "DEAD_LETTER_"))
    assert allowed.keys() == {queue, dead}
    assert allowed[queue] >= sending | polling
    assert allowed[dead] == sending
