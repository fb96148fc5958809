"""Counts of what the tool side asked: calls by kind and ending, refused ones, and how many ran at once."""

from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush

from simulator.exchange import Response
from simulator.throttle import is_throttled

_Calls = dict[str, dict[str, int]]


@dataclass(slots=True)
class _Tally:
    """One course's counts, or the whole platform's."""

    calls: _Calls = field(default_factory=dict)
    throttled: int = 0
    most_at_once: int = 0
    entered: int = 0
    running_until: list[float] = field(default_factory=list)

    def enter(self, now: float) -> None:
        while self.running_until and self.running_until[0] <= now:
            heappop(self.running_until)
        self.entered += 1
        self.most_at_once = max(self.most_at_once, self.entered + len(self.running_until))

    def leave(self, path: str, response: Response, now: float) -> None:
        self.entered -= 1
        running_seconds = response.delay_seconds + response.drip_seconds
        if running_seconds:
            heappush(self.running_until, now + running_seconds)
        endings = self.calls.setdefault(path, {})
        ending = _ending(response)
        endings[ending] = endings.get(ending, 0) + 1
        self.throttled += is_throttled(response)

    def tell(self) -> dict[str, object]:
        return {"calls": self.calls, "throttled": self.throttled, "most_at_once": self.most_at_once}


class Counters:
    """The counts since the simulator started or they were last reset. Not thread safe: the lock guards it."""

    def __init__(self, since: datetime) -> None:
        self._since = since
        self._all = _Tally()
        self._courses: dict[int, _Tally] = {}

    def enter(self, course_id: int | None, now: datetime) -> None:
        """Note that a call came; ``course_id`` None: of no course that exists."""
        for tally in self._tallies(course_id):
            tally.enter(now.timestamp())

    def leave(self, path: str, course_id: int | None, response: Response, now: datetime) -> None:
        """Note how a call ended that came; it runs until its answer has left."""
        for tally in self._tallies(course_id):
            tally.leave(path, response, now.timestamp())

    def tell(self) -> dict[str, object]:
        """Write the counts."""
        courses = {str(course_id): tally.tell() for course_id, tally in self._courses.items()}
        return {"since": self._since.isoformat(), **self._all.tell(), "courses": courses}

    def _tallies(self, course_id: int | None) -> tuple[_Tally, ...]:
        if course_id is None:
            return (self._all,)
        return self._all, self._courses.setdefault(course_id, _Tally())


def _ending(response: Response) -> str:
    if not response.drop:
        return str(response.status)
    return "dropped_before" if response.status == 0 else "dropped_after"
