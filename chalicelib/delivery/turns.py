"""Taking a delivery's turn: the head of a cell's line is claimed, what nobody knows is settled, and it is tried."""

from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.clock import Clock, Deadline, from_milliseconds, to_milliseconds
from chalicelib.delivery import line
from chalicelib.delivery.attempt import Attempt
from chalicelib.delivery.claimed import Claimed, begin
from chalicelib.delivery.closing import Closing
from chalicelib.delivery.endings import begun, may_be_applied
from chalicelib.delivery.records import Cell, Delivery
from chalicelib.delivery.settling import Settling
from chalicelib.errors import HostRefused, PlatformRefused, PlatformUnavailable, StorageConflict
from chalicelib.lti11.messages import Answer, Write
from chalicelib.lti13.profiles import PROFILES
from chalicelib.lti13.registrations import Platform
from chalicelib.storage.ledger import Change, Ledger, Surroundings
from chalicelib.translation.refusals import ordering_timestamp

READ_FIRST_AFTER = timedelta(seconds=60)
"""An outcome older than this is delivered as if an earlier try might have been applied."""


class Turns:
    """Takes turns. ``lease`` (seconds) must outlast the deadline that a turn is taken with."""

    def __init__(self, ledger: Ledger, attempt: Attempt, settling: Settling, closing: Closing, clock: Clock) -> None:
        self._ledger = ledger
        self._attempt = attempt
        self._settling = settling
        self._closing = closing
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
            return self._run(claimed, deadline)
        try:
            cell = self._settling.settle(claimed.cell, claimed.platform, claimed.delivery.rank, deadline)
        except PlatformUnavailable as problem:
            return self._closing.unavailable(begin(claimed), problem, posted=False)
        except (PlatformRefused, HostRefused) as refusal:
            return self._closing.refused(begin(claimed), refusal)
        except StorageConflict:
            return None
        return self._run(replace(claimed, cell=cell), deadline)

    def _run(self, claimed: Claimed, deadline: Deadline) -> Answer | None:
        """Try what the delivery still brings: all that stood before it has ended by now."""
        delivery = claimed.delivery
        rest: Write | None = claimed.write
        if not delivery.forced:
            rest = line.remainder(
                claimed.write,
                claimed.cell,
                delivery.rank,
                takes_work=claimed.profile.submission_extension,
            )
        if rest is None:
            return self._closing.superseded(begin(claimed))
        retry = claimed.retry or _comes_after_a_grade(claimed)
        return self._attempt.run(replace(claimed, write=rest, retry=retry), deadline)

    def _claim(self, delivery: Delivery, around: Surroundings, lease: float) -> Claimed | None:
        cell, now = around.cell, self._clock.now()
        at = to_milliseconds(now)
        if delivery.write is None or around.platform is None or cell.lease_until > at:
            return None
        if cell.head is None or cell.head.delivery_id != delivery.id:
            return None
        lease_until = at + int(lease * 1000)
        mine = replace(
            begun(delivery, lease_until, at),
            outcome_unknown=may_be_applied(delivery),
            number=cell.head.number,  # of one accepted before they were counted, only its place has a number
            timestamp=_timestamp(delivery, cell, around.platform),
        )
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
        retry = mine.outcome_unknown or is_late(delivery, now)
        return Claimed(mine, delivery.write, owned or cell, around.platform, held, retry=retry)


def is_late(delivery: Delivery, now: datetime) -> bool:
    """Tell whether somebody may have graded since the outcome was received: then the gradebook is read first."""
    return now - from_milliseconds(delivery.received_at) > READ_FIRST_AFTER


def _comes_after_a_grade(claimed: Claimed) -> bool:
    """Tell whether an outcome comes again of which a grade is known that was noticed since its first try."""
    delivery, graded_at = claimed.delivery, claimed.cell.graded_at
    return delivery.tries > 1 and graded_at is not None and delivery.received_at <= graded_at


def _timestamp(delivery: Delivery, cell: Cell, platform: Platform) -> int:
    """Return the delivery's time, or the next tick after the last one sent: that may have been moved past it.

    The outcome before it may have been dated anew, over a grade that the platform dated later.
    """
    if cell.posted_timestamp is None or cell.posted_by == delivery.id:
        return delivery.timestamp
    return ordering_timestamp(delivery.timestamp, cell.posted_timestamp, PROFILES[platform.profile])
