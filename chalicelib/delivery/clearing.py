"""Making way in a cell: waiting for its owner, ending what others left behind, settling what nobody knows."""

from dataclasses import replace

from chalicelib.clock import Clock, Deadline, to_milliseconds
from chalicelib.delivery.records import Cell
from chalicelib.delivery.takeover import Takeover
from chalicelib.errors import HostRefused, PlatformRefused, PlatformUnavailable, StorageConflict
from chalicelib.lti11.messages import Answer
from chalicelib.lti13.registrations import Platform
from chalicelib.storage.ledger import Change, Ledger
from chalicelib.translation import answers

PAUSE = 0.1
"""Seconds between two looks at a cell that another outcome owns."""


class Clearing:
    """Clears cells, one step at a time; the caller reads the cell again after each."""

    def __init__(self, ledger: Ledger, takeover: Takeover, clock: Clock) -> None:
        self._ledger = ledger
        self._takeover = takeover
        self._clock = clock

    def is_owned(self, cell: Cell) -> bool:
        """Tell whether a delivery is under way in the cell and its lease still runs."""
        return cell.under_way_id is not None and cell.lease_until > to_milliseconds(self._clock.now())

    def pause(self, deadline: Deadline) -> None:
        """Wait a little, but not past the deadline."""
        self._clock.sleep(min(PAUSE, deadline.remaining()))

    def step(self, cell: Cell, platform: Platform, deadline: Deadline) -> Answer | bool:
        """Make way: True when the cell is free, False when it must be read again, an answer when it cannot be freed."""
        if self.is_owned(cell):
            self.pause(deadline)
            return False
        if cell.under_way_id is not None:
            self._end_left_behind(cell, cell.under_way_id, platform, deadline)
            return False
        if cell.unsettled_id is not None:
            return self._settle(cell, platform, deadline) or False
        return True

    def _end_left_behind(self, cell: Cell, delivery_id: str, platform: Platform, deadline: Deadline) -> None:
        """Deliver what a crash left behind, as an unknown try."""
        left_behind = self._ledger.delivery(delivery_id)
        if left_behind is None or left_behind.write is None:
            self._free(cell)
        elif self._takeover.run(left_behind, cell, platform, deadline) is None:
            self.pause(deadline)  # somebody else was faster

    def _settle(self, cell: Cell, platform: Platform, deadline: Deadline) -> Answer | None:
        try:
            if self._takeover.settle(cell, platform, deadline) is not None:
                return answers.cell_busy()  # to try again at once would only add to what the platform suffers
        except PlatformUnavailable as problem:
            return answers.unavailable(PlatformUnavailable(problem.reason, maybe_applied=False))
        except PlatformRefused as refusal:
            return answers.refused(refusal)
        except HostRefused as refusal:
            return answers.host_refused(refusal)
        return None

    def _free(self, cell: Cell) -> None:
        """Free a cell whose owner is gone with nothing left to deliver."""
        try:
            self._ledger.commit(self._clock.now(), cell=Change(cell, replace(cell, under_way_id=None, lease_until=0)))
        except StorageConflict:
            return  # somebody else did
