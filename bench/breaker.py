"""What a tool waits for its answer while its platform is dead, before and after the breaker opens; and the return."""

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import app
from bench.backlog import missing, queue_one
from bench.children import running_workers
from bench.samples import Waits, waits
from bench.stack import Seat, Stack, must_be_success, outcome_event, random_score, running_stack, wait_for_tick
from chalicelib.clock import to_milliseconds
from passback.local.gateway import Gateway

COURSES = 12
TOOLS = 4
"""Outcomes under way at once until the breaker opens; later one at a time, so that none waits for another's."""
ANSWERS = 100
"""Outcomes of the floor, and after the breaker has opened."""
MOST_BEFORE = 60
"""Outcomes that are there to be sent until it opens: it is open long before, or never."""
WARMING = 12
WORKERS = 4
_HANG_SECONDS = 60
"""More than anybody waits, so that what was under way at the platform's return does not come through."""
_GIVE_UP = 120.0
_LOOK_SECONDS = 0.25

DEATHS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "refuses connections": ({"down": True}, {"down": False}),
    "takes calls and never answers": (
        {"faults": [{"kind": "hang", "seconds": _HANG_SECONDS}]},
        {"faults": []},
    ),
}
"""The ways in which a platform is dead, each with the switches that bring it about and end it."""


@dataclass(frozen=True, slots=True)
class Death:
    """One way of being dead. Seconds; None: not within the limit.

    ``opened``: from the first outcome until the breaker was open. ``closed`` and ``drained``: from the platform's
    return until it was closed, and until the gradebook showed all that was promised.
    """

    how: str
    before: Waits
    after: Waits
    opened: float | None
    closed: float | None
    drained: float | None


@dataclass(frozen=True, slots=True)
class BreakerFindings:
    """The floor is the same door with the platform well. ``every``: seconds between two runs of the schedule."""

    every: float
    floor: Waits
    deaths: list[Death]


def measure(every: float) -> BreakerFindings:
    """Measure all on a stack of its own, one way of being dead after the other."""
    Gateway(app.app)  # from here on the app knows of several requests at once: several tools wait for an answer
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder)) as stack:
        floor = [_deliver(seat, score) for seat, score in _promises(stack, WARMING + ANSWERS).items()][WARMING:]
        deaths = [_die(stack, Path(folder), how, every) for how in DEATHS]
    return BreakerFindings(every, waits(floor), deaths)


def _die(stack: Stack, folder: Path, how: str, every: float) -> Death:
    dies, returns = DEATHS[how]
    first, later = _promises(stack, MOST_BEFORE), _promises(stack, ANSWERS)
    stack.site.control("switch", **dies)
    before, opened = _until_open(stack, first)
    after = [queue_one(seat, score) for seat, score in later.items()]
    promised = later | {seat: first[seat] for seat in before}
    with running_workers(stack.environment, folder, WORKERS, every):
        time.sleep(every / 2)
        stack.site.control("switch", **returns)
        closed, drained = _until_drained(stack, promised)
    return Death(how, waits(list(before.values())), waits(after), opened, closed, drained)


def _until_open(stack: Stack, promised: dict[Seat, str]) -> tuple[dict[Seat, float], float | None]:
    """Send outcomes, some at once, until the breaker is open; gives what each tool waited, and when it was open."""
    waited: dict[Seat, float] = {}
    seats = list(promised)
    started = datetime.now(UTC)

    def send(mine: Sequence[Seat]) -> None:
        for seat in mine:
            if _opened_at(stack) is not None:
                return
            waited[seat] = queue_one(seat, promised[seat])

    with ThreadPoolExecutor(TOOLS) as tools:
        for sender in [tools.submit(send, seats[tool::TOOLS]) for tool in range(TOOLS)]:
            sender.result()
    opened = _opened_at(stack)
    return waited, None if opened is None else (opened - to_milliseconds(started)) / 1000


def _until_drained(stack: Stack, promised: dict[Seat, str]) -> tuple[float | None, float | None]:
    """Look on after the platform's return until the gradebook shows all that was promised."""
    returned, closed = time.monotonic(), None
    while (since := time.monotonic() - returned) < _GIVE_UP:
        if closed is None and _opened_at(stack) is None:
            closed = since
        if closed is not None and not missing(stack.site, promised.items()):
            return closed, since
        time.sleep(_LOOK_SECONDS)
    return closed, None


def _opened_at(stack: Stack) -> int | None:
    return stack.services.health.get(stack.site.name).opened_at


def _promises(stack: Stack, number: int) -> dict[Seat, str]:
    """Map new students of several courses, the courses taking turns, with a score for each."""
    seats = stack.site.seats(number, COURSES)
    stack.map(seats)
    return {seat: random_score() for seat in seats}


def _deliver(seat: Seat, score: str) -> float:
    """Have one outcome delivered by the door itself; the seconds are those of the door alone."""
    wait_for_tick()
    event = outcome_event(seat, score)
    started = time.perf_counter()
    answer = app.app(event, None)
    seconds = time.perf_counter() - started
    must_be_success(answer)
    return seconds
