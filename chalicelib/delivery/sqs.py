"""The queue as SQS FIFO queues: one for deliveries, one for dead letters (what is poison, and what crashed its worker).

Retries do not happen here: a try that fails for now is stored, its message is let go, and the schedule sends a new one.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.delivery.queue import (
    LARGEST_DEAD_LETTER,
    LARGEST_MESSAGE,
    Message,
    write_dead_letter,
    write_message,
)
from chalicelib.errors import QueueUnavailable, SetupError
from chalicelib.storage.clients import error_code

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

WORKER_SECONDS = 60
"""The worker function's time limit, as in ``.chalice/config.json``."""
VISIBILITY_SECONDS = 6 * WORKER_SECONDS
"""How long a message in hand is nobody else's: six times the function's time (AWS Lambda, "Using Lambda with SQS")."""
RETENTION_SECONDS = 14 * 24 * 3600
MOST_RECEIVES = 5
"""A message comes back only when a worker crashed or the table was away; after so many times people look at it."""
DEAD_LETTER_GROUP = "poison"
EXISTS = {"QueueAlreadyExists", "QueueNameExists"}
"""SQS's codes for a queue of the same name with other attributes."""


class SqsQueue:
    """Sends to SQS. Client and addresses are had at the first use, so that a plain outcome never pays for them."""

    def __init__(self, make_client: "Callable[[], SQSClient]", name: str, dead_letter_name: str) -> None:
        self._make_client = make_client
        self._name = name
        self._dead_letter_name = dead_letter_name
        self._lock = Lock()
        self._client: SQSClient | None = None
        self._urls: dict[str, str] = {}

    def send(self, message: Message, group: str) -> None:
        """Queue a message; see ``Queue.send``."""
        self._send(self._name, write_message(message), group, message.deduplication_id)

    def bury(self, body: str, reason: str) -> None:
        """Put what no try can help aside; see ``Queue.bury``. The same one, delivered twice, is buried once."""
        letter = write_dead_letter(body, reason)
        self._send(self._dead_letter_name, letter, DEAD_LETTER_GROUP, hashlib.sha256(letter.encode()).hexdigest())

    def _send(self, name: str, body: str, group: str, deduplication_id: str) -> None:
        client, url = self._reach(name)
        with _unavailable_when_refused("SendMessage"):
            client.send_message(
                QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=deduplication_id
            )

    def _reach(self, name: str) -> "tuple[SQSClient, str]":
        """Return the client and a queue's address; threads that come first together wait for one of them."""
        with self._lock:
            with _unavailable_when_refused("the SQS client"):
                client = self._client = self._client or self._make_client()
            if name not in self._urls:
                with _unavailable_when_refused("GetQueueUrl"):
                    self._urls[name] = client.get_queue_url(QueueName=name)["QueueUrl"]
            return client, self._urls[name]


def create_queues(client: "SQSClient", name: str, dead_letter_name: str) -> None:
    """Make both queues, for the local stack and tests; a queue that is there stays as it is.

    Raises
    ------
    QueueUnavailable
        If the engine cannot be reached or refuses.
    """
    with _unavailable_when_refused("CreateQueue"):
        dead_letters = _create(client, dead_letter_name, _attributes(LARGEST_DEAD_LETTER))
        answer = client.get_queue_attributes(QueueUrl=dead_letters, AttributeNames=["QueueArn"])
        redrive = {"deadLetterTargetArn": answer["Attributes"]["QueueArn"], "maxReceiveCount": MOST_RECEIVES}
        _create(client, name, {**_attributes(LARGEST_MESSAGE), "RedrivePolicy": json.dumps(redrive)})


def _attributes(largest: int) -> "dict[QueueAttributeNameType, str]":
    return {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "MessageRetentionPeriod": str(RETENTION_SECONDS),
        "VisibilityTimeout": str(VISIBILITY_SECONDS),
        "MaximumMessageSize": str(largest),
    }


def _create(client: "SQSClient", name: str, attributes: "dict[QueueAttributeNameType, str]") -> str:
    try:
        return client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    except ClientError as error:
        if error_code(error) not in EXISTS:
            raise
        return client.get_queue_url(QueueName=name)["QueueUrl"]


@contextmanager
def _unavailable_when_refused(operation: str) -> Iterator[None]:
    """Turn whatever the AWS client raises into ``QueueUnavailable``: the code only, messages can repeat what was sent.

    A set-up that names no queue or no region counts too: deliveries are stored, and go out once it is put right.
    """
    try:
        yield
    except ClientError as error:
        raise QueueUnavailable(f"{operation} was refused ({error_code(error)})") from error
    except (BotoCoreError, SetupError) as error:
        raise QueueUnavailable(f"{operation} did not get through ({type(error).__name__})") from error
