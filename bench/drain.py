"""How a backlog drains once its platform is back, under Canvas's throttle: real workers, real queue, real schedule."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import greedy
from bench.backlog import OPENERS, Backlog, missing, queue_up
from bench.bounds import Bounds, Load, bounds
from bench.children import running_workers
from bench.greedy import Greedy
from bench.simulator_counts import Counts, read_counts
from bench.stack import Seat, Site, Stack, running_stack

LARGE, SMALL, OTHER = "canvas", "small", "greedy"
"""The platforms: the large one, a small one beside it, and one like the large one that only the greedy client calls."""
LOAD = Load(cost=0.5, seconds=0.1)
SMALL_OUTCOMES, SMALL_COURSES = 20, 5
WORKERS = 8
"""One message at a time each: as many as both platforms have message groups."""
_LOOK_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured. ``every``: seconds between two runs of the schedule. ``limit``: seconds for one drain."""

    outcomes: int = 200
    many_courses: int = 20
    every: float = 10.0
    limit: float = 240.0


@dataclass(frozen=True, slots=True)
class SiteDrain:
    """One platform's drain. Seconds since its return, None: not within the limit.

    ``first``: until its first score was in the gradebook, the probe's; ``second``: until the next, when all are let go.
    ``outcomes`` and ``courses`` do not count what only opened the breaker; ``missing`` and ``counts`` do.
    """

    outcomes: int
    courses: int
    first: float | None
    second: float | None
    half: float | None
    last: float | None
    missing: int
    counts: Counts
    bounds: Bounds
    """Of the calls that were made."""


@dataclass(frozen=True, slots=True)
class Drain:
    """One scenario. ``accepting``: seconds for one outcome at the door, with the platform dead."""

    load: Load
    every: float
    accepting: float
    large: SiteDrain
    small: SiteDrain | None
    greedy: Greedy
    best: Bounds
    """Of the scores alone: what nobody can beat."""


def measure(scale: Scale, *, courses: int, small: bool) -> Drain:
    """Measure a backlog over so many courses of one platform, on a stack of its own."""
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder), (LARGE, SMALL, OTHER)) as stack:
        for site in stack.sites.values():
            site.control("switch", throttle="real", request_cost=LOAD.cost, request_seconds=LOAD.seconds)
        seats = {LARGE: _seats(stack.sites[LARGE], scale.outcomes, courses)}
        if small:
            seats[SMALL] = stack.sites[SMALL].seats(SMALL_OUTCOMES, SMALL_COURSES)
        for each in seats.values():
            stack.map(each)
        _switch(stack, seats, down=True)
        backlog = queue_up([seat for each in seats.values() for seat in each])
        curves = _drain(stack, Path(folder), seats, backlog, scale)
        sizes = {LARGE: (scale.outcomes, courses), SMALL: (SMALL_OUTCOMES, SMALL_COURSES)}
        drained = {name: _judged(stack.sites[name], sizes[name], backlog, curves[name]) for name in seats}
        others = stack.sites[OTHER].seats(scale.outcomes, courses)
        fared = greedy.send_all(stack, stack.sites[OTHER], others, scale.limit)
    return Drain(
        load=LOAD,
        every=scale.every,
        accepting=backlog.seconds / len(backlog.promised),
        large=drained[LARGE],
        small=drained.get(SMALL),
        greedy=fared,
        best=bounds(scale.outcomes, LOAD),
    )


class Curve:
    """How many scores were in the gradebook at which second."""

    def __init__(self) -> None:
        self._points: list[tuple[float, int]] = []

    def add(self, second: float, scored: int) -> None:
        """Note a look at the gradebook."""
        self._points.append((second, scored))

    def reached(self, scored: int) -> float | None:
        """Return the second of the first look that saw so many; None: never."""
        return next((second for second, seen in self._points if seen >= scored), None)


def _seats(site: Site, outcomes: int, courses: int) -> list[Seat]:
    """Make the seats; before those of a single course some elsewhere, without which no breaker would open."""
    openers = site.seats(OPENERS, OPENERS) if courses < OPENERS else []
    return [*openers, *site.seats(outcomes, courses)]


def _switch(stack: Stack, names: Sequence[str] | dict[str, list[Seat]], *, down: bool) -> None:
    for name in names:
        stack.sites[name].control("switch", down=down)


def _drain(
    stack: Stack, folder: Path, seats: dict[str, list[Seat]], backlog: Backlog, scale: Scale
) -> dict[str, Curve]:
    """Run workers, bring the platforms back between two runs of the schedule, and look on until all is in."""
    curves = {name: Curve() for name in seats}
    with running_workers(stack.environment, folder, WORKERS, scale.every):
        time.sleep(scale.every / 2)
        for name in seats:
            stack.sites[name].control("counters", reset=True)
        returned = time.monotonic()
        _switch(stack, seats, down=False)
        waiting = dict(seats)
        while waiting and time.monotonic() - returned < scale.limit:
            time.sleep(_LOOK_SECONDS)
            for name, each in list(waiting.items()):
                site, scored = stack.sites[name], read_counts(stack.sites[name]).scored
                curves[name].add(time.monotonic() - returned, scored)
                # A score that was posted twice counts twice: only the gradebook says that all are in.
                if scored >= len(each) and not missing(site, backlog.promised.items()):
                    del waiting[name]
    return curves


def _judged(site: Site, size: tuple[int, int], backlog: Backlog, curve: Curve) -> SiteDrain:
    counts, lost = read_counts(site), missing(site, backlog.promised.items())
    outcomes, courses = size
    promised = sum(seat.platform == site.name for seat in backlog.promised)
    return SiteDrain(
        outcomes=outcomes,
        courses=courses,
        first=curve.reached(1),
        second=curve.reached(2),
        half=curve.reached(promised // 2),
        last=None if lost else curve.reached(promised),
        missing=lost,
        counts=counts,
        bounds=bounds(counts.done, LOAD),
    )
