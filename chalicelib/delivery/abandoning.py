"""Ending what is under way, because an operator takes its tool or its platform away: visibly failed, content kept."""

from collections.abc import Iterator
from dataclasses import dataclass

from chalicelib.clock import Clock, to_milliseconds
from chalicelib.delivery import line
from chalicelib.delivery.calls import Calls
from chalicelib.delivery.endings import Ending, ended_cell, ended_delivery, may_be_applied
from chalicelib.delivery.records import Cell, CellKey, Delivery, DeliveryState, PlaceInLine
from chalicelib.errors import StorageConflict, StorageUnreadable
from chalicelib.lti11.messages import Answer
from chalicelib.storage.ledger import Change, Ledger

LOOKS = 10
"""How often a cell is read again that somebody else changes at the same moment."""


@dataclass(frozen=True, slots=True)
class Abandoned:
    """How many deliveries were ended, and how many could not be, because they were being tried just then."""

    failed: int = 0
    busy: int = 0


class Abandoning:
    """Ends deliveries as failed. One whose last try may have reached the gradebook stays unknown."""

    def __init__(self, ledger: Ledger, calls: Calls, clock: Clock) -> None:
        self._ledger = ledger
        self._calls = calls
        self._clock = clock

    def line_of(self, key: CellKey, answer: Answer, *, consumer_key: str | None = None) -> Abandoned:
        """End what stands in a cell's line, of one tool or of all; ``answer`` says why.

        From the end of the line to its head: then no message goes out for what is about to be ended too. While the
        head is being tried the cell is left alone: whoever tries it must be able to write down what became of it.
        """
        failed, cell = 0, self._ledger.cell(key)
        for place in reversed(cell.line):
            ended = self._end(key, place, answer, consumer_key)
            if ended is None:
                left = self._ledger.cell(key)
                return Abandoned(failed, sum(1 for _ in self._of_tool(left, consumer_key)))
            failed += ended
        return Abandoned(failed)

    def _end(self, key: CellKey, place: PlaceInLine, answer: Answer, consumer_key: str | None) -> int | None:
        """End one delivery of the line, and return how many were; None: it is being tried, or changed all the time."""
        for _ in range(LOOKS):
            now, cell = self._clock.now(), self._ledger.cell(key)
            at = to_milliseconds(now)
            if not line.stands_in(cell, place.delivery_id):
                return 0
            if cell.lease_until > at:
                return None
            delivery = self._read(place)
            if delivery is not None and consumer_key not in (None, delivery.consumer_key):
                return 0
            try:
                if delivery is None or delivery.state.ended:  # nothing but a place is left of it
                    freed = line.left(cell, place.delivery_id, due_at=at)
                    self._call(cell, self._ledger.commit(now, cell=Change(cell, freed)))
                    return 0
                ended = ended_cell(cell, delivery, _ending(delivery, answer), due_at=at, now=at)
                changed = Change(delivery, _failed(delivery, answer, at))
                self._call(cell, self._ledger.commit(now, cell=Change(cell, ended), delivery=changed))
            except StorageConflict:
                continue
            return 1
        return None

    def _of_tool(self, cell: Cell, consumer_key: str | None) -> Iterator[PlaceInLine]:
        for place in cell.line:
            delivery = self._read(place)
            if delivery is not None and consumer_key in (None, delivery.consumer_key):
                yield place

    def _read(self, place: PlaceInLine) -> Delivery | None:
        """Read a delivery; one that cannot be read stands in the way of others, and counts as gone."""
        try:
            return self._ledger.delivery(place.delivery_id, self._clock.now())
        except StorageUnreadable:
            return None

    def _call(self, before: Cell, stored: Cell | None) -> None:
        if stored is not None and stored.generation > before.generation:
            self._calls.try_to_send(stored)


def _ending(delivery: Delivery, answer: Answer) -> Ending:
    applied = None if may_be_applied(delivery) else False
    return Ending(DeliveryState.FAILED, answer, applied=applied, platform_words=answer.description)


def _failed(delivery: Delivery, answer: Answer, now: int) -> Delivery:
    return ended_delivery(delivery, _ending(delivery, answer), now)
