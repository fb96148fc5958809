"""What goes through the queue: a delivery's id and a generation, nothing else. The table is the truth.

A message may come twice, late, out of order, or from a stranger; whoever takes it looks the delivery up.
"""

import json
import re
from dataclasses import dataclass
from typing import Protocol

from chalicelib.errors import PoisonMessage

VERSION = 1
LARGEST_MESSAGE = 1024
"""Characters, all ASCII: the least that SQS lets a queue be limited to, and ten times what is written."""
LARGEST_DEAD_LETTER = 16 * 1024
KEPT_OF_BODY = 1000
KEPT_OF_REASON = 200
"""Characters of a dead letter. Escaped, one takes up to twelve bytes: a dead letter always fits."""

_DELIVERY_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_HIGHEST_GENERATION = 10**9


@dataclass(frozen=True, slots=True)
class Message:
    """One request to look at a delivery. Each time a delivery is queued again it has the next generation."""

    delivery_id: str
    generation: int

    @property
    def deduplication_id(self) -> str:
        """Return what tells one sending from another: within 5 minutes SQS swallows a second one of the same."""
        return f"{self.delivery_id}-{self.generation}"


class Queue(Protocol):
    """Where deliveries wait for a worker: one at a time and in order within a group."""

    def send(self, message: Message, group: str) -> None:
        """Queue a message; one that was sent already within 5 minutes is not queued again.

        Raises
        ------
        QueueUnavailable
            If it cannot be said that the message is queued.
        """

    def bury(self, body: str, reason: str) -> None:
        """Put what no try can help into the dead-letter queue, with the reason, for people to look at.

        Raises
        ------
        QueueUnavailable
            If it cannot be said that it is there.
        """


def write_message(message: Message) -> str:
    """Write a message's body."""
    return json.dumps({"passback": VERSION, "delivery": message.delivery_id, "generation": message.generation})


def read_message(body: str) -> Message:
    """Read a message's body.

    Raises
    ------
    PoisonMessage
        If it is anything else than this version writes.
    """
    if len(body) > LARGEST_MESSAGE:
        raise PoisonMessage(f"longer than {LARGEST_MESSAGE} characters")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise PoisonMessage("not JSON, or cut short") from None
    if not isinstance(document, dict) or "passback" not in document:
        raise PoisonMessage("not a message of Passback")
    _check_version(document.pop("passback"))
    if document.keys() != {"delivery", "generation"}:
        raise PoisonMessage("other fields than a message has")
    delivery_id, generation = document["delivery"], document["generation"]
    if not isinstance(delivery_id, str) or not _DELIVERY_ID.fullmatch(delivery_id):
        raise PoisonMessage("its delivery is no delivery id")
    # type() and not isinstance(): JSON's true is an int to Python.
    if type(generation) is not int or not 0 <= generation <= _HIGHEST_GENERATION:
        raise PoisonMessage("its generation is no whole number in range")
    return Message(delivery_id, generation)


def _check_version(version: object) -> None:
    if type(version) is int and version == VERSION:
        return
    named = f"version {version}" if type(version) is int and 0 <= version <= 9999 else "no version"
    raise PoisonMessage(f"written by another version of Passback: {named}, this one reads version {VERSION}")


def write_dead_letter(body: str, reason: str) -> str:
    """Write what goes into the dead-letter queue: in ASCII, since SQS refuses characters that XML 1.0 has not."""
    return json.dumps({"passback": VERSION, "reason": reason[:KEPT_OF_REASON], "body": body[:KEPT_OF_BODY]})
