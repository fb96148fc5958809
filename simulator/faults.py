"""Misbehaviour on order: what the control door switches on, and what it does to an answer."""

from dataclasses import dataclass, replace

from simulator.exchange import Response
from simulator.throttle import throttled

PATHS = ("score", "result", "line_item", "token", "any")
FILE_KINDS = ("file_service_400", "file_service_500", "file_service_504")
KINDS = (
    "throttle_403", "throttle_429", "status", "slow", "endless", "drop_before", "drop_after", "refuse", *FILE_KINDS,
)  # fmt: skip
# A throttled answer's remaining value is seldom 0 in real life (Canvas AGS, section 9).
_REMAINING_WHEN_THROTTLED = 12.5


@dataclass(frozen=True, slots=True)
class Fault:
    """One ordered fault. ``count`` None lasts until cleared; ``course_id`` limits it to one handle's course."""

    path: str
    kind: str
    count: int | None = None
    status: int = 500
    body: str = ""
    seconds: float = 0.0
    handle: str | None = None
    course_id: int | None = None

    def concerns(self, path: str, course_id: int | None) -> bool:
        """Tell whether a request of this kind on this course is hit."""
        return self.path in (path, "any") and self.course_id in (None, course_id)


class Faults:
    """The faults in force, oldest first. Not thread safe: the simulator's lock guards it."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def replace_all(self, faults: list[Fault]) -> None:
        """Put these in place of what was there."""
        self._faults = list(faults)

    @property
    def in_force(self) -> tuple[Fault, ...]:
        """The faults that are still to come."""
        return tuple(self._faults)

    def take(self, path: str, course_id: int | None, *, of_files: bool = False) -> Fault | None:
        """Use up one turn of the first fault that concerns this request; faults of the file service apart."""
        for index, fault in enumerate(self._faults):
            if (fault.kind in FILE_KINDS) is of_files and fault.concerns(path, course_id):
                self._use(index, fault)
                return fault
        return None

    def _use(self, index: int, fault: Fault) -> None:
        if fault.count is None:
            return
        if fault.count > 1:
            self._faults[index] = replace(fault, count=fault.count - 1)
        else:
            del self._faults[index]


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
        case "refuse":
            return Response(0, drop=True, reset=True)
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
