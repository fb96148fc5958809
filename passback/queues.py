"""The queues as SQS tells of them: how much is in them, and whether they are what Passback needs."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.delivery.sqs import MOST_RECEIVES, RETENTION_SECONDS, VISIBILITY_SECONDS
from chalicelib.errors import QueueUnavailable, SetupError
from chalicelib.storage.clients import error_code, make_sqs_client
from passback.home import working_environment

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from passback.session import Session


@dataclass(frozen=True, slots=True)
class QueueState:
    """What one queue holds, by SQS's own approximation, and its attributes."""

    name: str
    waiting: int
    in_hand: int
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Queues:
    """Looks at both queues."""

    make_client: "Callable[[], SQSClient]"
    name: str
    dead_letter_name: str

    def look(self) -> tuple[QueueState, QueueState]:
        """Read the queue of deliveries and the one of dead letters.

        Raises
        ------
        QueueUnavailable
            If one cannot be read; it names the queue, the operation and the code.
        """
        try:
            client = self.make_client()
        except (BotoCoreError, SetupError) as error:
            raise QueueUnavailable(f"the SQS client cannot be made ({type(error).__name__})") from error
        return _look(client, self.name), _look(client, self.dead_letter_name)


def queues_of(session: "Session") -> Queues:
    """Return the queues of the stack that the session works on."""
    settings = session.services.settings
    environment = working_environment(session.environment)
    return Queues(lambda: make_sqs_client(settings, environment), settings.queue, settings.dead_letter_queue)


def attribute_faults(queue: QueueState, dead_letters: QueueState) -> list[str]:
    """Say what of the queues' attributes is not as Passback needs it (docs/settings.md, "The table and the queues")."""
    faults = []
    for each in (queue, dead_letters):
        if each.attributes.get("FifoQueue") != "true":
            faults.append(f"{each.name} is no FIFO queue")
        if each.attributes.get("ContentBasedDeduplication") == "true":
            faults.append(f"{each.name} deduplicates by content")
        if _number(each, "MessageRetentionPeriod") < RETENTION_SECONDS:
            faults.append(f"{each.name} keeps messages for less than {RETENTION_SECONDS // 86_400} days")
    if _number(queue, "VisibilityTimeout") < VISIBILITY_SECONDS:
        faults.append(f"{queue.name} hides a message in hand for less than {VISIBILITY_SECONDS} seconds")
    return [*faults, *_redrive_faults(queue, dead_letters)]


def _redrive_faults(queue: QueueState, dead_letters: QueueState) -> list[str]:
    try:
        policy = json.loads(queue.attributes.get("RedrivePolicy") or "{}")
        target, receives = policy.get("deadLetterTargetArn"), int(policy.get("maxReceiveCount", 0))
    except (ValueError, TypeError, AttributeError):
        target, receives = None, 0
    if target is None:
        return [f"{queue.name} has no redrive policy"]
    if target != dead_letters.attributes.get("QueueArn"):
        return [f"{queue.name} gives up to another queue than {dead_letters.name}"]
    return (
        [] if receives == MOST_RECEIVES else [f"{queue.name} gives up after {receives} receives, not {MOST_RECEIVES}"]
    )


def _look(client: "SQSClient", name: str) -> QueueState:
    try:
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    except ClientError as error:
        raise QueueUnavailable(f"{name} cannot be read ({error_code(error)})") from error
    except BotoCoreError as error:
        raise QueueUnavailable(f"{name} cannot be reached ({type(error).__name__})") from error
    attributes: Mapping[str, str] = {str(key): value for key, value in answer["Attributes"].items()}
    state = QueueState(name, 0, 0, attributes)
    waiting = _number(state, "ApproximateNumberOfMessages") + _number(state, "ApproximateNumberOfMessagesDelayed")
    return QueueState(name, waiting, _number(state, "ApproximateNumberOfMessagesNotVisible"), attributes)


def _number(queue: QueueState, name: str) -> int:
    text = queue.attributes.get(name, "")
    return int(text) if text.isdigit() else 0
