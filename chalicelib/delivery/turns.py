"""Taking a delivery's turn: the head of a cell's line is claimed, what nobody knows is settled, and it is tried."""

from dataclasses import replace
from datetime import timedelta

from chalicelib.clock import Clock, Deadline, from_milliseconds, to_milliseconds
from chalicelib.delivery import line
from chalicelib.delivery.attempt import Attempt, Claimed
from chalicelib.delivery.endings import begun
from chalicelib.delivery.records import Delivery
from chalicelib.delivery.settling import Settling
from chalicelib.errors import HostRefused, PlatformRefused, PlatformUnavailable, StorageConflict
from chalicelib.lti11.messages import Answer
from chalicelib.storage.ledger import Change, Ledger, Surroundings

READ_FIRST_AFTER = timedelta(seconds=60)
"""An outcome older than this is delivered as if an earlier try might have been applied."""


class Turns:
    """Takes turns. ``lease`` (seconds) must outlast the deadline that a turn is taken with."""

    def __init__(self, ledger: Ledger, attempt: Attempt, settling: Settling, clock: Clock) -> None:
        self._ledger = ledger
        self._attempt = attempt
        self._settling = settling
        self._clock = clock

    def take(self, delivery: Delivery, around: Surroundings, deadline: Deadline, lease: float) -> Answer | None:
        """Claim the head of a cell and try it once, with its own times; the answer is its tool's.

        None: somebody was faster, or has taken it over; read it again.
        """
        claimed = self._claim(delivery, around, lease)
        return None if claimed is None else self.go_on(claimed, deadline)

    def go_on(self, claimed: Claimed, deadline: Deadline) -> Answer | None:
        """Try a claimed delivery, after what must be known before anything is posted to its cell."""
        if claimed.cell.unsettled_id is None:
            return self._attempt.run(claimed, deadline)
        try:
            cell = self._settling.settle(claimed.cell, claimed.platform, deadline)
        except PlatformUnavailable as problem:
            return self._attempt.unavailable(claimed, problem)
        except PlatformRefused as refusal:
            return self._attempt.refused(claimed, refusal)
        except HostRefused as refusal:
            return self._attempt.refused(claimed, refusal)
        except StorageConflict:
            return None
        return self._attempt.run(replace(claimed, cell=cell), deadline)

    def _claim(self, delivery: Delivery, around: Surroundings, lease: float) -> Claimed | None:
        cell, now = around.cell, self._clock.now()
        at = to_milliseconds(now)
        if delivery.write is None or around.platform is None or cell.lease_until > at:
            return None
        if cell.head is None or cell.head.delivery_id != delivery.id:
            return None
        lease_until = at + int(lease * 1000)
        mine = replace(begun(delivery, lease_until, at), outcome_unknown=may_be_applied(delivery))
        held = None if around.receipt is None else replace(around.receipt, deadline=lease_until)
        try:
            owned = self._ledger.commit(
                now,
                receipt=None if around.receipt is None or held is None else Change(around.receipt, held),
                cell=Change(cell, line.claimed(cell, lease_until)),
                delivery=Change(delivery, mine),
            )
        except StorageConflict:
            return None
        late = now - from_milliseconds(delivery.received_at) > READ_FIRST_AFTER
        retry = mine.outcome_unknown or late
        return Claimed(mine, delivery.write, owned or cell, around.platform, held, retry=retry)


def may_be_applied(delivery: Delivery) -> bool:
    """Tell whether an earlier try may have reached the gradebook: its answer was lost, or it never ended."""
    return delivery.outcome_unknown or delivery.lease_until != 0
