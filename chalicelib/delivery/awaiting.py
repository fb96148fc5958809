"""Waiting, for a tool, until its delivery has ended; taking its turn when it comes; leaving it to the queue in time."""

from contextlib import suppress
from datetime import datetime

from chalicelib.clock import Clock, Deadline, to_milliseconds
from chalicelib.delivery import line
from chalicelib.delivery.breaker import Permission
from chalicelib.delivery.gate import Gate
from chalicelib.delivery.queueing import BEHIND, DOWN, SLOWED, Queueing
from chalicelib.delivery.records import Cell, Delivery, PlaceInLine
from chalicelib.delivery.turns import Turns
from chalicelib.errors import StorageConflict
from chalicelib.lti11.messages import Answer
from chalicelib.storage.ledger import Change, Ledger, Surroundings
from chalicelib.translation import answers

TRIES_PAST_DEADLINE = 8
"""A line into which many enter at once is tried so often, before a tool is told a failure that may not be one."""
PAUSE = 0.1
"""Seconds between two looks at a line in which another delivery has its turn."""


class Awaiting:
    """Waits within a tool's deadline. ``lease`` (seconds) is how long a turn may take."""

    def __init__(
        self, ledger: Ledger, turns: Turns, queueing: Queueing, gate: Gate, clock: Clock, lease: float
    ) -> None:
        self._ledger = ledger
        self._turns = turns
        self._queueing = queueing
        self._gate = gate
        self._clock = clock
        self._lease = lease

    def wait(self, delivery_id: str, deadline: Deadline, *, mine: bool) -> Answer | None:
        """Bring a delivery to its end, or to the queue, and return the tool's answer; None: nothing is known of it.

        ``mine``: this request accepted it. Another one with the same outcome only takes over when that one is gone,
        and past the deadline it is told a failure, never success.
        """
        overtime = 0
        while overtime < TRIES_PAST_DEADLINE:
            overtime += deadline.passed
            delivery = self._ledger.delivery(delivery_id, self._clock.now())
            if delivery is None:
                return None
            if not delivery.state.under_way:
                return delivery.answer
            if delivery.acknowledged:
                return answers.queued()
            around = self._ledger.surroundings(delivery, self._clock.now())
            if around.platform is None:
                return answers.platform_missing()
            answer = self._step(delivery, around, deadline, mine=mine)
            if answer is not None:
                return answer
        return answers.in_progress()

    def _step(self, delivery: Delivery, around: Surroundings, deadline: Deadline, *, mine: bool) -> Answer | None:
        """Do one thing towards the end; None: read again and go on."""
        cell, now = around.cell, to_milliseconds(self._clock.now())
        place = next((place for place in cell.line if place.delivery_id == delivery.id), None)
        if place is None and not deadline.passed:
            self._pause(deadline)
            return None
        if place is None:
            return answers.in_progress()
        alone = mine or place.awaited_until <= now
        if deadline.passed:
            return self._to_queue(delivery, around) if mine else answers.in_progress()
        if cell.head is not None and cell.head.delivery_id == delivery.id and alone and cell.lease_until <= now:
            return self._take_turn(delivery, around, deadline)
        if alone and line.is_left_behind(cell, now) and cell.head is not None:
            self._take_over(cell, cell.head, deadline)
        elif not alone or line.is_being_tried(cell, now):
            self._pause(deadline)
        else:
            return self._to_queue(delivery, around)
        return None

    def _take_turn(self, delivery: Delivery, around: Surroundings, deadline: Deadline) -> Answer | None:
        admission = self._gate.admit(delivery.cell.platform, around.health, may_probe=not delivery.queueable)
        if admission.permission is Permission.GO:
            return self._turns.take(delivery, around, deadline, self._lease)
        if delivery.queueable:
            return self._queueing.leave(delivery, around, admission)
        slowed = admission.permission is Permission.SLOWED
        return self._queueing.withdraw(delivery, around, SLOWED if slowed else DOWN)

    def _take_over(self, cell: Cell, head: PlaceInLine, deadline: Deadline) -> None:
        """Bring on what a crash left behind at the head of the line, as an unknown try of its own."""
        now = self._clock.now()
        delivery = self._ledger.delivery(head.delivery_id, now)
        if delivery is None or not delivery.state.under_way:
            self._free(cell, head, now)
            return
        around = self._ledger.surroundings(delivery, now)
        if around.platform is None or self._take_turn(delivery, around, deadline) is None:
            self._pause(deadline)  # somebody else was faster

    def _free(self, cell: Cell, head: PlaceInLine, now: datetime) -> None:
        """Free a line of a delivery that is gone, with nothing left to deliver."""
        with suppress(StorageConflict):  # somebody else did
            freed = line.left(cell, head.delivery_id, due_at=to_milliseconds(now))
            self._ledger.commit(now, cell=Change(cell, freed))

    def _to_queue(self, delivery: Delivery, around: Surroundings) -> Answer | None:
        if delivery.queueable:
            return self._queueing.leave(delivery, around, None)
        return self._queueing.withdraw(delivery, around, BEHIND)

    def _pause(self, deadline: Deadline) -> None:
        self._clock.sleep(min(PAUSE, deadline.remaining()))
