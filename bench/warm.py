"""One plain outcome on a warm container: its requests counted, its stages timed, the whole beside its floor."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import app
from bench.floor import Floor, recording
from bench.samples import Figure, difference, figure, ratio
from bench.stack import Seat, Stack, must_be_success, outcome_event, wait_for_tick
from bench.stages import STAGES, Answerer, timed_stages
from bench.stopwatch import Stopwatch

RUNS = 7
OUTCOMES = 30
"""Runs, and outcomes of each kind in a run."""
WARMING = 20
COUNTED = 10

MOST_TABLE_REQUESTS = 4
AGS_REQUESTS = 1
"""What one plain score may cost on a warm container, from a mapping's second outcome on."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The most requests that a counted outcome made, as the client and the platform saw them."""

    table: int
    ags: int

    @property
    def within_limits(self) -> bool:
        """Tell whether the promise is kept."""
        return self.table <= MOST_TABLE_REQUESTS and self.ags == AGS_REQUESTS


@dataclass(frozen=True, slots=True)
class WarmOutcome:
    """What was found. Times are seconds."""

    counts: Counts
    whole: Figure
    floor: Figure
    ratio: Figure
    added: Figure
    stages: dict[str, Figure]


@dataclass(slots=True)
class _Timings:
    whole: list[list[float]] = field(default_factory=list)
    floor: list[list[float]] = field(default_factory=list)
    stages: dict[str, list[list[float]]] = field(default_factory=lambda: {stage: [] for stage in STAGES})


def measure(stack: Stack) -> WarmOutcome:
    """Measure everything, the kinds taking turns outcome by outcome."""
    seat, twin = stack.seat(), stack.seat()
    for place in (seat, twin):
        for _ in range(WARMING):
            _deliver(app.app, place)
    counts = _count(stack, seat)
    timings = _Timings()
    with _floor(stack, seat, twin) as floor:
        for _ in range(RUNS):
            floor.prepare(OUTCOMES)
            _one_run(stack, seat, floor, timings)
    return WarmOutcome(
        counts=counts,
        whole=figure(timings.whole),
        floor=figure(timings.floor),
        ratio=ratio(timings.whole, timings.floor),
        added=difference(timings.whole, timings.floor),
        stages={stage: figure(runs) for stage, runs in timings.stages.items()},
    )


def _one_run(stack: Stack, seat: Seat, floor: Floor, timings: _Timings) -> None:
    whole: list[float] = []
    floors: list[float] = []
    staged: dict[str, list[float]] = {stage: [] for stage in STAGES}
    watch = Stopwatch()
    for _ in range(OUTCOMES):
        whole.append(_deliver(app.app, seat))
        wait_for_tick()  # as before an outcome, so that both start from the same rest
        floors.append(floor.replay())
        with timed_stages(watch, stack.client) as answerer:
            _deliver(answerer, seat)
        taken = watch.take()
        for stage, seconds in staged.items():
            seconds.append(taken[stage])
    timings.whole.append(whole)
    timings.floor.append(floors)
    for stage, seconds in staged.items():
        timings.stages[stage].append(seconds)


def _deliver(answerer: Answerer, seat: Seat) -> float:
    """Have one outcome delivered; the seconds are those of the call of the app alone."""
    wait_for_tick()
    event = outcome_event(seat)
    started = time.perf_counter()
    answer = answerer(event, None)
    seconds = time.perf_counter() - started
    must_be_success(answer)
    return seconds


def _count(stack: Stack, seat: Seat) -> Counts:
    """Count what leaves the client, retries included, and what arrives at the platform."""
    sent: list[str] = []

    def note(request: Any, **_: Any) -> None:
        sent.append(request.url)

    table, ags = [], []
    stack.client.meta.events.register("before-send.dynamodb", note)
    try:
        for _ in range(COUNTED):
            sent.clear()
            last = stack.requests_at_platform(0)["last"]
            _deliver(app.app, seat)
            table.append(len(sent))
            ags.append(len(stack.requests_at_platform(last)["requests"]))
    finally:
        stack.client.meta.events.unregister("before-send.dynamodb", note)
    # Of the platform's requests one is right, and fewer would be as wrong as more.
    return Counts(max(table), max(ags, key=lambda seen: abs(seen - AGS_REQUESTS)))


@contextmanager
def _floor(stack: Stack, seat: Seat, twin: Seat) -> Iterator[Floor]:
    with recording(stack) as record:
        _deliver(app.app, seat)
    floor = Floor(stack, record, twin)
    try:
        floor.prepare(WARMING)
        for _ in range(WARMING):
            wait_for_tick()
            floor.replay()
        yield floor
    finally:
        floor.close()
