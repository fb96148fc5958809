"""Leaving a delivery to the queue while a tool waits, or giving it up where its tool does not want that."""

from collections.abc import Callable
from dataclasses import replace

from chalicelib.clock import Clock, to_milliseconds
from chalicelib.delivery import line
from chalicelib.delivery.breaker import Permission
from chalicelib.delivery.calls import Calls
from chalicelib.delivery.endings import Ending, ended_cell, ended_delivery, may_be_applied, queued, waiting
from chalicelib.delivery.gate import Admission
from chalicelib.delivery.records import Cell, Delivery, DeliveryState
from chalicelib.delivery.retries import RetryRules
from chalicelib.errors import PlatformUnavailable, StorageConflict
from chalicelib.lti11.messages import Answer
from chalicelib.storage.ledger import Change, Ledger, Surroundings
from chalicelib.translation import answers

DOWN = "the platform does not answer now"
SLOWED = "the platform takes no more calls for some seconds"
BEHIND = "another outcome of the same student is not delivered yet"
SPREAD = 30_000
"""Milliseconds over which those come again that a dead platform keeps away."""


class Queueing:
    """Changes the records so that the queue, and not the tool's request, brings a delivery on."""

    def __init__(
        self, ledger: Ledger, calls: Calls, rules: RetryRules, clock: Clock, chance: Callable[[], float]
    ) -> None:
        self._ledger = ledger
        self._calls = calls
        self._rules = rules
        self._clock = clock
        self._chance = chance

    def placed(self, cell: Cell, delivery: Delivery, admission: Admission | None) -> tuple[Cell, Delivery]:
        """Return cell and delivery as they are once the queue brings the delivery, which stands in the cell's line.

        ``admission``: why the head is not tried now; None for what is not the head.
        """
        now = to_milliseconds(self._clock.now())
        if admission is None:
            return line.unawaited(cell, delivery.id), queued(delivery, BEHIND, now)
        if admission.permission is Permission.SLOWED:
            called = line.called(line.unawaited(cell, delivery.id), now + self._rules.look_again)
            return called, queued(delivery, SLOWED, now)
        due_at = max(admission.until, now) + int(SPREAD * self._chance())
        unknown = replace(delivery, outcome_unknown=may_be_applied(delivery))
        return line.waits(cell, due_at), waiting(unknown, DOWN, due_at, now)

    def call(self, before: Cell, stored: Cell | None) -> None:
        """Send the message that a change of the cell announced."""
        if stored is not None and stored.generation > before.generation:
            self._calls.try_to_send(stored)

    def leave(self, delivery: Delivery, around: Surroundings, admission: Admission | None) -> Answer | None:
        """Leave a delivery of the line to the queue and answer its tool so. None: something changed; read again."""
        answer, now = answers.queued(), self._clock.now()
        if _is_being_tried(delivery, around.cell, to_milliseconds(now)):
            return answers.in_progress()
        cell, placed = self.placed(around.cell, delivery, admission)
        receipt = around.receipt
        try:
            stored = self._ledger.commit(
                now,
                receipt=None if receipt is None else Change(receipt, replace(receipt, answer=answer)),
                cell=Change(around.cell, cell),
                delivery=Change(delivery, placed),
            )
        except StorageConflict:
            return None
        self.call(around.cell, stored)
        return answer

    def withdraw(self, delivery: Delivery, around: Surroundings, why: str) -> Answer | None:
        """Take a delivery out of the line whose tool wants no queue; it is told a failure, and may send it again."""
        now = self._clock.now()
        at = to_milliseconds(now)
        if _is_being_tried(delivery, around.cell, at):
            return answers.in_progress()
        unknown = may_be_applied(delivery)
        answer = answers.unavailable(PlatformUnavailable(why, maybe_applied=unknown))
        ending = Ending(DeliveryState.FAILED, answer, applied=None if unknown else False, platform_words=why)
        receipt = around.receipt
        cell = ended_cell(around.cell, delivery, ending, due_at=at + self._rules.look_again, now=at)
        try:
            stored = self._ledger.commit(
                now,
                receipt=None if receipt is None else Change(receipt, replace(receipt, deadline=0)),
                cell=Change(around.cell, cell),
                delivery=Change(delivery, ended_delivery(delivery, ending, at)),
            )
        except StorageConflict:
            return None
        self.call(around.cell, stored)
        return answer


def _is_being_tried(delivery: Delivery, cell: Cell, now: int) -> bool:
    """Tell whether somebody tries the delivery just now: how that ends is theirs to say."""
    return cell.lease_until > now and cell.head is not None and cell.head.delivery_id == delivery.id
