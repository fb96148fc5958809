"""readResult: the score as the platform has it now, or as it will have it once what is queued has been delivered."""

from chalicelib.clock import Clock, Deadline
from chalicelib.delivery import line
from chalicelib.delivery.breaker import Permission, PlatformHealth
from chalicelib.delivery.courses import course_of
from chalicelib.delivery.gate import Gate
from chalicelib.delivery.queueing import DOWN
from chalicelib.delivery.records import Cell
from chalicelib.errors import HostRefused, PlatformRefused, PlatformUnavailable
from chalicelib.lti11.messages import Answer
from chalicelib.lti13.ags import AgsClient
from chalicelib.lti13.profiles import PROFILES
from chalicelib.lti13.registrations import Platform
from chalicelib.storage.ledger import Ledger
from chalicelib.translation import answers
from chalicelib.translation.reading import read_answer, undelivered_answer


class Reading:
    """Reads for tools; nothing is stored, nothing queued."""

    def __init__(self, ledger: Ledger, ags: AgsClient, gate: Gate, clock: Clock) -> None:
        self._ledger = ledger
        self._ags = ags
        self._gate = gate
        self._clock = clock

    def read(self, platform: Platform, cell: Cell, health: PlatformHealth, deadline: Deadline) -> Answer:
        """Answer a read as LTI 1.1 does: from the line of the cell if that tells the score, else from the platform."""
        return self._undelivered(cell) or self._asked(platform, cell, health, deadline)

    def _undelivered(self, cell: Cell) -> Answer | None:
        """Answer from the outcome in line that will set the score last, if it alone tells what it will be.

        That is the newest one, wherever it stands; or one behind it that an operator sends over whatever is there.
        """
        newest = line.newest(cell)
        for place in reversed(cell.line):
            if newest is None or not place.sets_score:
                continue
            delivery = self._ledger.delivery(place.delivery_id, self._clock.now())
            if delivery is None or delivery.write is None or delivery.state.ended:
                return None
            if delivery.forced or place.rank == newest.score:
                return undelivered_answer(delivery.write)
        return None

    def _asked(self, platform: Platform, cell: Cell, health: PlatformHealth, deadline: Deadline) -> Answer:
        if self._gate.admit(platform.name, health).permission is Permission.CLOSED_OFF:
            return answers.unreadable(PlatformUnavailable(DOWN, maybe_applied=False))
        try:
            result = self._ags.read_result(platform, cell.key.line_item, cell.key.user_id, deadline)
        except PlatformRefused as refusal:
            self._gate.answered(platform.name)
            return answers.refused(refusal)
        except HostRefused as refusal:
            return answers.host_refused(refusal)
        except PlatformUnavailable as problem:
            self._gate.trouble(platform.name, course_of(cell.key.line_item), problem)
            return answers.unreadable(problem)
        self._gate.answered(platform.name)
        return read_answer(result, cell, PROFILES[platform.profile])
