"""The queue in memory: order and one in hand per group, deduplication, redrive; and faults to be switched on.

The contract test holds it against SQS FIFO queues of the local engine.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from chalicelib.clock import Clock
from chalicelib.delivery.queue import Message, read_message, write_dead_letter, write_message
from chalicelib.delivery.sqs import MOST_RECEIVES
from chalicelib.errors import QueueUnavailable

DEDUPLICATION_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Received:
    """A message in hand: what Lambda would be given of it."""

    number: int
    body: str
    group: str
    receive_count: int


@dataclass(slots=True)
class _Waiting:
    number: int
    body: str
    group: str
    receives: int = 0
    in_hand: bool = False
    again: bool = False


@dataclass
class MemoryQueue:
    """Implements ``Queue``; ``take``, ``done`` and ``leave`` are the consumer's side. Safe between threads."""

    clock: Clock
    refusing: bool = False
    """Each call raises QueueUnavailable, and nothing is queued."""
    losing: bool = False
    """A message is taken with a yes, and gone."""
    doubling: bool = False
    """What was worked on comes once more, as SQS may do."""
    confused: bool = False
    """A message is queued, but its sender is told that it was not."""
    sent: list[tuple[Message, str]] = field(default_factory=list)
    """Every message that was queued, with its group: not those that were swallowed, lost or refused."""
    buried: list[str] = field(default_factory=list)
    """Bodies of the dead-letter queue: what ``bury`` wrote, and what was received too often, as it was."""
    _waiting: list[_Waiting] = field(default_factory=list)
    _known: dict[str, float] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _last: int = 0

    @property
    def dead(self) -> list[dict[str, str]]:
        """What ``bury`` wrote, read again."""
        return [letter for letter in map(json.loads, self.buried) if "reason" in letter]

    @property
    def waiting(self) -> list[str]:
        """The bodies that are not done, also those in hand."""
        with self._lock:
            return [each.body for each in self._waiting]

    def send(self, message: Message, group: str) -> None:
        with self._lock:
            self._refuse("SendMessage")
            if self.losing:
                return
            now = self.clock.monotonic()
            if now - self._known.get(message.deduplication_id, -DEDUPLICATION_SECONDS) >= DEDUPLICATION_SECONDS:
                self._known[message.deduplication_id] = now
                self.sent.append((message, group))
                self.put(write_message(message), group)
            if self.confused:
                raise QueueUnavailable("SendMessage did not get through (ReadTimeoutError)")

    def bury(self, body: str, reason: str) -> None:
        with self._lock:
            self._refuse("SendMessage")
            letter = write_dead_letter(body, reason)
            if letter not in self.buried:
                self.buried.append(letter)

    def put(self, body: str, group: str = "stranger") -> None:
        """Queue any text, as a stranger can."""
        with self._lock:
            self._last += 1
            self._waiting.append(_Waiting(self._last, body, group))

    def take(self) -> Received | None:
        """Receive the oldest message of a group that has none in hand; None when there is none."""
        with self._lock:
            self._redrive()
            blocked = {each.group for each in self._waiting if each.in_hand}
            for each in self._waiting:
                if each.group not in blocked:
                    each.in_hand = True
                    each.receives += 1
                    return Received(each.number, each.body, each.group, each.receives)
            return None

    def done(self, received: Received) -> None:
        """Delete a message that was worked on."""
        with self._lock:
            each = self._find(received)
            if self.doubling and not each.again:
                each.again, each.in_hand = True, False
            else:
                self._waiting.remove(each)

    def leave(self, received: Received) -> None:
        """Let a message become visible again, as when its worker crashed and its time is up."""
        with self._lock:
            self._find(received).in_hand = False

    def drain(self, worker: Callable[[str, int], None], limit: int = 10_000) -> list[Exception]:
        """Work on all there is, as Lambda does: deleted when the worker ends well, left when it raises."""
        errors: list[Exception] = []
        for _ in range(limit):
            received = self.take()
            if received is None:
                return errors
            try:
                worker(received.body, received.receive_count)
            except Exception as error:  # noqa: BLE001 - as Lambda: whatever it is, the message comes again
                errors.append(error)
                self.leave(received)
            else:
                self.done(received)
        raise AssertionError(f"more than {limit} messages: the queue does not come to an end")

    def messages(self) -> list[Message]:
        """The messages that are not done, read."""
        return [read_message(body) for body in self.waiting]

    def _refuse(self, operation: str) -> None:
        if self.refusing:
            raise QueueUnavailable(f"{operation} did not get through (EndpointConnectionError)")

    def _redrive(self) -> None:
        worn = [each for each in self._waiting if each.receives >= MOST_RECEIVES and not each.in_hand]
        for each in worn:
            self._waiting.remove(each)
            self.buried.append(each.body)

    def _find(self, received: Received) -> _Waiting:
        return next(each for each in self._waiting if each.number == received.number)
