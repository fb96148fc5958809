"""Lambda's part at the queue and the clock, on one machine: hands messages and minutes to the app's functions.

Run as a process of its own. Messages and events have the form that Lambda gives them, and go to the functions by the
names under which they are packaged. Several messages are worked on at once, of one group never more than one.
"""

import signal
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import click
from botocore.exceptions import BotoCoreError, ClientError
from chalice.local import LambdaContext

from chalicelib import telemetry
from chalicelib.delivery.sqs import VISIBILITY_SECONDS, WORKER_SECONDS
from chalicelib.errors import PassbackError
from chalicelib.storage.clients import error_code, make_sqs_client
from passback.local import log_lines
from passback.parameters import Seconds

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

Handler = Callable[[dict[str, Any], LambdaContext], Any]

WORKER_READY = '"event": "worker_ready"'
"""What the worker prints when it takes messages."""
POLL_SECONDS = 1
"""How long one request waits for a message; also how long a stop takes when there is nothing to do."""
READ_SECONDS = 20.0
"""Long: a message that the engine has handed to a request given up meanwhile is lost until it becomes visible again."""
SHORTEST_PAUSE = 0.25
LONGEST_PAUSE = 5.0
STOP_SECONDS = 30.0
"""How long a stop waits for the messages in hand; then they are left, as when Lambda's time is up."""
_MEMORY = 1024
_ACCOUNT = "000000000000"


class Receiver:
    """Takes one message after the other to the ``deliver`` function. Safe to be run by several threads."""

    def __init__(
        self,
        client: "SQSClient",
        queue: str,
        deliver: Handler,
        stopping: Event,
        visibility: int = VISIBILITY_SECONDS,
    ) -> None:
        self._client = client
        self._queue = queue
        self._deliver = deliver
        self._stopping = stopping
        self._visibility = visibility

    def run(self) -> None:
        """Take messages until told to stop; while the engine is away, ask again after growing pauses."""
        pause, url = SHORTEST_PAUSE, None
        while not self._stopping.is_set():
            try:
                url = url or self._client.get_queue_url(QueueName=self._queue)["QueueUrl"]
                self._take_one(url)
                pause = SHORTEST_PAUSE
            except (BotoCoreError, ClientError) as error:
                telemetry.event("queue_not_reached", why=_why(error))
                self._stopping.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _take_one(self, url: str) -> None:
        answer = self._client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=1,
            WaitTimeSeconds=POLL_SECONDS,
            VisibilityTimeout=self._visibility,
            MessageSystemAttributeNames=["All"],
        )
        for message in answer.get("Messages", ()):
            event = queue_event(message, self._queue, self._client.meta.region_name)
            if called(self._deliver, "deliver", event):
                self._client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def run_schedule(each_minute: Handler, stopping: Event, every: float, region: str) -> None:
    """Call ``each_minute`` now and then every so many seconds, until told to stop."""
    while not stopping.is_set():
        called(each_minute, "each_minute", schedule_event(datetime.now(UTC), region))
        stopping.wait(every)


def called(handler: Handler, name: str, event: dict[str, Any]) -> bool:
    """Call a function as Lambda does; tell whether it ended well."""
    try:
        handler(event, LambdaContext(f"passback-local-{name}", _MEMORY, WORKER_SECONDS * 1000))
    except Exception as error:  # noqa: BLE001 - whatever a function raises, Lambda goes on with the next event
        telemetry.event("function_failed", function=name, why=_why(error))
        return False
    return True


def _why(error: Exception) -> str:
    """Say what went wrong: in an error's own words only where they are known to repeat nothing that was sent."""
    if isinstance(error, ClientError):
        return error_code(error)
    return str(error) if isinstance(error, PassbackError) else type(error).__name__


def queue_event(message: "MessageTypeDef", queue: str, region: str) -> dict[str, Any]:
    """Make the event in which Lambda hands over one message of an SQS queue."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": dict(message.get("Attributes", {})),
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:{region}:{_ACCOUNT}:{queue}",
                "awsRegion": region,
            }
        ]
    }


def schedule_event(now: datetime, region: str) -> dict[str, Any]:
    """Make the event of an EventBridge rule with a schedule."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": _ACCOUNT,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [f"arn:aws:events:{region}:{_ACCOUNT}:rule/passback-local-each_minute"],
        "detail": {},
    }


def _functions() -> Mapping[str, Handler]:
    """Return the app's functions by the names under which they are packaged."""
    from app import app

    found: Mapping[str, Handler] = app.handler_map
    return found


def finish(threads: Sequence[Thread], seconds: float, monotonic: Callable[[], float] = time.monotonic) -> bool:
    """Wait for threads that were told to stop; tell whether all did in time."""
    give_up = monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, give_up - monotonic()))
    return not any(thread.is_alive() for thread in threads)


@click.command()
@click.option("--threads", type=click.IntRange(1, 32), default=4, show_default=True, help="Messages worked on at once.")
@click.option("--every", type=Seconds(0.05, 3600), default=60.0, show_default=True, help="Schedule: seconds.")
@click.option(
    "--visibility",
    type=click.IntRange(1, 43200),
    default=VISIBILITY_SECONDS,
    show_default=True,
    help="Seconds until a message comes again whose worker was killed.",
)
def main(threads: int, every: float, visibility: int) -> None:
    """Work on what is queued, and run the schedule, until told to stop."""
    from os import environ

    from chalicelib import services

    # Blocked before any thread starts, which all inherit it: only sigwait takes them, at a moment of its own choice.
    numbers = {signal.SIGINT, signal.SIGTERM}
    for number in numbers:
        signal.signal(number, signal.default_int_handler)  # a shell's background job has SIGINT ignored: never pending
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    log_lines.start()
    settings = services.current().settings  # once, before threads could each build their own
    client = make_sqs_client(settings, environ, read_timeout=READ_SECONDS)
    functions, stopping = _functions(), Event()
    receiver = Receiver(client, settings.queue, functions["deliver"], stopping, visibility)
    schedule = (functions["each_minute"], stopping, every, client.meta.region_name)
    started = [Thread(target=receiver.run, daemon=True) for _ in range(threads)]
    started.append(Thread(target=run_schedule, args=schedule, daemon=True))
    for thread in started:
        thread.start()
    telemetry.event("worker_ready", threads=threads)
    signal.sigwait(numbers)
    stopping.set()
    sys.exit(0 if finish(started, STOP_SECONDS) else 1)


if __name__ == "__main__":
    main()
