"""The doors that no tool uses: a message of the queue, and the minute that has passed. Both only call a service."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from chalice.app import Blueprint, CloudWatchEvent, Rate, SQSEvent

from chalicelib import services, telemetry
from chalicelib.config import Settings, worker_concurrency
from chalicelib.errors import PassbackError, WorkFailed

blueprint = Blueprint(__name__)

QUEUE = os.environ.get("PASSBACK_QUEUE") or Settings().queue
CONCURRENCY = worker_concurrency(os.environ)
"""Needed at import, unlike all other settings: the event source is part of the package.

``chalice package`` and ``chalice deploy`` put the stage's ``environment_variables`` into their own environment before
they import the app (``CLIFactory.load_chalice_app``), so the stage decides; elsewhere nothing listens by this name.
"""


# One message at a time: Chalice has no way to say which of several failed, and takes them all for done.
@blueprint.on_sqs_message(queue=QUEUE, batch_size=1, maximum_concurrency=CONCURRENCY, name="deliver")
def deliver(event: SQSEvent) -> None:
    """Work on what the queue brings. An error leaves the message to the queue, which brings it again."""
    for record in event:
        receives = int(record.to_dict().get("attributes", {}).get("ApproximateReceiveCount", 1))
        with telemetry.measured(), _nothing_told("work_failed"):
            services.current().work.take(record.body, receives)


@blueprint.schedule(Rate(1, unit=Rate.MINUTES), name="each_minute")
def each_minute(event: CloudWatchEvent) -> None:  # noqa: ARG001 - it says no more than that a minute has passed
    """Send what is due to the queue, and measure what is not delivered."""
    with telemetry.measured(), _nothing_told("schedule_failed"):
        service = services.current()
        try:
            service.schedule.run()
        finally:
            service.gauges.measure()


@contextmanager
def _nothing_told(event: str) -> Iterator[None]:
    """Let our own errors through; of others only the type: Lambda logs an error's text, and it can hold anything."""
    try:
        yield
    except PassbackError:
        raise
    except Exception as error:  # noqa: BLE001 - the last resort, as at the doors of tools
        telemetry.failure(event, error)
        raise WorkFailed(type(error).__name__) from None
