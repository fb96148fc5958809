"""Putting a delivery back into its cell's line, because an operator wants it tried again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from chalicelib.clock import Clock, to_milliseconds
from chalicelib.delivery import line
from chalicelib.delivery.calls import Calls
from chalicelib.delivery.endings import KEPT_STORY, queued, told
from chalicelib.delivery.records import Cell, CellKey, Delivery, DeliveryEvent, DeliveryState
from chalicelib.delivery.resumption import back_in_line
from chalicelib.delivery.retries import RetryRules
from chalicelib.errors import StorageConflict
from chalicelib.lti11.keys import sourcedid_digest
from chalicelib.lti11.messages import Write
from chalicelib.lti13.profiles import PROFILES
from chalicelib.lti13.registrations import Platform
from chalicelib.mapping.history import with_imported_history
from chalicelib.mapping.model import Mapping
from chalicelib.storage.ledger import Change, Ledger, Surroundings
from chalicelib.translation import answers
from chalicelib.translation.refusals import ordering_timestamp

AGAIN = "again, by an operator"
OVER_ALL = "again, by an operator, over whatever the gradebook holds"
LOOKS = 5
"""How often a delivery is read again that somebody else changes at the same moment."""

FindMapping = Callable[[Delivery], Mapping | None]
"""Finds what the sourcedid of a delivery stands for by now: the delivery itself keeps only its digest."""


class NotAgain(StrEnum):
    """Why a delivery is not put back in line; the value is the sentence for people."""

    UNKNOWN = "There is no such delivery."
    DELIVERED = "It is in the gradebook already."
    SUPERSEDED = "A newer outcome of the same student brings all that it would."
    HELD = "A person graded since, and that grade stays; --force sends it over that grade."
    COVERED = "A newer outcome of the same student covers it; --force sends it all the same, after that one."
    GONE = "Its content is not kept any more; let the tool send the grade again."
    UNSETTLED = "Nobody knows yet whether the platform has it; ask again when those before it in line are delivered."
    UNDER_WAY = "It is in line already: Passback brings it by itself, after those before it."
    PARKED = "Its sourcedid has no mapping yet; it goes by itself once there is one."
    NEVER_MAPPED = "No mapping tells where it goes; bring the mapping of its sourcedid in, then try again."
    PLATFORM_REMOVED = "Its platform is not registered; register it again under the same name first."
    TOOL_REMOVED = "Its tool is not registered; register it again under the same key first."
    LINE_FULL = "Too many outcomes of the same student are undelivered already; try again when they are."
    BUSY = "Somebody else is changing it just now; try again."


class Requeue:
    """Puts deliveries back in line. What the table then holds, the queue brings, as it brings any other."""

    def __init__(self, ledger: Ledger, calls: Calls, rules: RetryRules, clock: Clock) -> None:
        self._ledger = ledger
        self._calls = calls
        self._rules = rules
        self._clock = clock

    def again(
        self, delivery_id: str, *, force: bool = False, find_mapping: FindMapping = lambda _: None
    ) -> NotAgain | None:
        """Queue a delivery again; returns why not, if it cannot be. A waiting one is due at once.

        Parameters
        ----------
        force
            Send it whole, as the newest of its cell, over whatever the gradebook holds.
        find_mapping
            Asked where one goes that was ended while it was parked; any other goes where it was to go at first.

        Raises
        ------
        StorageUnavailable
            If the table cannot be reached; it may be queued or not, and to ask again does no harm.
        """
        for _ in range(LOOKS):
            now = self._clock.now()
            delivery = self._ledger.delivery(delivery_id, now)
            if delivery is None:
                return NotAgain.UNKNOWN
            try:
                if delivery.state.under_way:
                    return self._sooner(delivery, now, force=force)
                return self._back(delivery, now, find_mapping, force=force)
            except StorageConflict:
                continue
        return NotAgain.BUSY

    def _sooner(self, delivery: Delivery, now: datetime, *, force: bool) -> NotAgain | None:
        """Call at once for a delivery that waits for its next try."""
        if delivery.state is DeliveryState.PARKED:
            return NotAgain.PARKED
        at = to_milliseconds(now)
        cell = self._ledger.cell(delivery.cell)
        is_head = cell.head is not None and cell.head.delivery_id == delivery.id
        if delivery.state is not DeliveryState.WAITING or not is_head or cell.lease_until > at:
            return NotAgain.UNDER_WAY
        again = replace(queued(delivery, _why(force=force), at), forced=delivery.forced or force, retried_at=at)
        called = line.called(cell, at + self._rules.look_again)
        self._commit_and_call(now, Change(cell, called), Change(delivery, again))
        return None

    def _back(self, delivery: Delivery, now: datetime, find_mapping: FindMapping, *, force: bool) -> NotAgain | None:
        """Put an ended delivery at the end of its cell's line."""
        write, final = delivery.write, _final(delivery, force=force)
        if final is not None or write is None:
            return final or NotAgain.GONE
        mapping = None if delivery.cell.platform else find_mapping(delivery)
        if mapping is None and not delivery.cell.platform:
            return NotAgain.NEVER_MAPPED
        bound = delivery if mapping is None else _addressed(delivery, mapping)
        around = self._ledger.surroundings(bound, now)
        platform, refused = around.platform, _not_now(bound, around)
        if refused is not None or platform is None:
            return refused or NotAgain.PLATFORM_REMOVED
        cell, at = around.cell if mapping is None else with_imported_history(around.cell, mapping), to_milliseconds(now)
        if mapping is not None:
            bound = replace(bound, number=cell.accepted + 1)
        entering = _entering(bound, write, cell, platform, at, force=force)
        if entering is None:
            return NotAgain.COVERED
        again = _queued_again(entering, _why(force=force), at)
        entered = line.entered(cell, again, awaited_until=0, due_at=at)
        if cell.head is None:
            entered = line.called(entered, at + self._rules.look_again)
        self._commit_and_call(now, Change(around.cell, entered), Change(delivery, again), around)
        return None

    def _commit_and_call(
        self, now: datetime, cell: Change[Cell], delivery: Change[Delivery], around: Surroundings | None = None
    ) -> None:
        """Write it down, then send the message; should that be lost, the schedule sends another.

        Should its tool send the same request once more, it is told what is true now.
        """
        receipt = None if around is None else around.receipt
        answered = None if receipt is None else Change(receipt, replace(receipt, answer=answers.queued()))
        stored = self._ledger.commit(now, receipt=answered, cell=cell, delivery=delivery)
        if stored is not None and cell.before is not None and stored.generation > cell.before.generation:
            self._calls.try_to_send(stored)


def _addressed(delivery: Delivery, mapping: Mapping) -> Delivery:
    """Return a delivery that was never mapped as one to the place that its sourcedid stands for now."""
    return replace(
        delivery,
        cell=CellKey(mapping.platform, mapping.line_item, mapping.user_id),
        sourcedid_digest=sourcedid_digest(mapping.sourcedid),
        context=mapping.context,
    )


def _entering(
    delivery: Delivery, write: Write, cell: Cell, platform: Platform, now: int, *, force: bool
) -> Delivery | None:
    """Return an ended delivery as it enters its cell's line; None: newer outcomes bring all that it would."""
    if force:
        return as_newest(delivery, write, cell, platform, now)
    found = back_in_line(delivery, write, cell, platform)
    return None if found is None else replace(found, forced=False)


def as_newest(delivery: Delivery, write: Write, cell: Cell, platform: Platform, now: int) -> Delivery:
    """Return an ended delivery as an operator forces it: whole, and dated after everything in its cell.

    Time R and the submission's time stay those of the request: the work was handed in then.
    """
    return replace(
        delivery,
        write=write,
        forced=True,
        timestamp=ordering_timestamp(now, cell.newest_timestamp, PROFILES[platform.profile]),
    )


def _final(delivery: Delivery, *, force: bool) -> NotAgain | None:
    """Say what of the delivery itself stands against another try."""
    if delivery.state is DeliveryState.DELIVERED:
        return NotAgain.DELIVERED
    if delivery.state is DeliveryState.SUPERSEDED:
        return NotAgain.SUPERSEDED
    if delivery.write is None:
        return NotAgain.GONE
    if delivery.state is DeliveryState.HELD and not force:
        return NotAgain.HELD
    return None


def _not_now(delivery: Delivery, around: Surroundings) -> NotAgain | None:
    """Say what of its surroundings stands against another try."""
    if around.platform is None:
        return NotAgain.PLATFORM_REMOVED
    if not around.tool:
        return NotAgain.TOOL_REMOVED
    if line.is_unsettled_behind(around.cell, delivery.id):
        return NotAgain.UNSETTLED
    return NotAgain.LINE_FULL if len(around.cell.line) >= line.LONGEST else None


def _queued_again(delivery: Delivery, why: str, now: int) -> Delivery:
    """Return the delivery as a queued one, with all its time and all tries of its file before it.

    What the platform said last stays to be read until it says something else.
    """
    return replace(
        delivery,
        state=DeliveryState.QUEUED,
        lease_until=0,
        due_at=None,
        file_tries=0,
        acknowledged=True,
        retried_at=now,
        answer=None,
        warnings=(),
        ended_at=None,
        expires_at=now + KEPT_STORY,
        events=told(delivery.events, DeliveryEvent(now, f"queued: {why}")),
    )


def _why(*, force: bool) -> str:
    return OVER_ALL if force else AGAIN
