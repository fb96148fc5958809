"""Misbehaviour on order: what the control door and the gradebook page switch on, and what it does to an answer."""

import random
from dataclasses import dataclass, field, replace

from simulator.exchange import Response
from simulator.throttle import throttled

PATHS = ("score", "result", "line_item", "token", "other", "any")
FILE_KINDS = ("file_service_400", "file_service_500", "file_service_504")
TIMED_KINDS = ("slow", "endless", "hang")
KINDS = (
    "throttle_403", "throttle_429", "status", *TIMED_KINDS, "drop_before", "drop_after", "refuse", *FILE_KINDS,
)  # fmt: skip
# A throttled answer's remaining value is seldom 0 in real life (Canvas AGS, section 9).
_REMAINING_WHEN_THROTTLED = 12.5
REFUSED = Response(0, drop=True, reset=True)


@dataclass(frozen=True, slots=True)
class Fault:
    """One ordered fault.

    ``count`` None lasts until cleared. ``course_id`` limits it to one course; ``handle`` is how that was said, if it
    was. ``share`` is how many of the requests it concerns are hit; which ones follows from ``seed`` alone.
    """

    path: str
    kind: str
    count: int | None = None
    status: int = 500
    body: str = ""
    seconds: float = 0.0
    handle: str | None = None
    course_id: int | None = None
    share: float = 1.0
    seed: int = 0

    def concerns(self, path: str, course_id: int | None) -> bool:
        """Tell whether a request of this kind on this course can be hit."""
        return self.path in (path, "any") and self.course_id in (None, course_id)


_DOWN = Fault("any", "refuse")


@dataclass(slots=True)
class _InForce:
    fault: Fault
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.fault.seed)  # noqa: S311  # nosec B311  # repeatable on purpose

    def hits(self) -> bool:
        return self.fault.share >= 1 or self.dice.random() < self.fault.share


class Faults:
    """The faults in force, in the order in which they are tried. Not thread safe: the simulator's lock guards it."""

    def __init__(self) -> None:
        self.down = False
        """The whole platform is away: every request is refused."""
        self._faults: list[_InForce] = []

    def replace_all(self, faults: list[Fault]) -> None:
        """Put these in place of what was there."""
        self._faults = [_InForce(fault) for fault in faults]

    def add(self, faults: list[Fault]) -> None:
        """Put these before what is there: what was switched last is seen at once."""
        self._faults[:0] = [_InForce(fault) for fault in faults]

    def remove(self, kind: str) -> None:
        """Take the faults of one kind away; the others go on where they are."""
        self._faults = [each for each in self._faults if each.fault.kind != kind]

    @property
    def in_force(self) -> tuple[Fault, ...]:
        """The faults that are still to come."""
        return tuple(each.fault for each in self._faults)

    def take(self, path: str, course_id: int | None, *, of_files: bool = False) -> Fault | None:
        """Use up one turn of the first fault that hits this request; faults of the file service apart."""
        if self.down:
            return _DOWN
        for each in self._faults:
            fault = each.fault
            if (fault.kind in FILE_KINDS) is of_files and fault.concerns(path, course_id) and each.hits():
                self._use(each)
                return fault
        return None

    def _use(self, used: _InForce) -> None:
        count = used.fault.count
        if count is None:
            return
        if count > 1:
            used.fault = replace(used.fault, count=count - 1)
        else:
            self._faults = [each for each in self._faults if each is not used]


def answer_instead(fault: Fault | None) -> Response | None:
    """Give the answer of a fault that keeps Canvas from doing anything; None when the request is to be done."""
    match fault.kind if fault else None:
        case "throttle_403":
            return throttled(403, _REMAINING_WHEN_THROTTLED)
        case "throttle_429":
            return throttled(429, _REMAINING_WHEN_THROTTLED)
        case "status" if fault:
            return Response(fault.status, (("Content-Type", "text/html; charset=utf-8"),), fault.body.encode())
        case "drop_before":
            return Response(0, drop=True)
        case "hang" if fault:
            return Response(0, drop=True, delay_seconds=fault.seconds)
        case "refuse":
            return REFUSED
    return None


def spoil(response: Response, fault: Fault | None) -> Response:
    """Let a fault harm the answer of a request that was done."""
    match fault.kind if fault else None:
        case "slow" if fault:
            return replace(response, delay_seconds=fault.seconds)
        case "endless" if fault:
            return replace(response, drip_seconds=fault.seconds)
        case "drop_after":
            return replace(response, drop=True)
    return response
