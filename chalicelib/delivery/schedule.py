"""What happens each minute: messages go out for all heads that are due, in turns between platforms and courses."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice

from chalicelib import telemetry
from chalicelib.clock import Clock, Deadline, to_milliseconds
from chalicelib.delivery import line
from chalicelib.delivery.breaker import Permission, permission
from chalicelib.delivery.calls import Calls
from chalicelib.delivery.endings import queued
from chalicelib.delivery.records import Cell, Delivery
from chalicelib.delivery.releasing import Releasing
from chalicelib.delivery.retries import RetryRules
from chalicelib.errors import QueueUnavailable, StorageConflict, StorageUnreadable
from chalicelib.lti13.registrations import Platform
from chalicelib.storage.health import HealthStore
from chalicelib.storage.ledger import Change, Ledger
from chalicelib.storage.platforms import PlatformStore

RAN = "schedule"
STUCK = "cell_unreadable"
MOST_OF_A_LISTING = 200
"""Messages for a quarter of a platform's courses in one run: what one group drains in a minute. More would wait in the
queue, and be called for again before their turn."""
SHARE_OF_DUE = 0.75
"""Of a run's time what is due may take so much; the rest is for what is parked."""
WATCH_EVERY = 2.0
"""Seconds between two looks at a platform that is being probed."""
STUCK_FOR = 6 * 3_600_000
"""Milliseconds for which a cell is left alone whose head cannot be read: it would be called for each minute."""


class Schedule:
    """Looks after everything that is due. ``budget`` (seconds) is what one run may take."""

    def __init__(
        self,
        ledger: Ledger,
        platforms: PlatformStore,
        healths: HealthStore,
        calls: Calls,
        releasing: Releasing,
        rules: RetryRules,
        clock: Clock,
        budget: float,
    ) -> None:
        self._ledger = ledger
        self._platforms = platforms
        self._healths = healths
        self._calls = calls
        self._releasing = releasing
        self._rules = rules
        self._clock = clock
        self._budget = budget

    def run(self) -> None:
        """Send a message for each due head of each platform; one for a probe where the breaker is open.

        What is parked is looked after with the rest of the time.

        Raises
        ------
        StorageUnavailable
            If the table cannot be reached; the next minute's run does the same.
        """
        deadline = Deadline.after(self._clock, self._budget)
        platforms = tuple(self._platforms.list())
        probed = [platform for platform in platforms if self._permission(platform) is Permission.PROBE]
        self._send_due(platforms, Deadline.after(self._clock, self._budget * SHARE_OF_DUE))
        self._releasing.sweep(deadline)
        self._watch(probed, deadline)

    def _watch(self, probed: Sequence[Platform], deadline: Deadline) -> None:
        """Send what is due of a platform as soon as its probe finds it back, and not a minute later."""
        while probed and deadline.remaining() > WATCH_EVERY:
            self._clock.sleep(WATCH_EVERY)
            back = [platform for platform in probed if self._permission(platform) in (Permission.GO, Permission.SLOWED)]
            if back:
                self._send_due(back, deadline)
                probed = [platform for platform in probed if platform not in back]

    def _permission(self, platform: Platform) -> Permission:
        return permission(self._healths.get(platform.name), to_milliseconds(self._clock.now()))

    def _send_due(self, platforms: Sequence[Platform], deadline: Deadline) -> None:
        due = [cells for platform in platforms for cells in self._due(platform)]
        sent = 0
        while due and not deadline.passed:
            going_on = []
            for cells in due:  # one of each in turn: no platform and no course keeps the others waiting
                try:
                    cell = next(cells, None)
                    if cell is not None:
                        sent += self._send(cell)
                        going_on.append(cells)
                except StorageUnreadable as problem:
                    telemetry.event(STUCK, why=str(problem))
                    going_on.append(cells)  # the rest of the listing can be read
                except QueueUnavailable:
                    telemetry.event(RAN, sent=sent, why="the queue takes nothing now")
                    return
            due = going_on
        telemetry.event(RAN, sent=sent)

    def _due(self, platform: Platform) -> list[Iterator[Cell]]:
        """Read the due cells of a platform, as many as may be called for in one run; one for a probe."""
        allowed = self._permission(platform)
        if allowed is Permission.CLOSED_OFF:
            return []
        listings = self._ledger.due_cells(platform.name, self._clock.now())
        if allowed is Permission.PROBE:
            return [islice(chain.from_iterable(listings), 1)]
        return [islice(cells, MOST_OF_A_LISTING) for cells in listings]

    def _send(self, cell: Cell) -> int:
        """Send a message for the head of a due cell; returns how many were sent. Raises QueueUnavailable."""
        if cell.head is None:
            return 0
        try:
            delivery = self._ledger.delivery(cell.head.delivery_id, self._clock.now())
        except StorageUnreadable as problem:
            return self._leave_alone(cell, problem)
        now = to_milliseconds(self._clock.now())
        if delivery is None or delivery.state.ended:
            called, changed = line.left(cell, cell.head.delivery_id, due_at=now), None
        else:
            freed = replace(line.unawaited(cell, delivery.id), lease_until=0)
            called = line.called(freed, now + self._rules.look_again)
            changed = Change(delivery, queued(delivery, "by the schedule", now))
        stored = self._commit(cell, called, changed)
        if stored is None or changed is None:
            return 0
        self._calls.send(stored)
        return 1

    def _leave_alone(self, cell: Cell, problem: StorageUnreadable) -> int:
        """Leave a cell alone for a while whose head cannot be read: it is for people, not for one more try."""
        telemetry.event(STUCK, platform=cell.key.platform, why=str(problem))
        self._commit(cell, replace(cell, due_at=to_milliseconds(self._clock.now()) + STUCK_FOR), None)
        return 0

    def _commit(self, before: Cell, after: Cell, delivery: Change[Delivery] | None) -> Cell | None:
        try:
            return self._ledger.commit(self._clock.now(), cell=Change(before, after), delivery=delivery)
        except StorageConflict:
            return None  # it has changed since it was listed
