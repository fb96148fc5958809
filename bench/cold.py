"""A cold start: new processes that have only the unpacked zip, as Lambda's containers, until their first answer."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import ROOT
from bench.aws_events import ROUTE_EVENT, SCHEDULE_EVENT
from bench.samples import Figure, figure, ratio
from bench.stack import PLATFORM, TABLE, Seat, Stack, must_be_success, outcome_event, running_stack
from bench.zips import Zip, Zips, ZipSizes, forget_files, make_zips
from chalicelib.clock import to_milliseconds
from chalicelib.lti13.tokens import token_key
from chalicelib.storage.keys import item_key
from chalicelib.storage.tokens import KIND

RUNS = 9
WARM_OUTCOMES = 10
"""After the first one, in the same process."""
LONGEST = 60.0
"""Seconds that one process may take."""
_SLOWED = 0.4
"""Seconds for which the platform counts as slow, so that an outcome goes to the queue and not to the platform."""

BARE = "bare"
ROUTE = "Chalice, one route"
OURS = "Passback"
UNREAD = "Passback, files not in memory"
SIGNS = "Passback, with a token to ask for"
RAW = "the same code, Chalice's own zip"
WORKER = "worker, one delivery"
SCHEDULE = "schedule, nothing due"

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ContainerRun:
    """Seconds of one process. ``python``: from being started to its first own line; ``built``: the services.

    ``processor``: seconds that a processor worked for it until the first answer, which other work hardly changes.
    """

    python: float
    imported: float
    built: float
    first: float
    processor: float
    warm: tuple[float, ...] = ()

    @property
    def whole(self) -> float:
        """Return the seconds from being started to the first answer."""
        return self.python + self.imported + self.built + self.first


@dataclass(frozen=True, slots=True)
class ColdKind:
    """What was found of one kind of start. Times are seconds; ``warm`` None: only the first event was sent."""

    python: Figure
    imported: Figure
    built: Figure
    first: Figure
    whole: Figure
    processor: Figure
    warm: Figure | None


@dataclass(frozen=True, slots=True)
class ColdStart:
    """What was found. ``bare`` is a whole process of Python that does nothing."""

    zips: dict[str, ZipSizes]
    runs: int
    bare: Figure
    kinds: dict[str, ColdKind]
    ratios: dict[str, Figure]
    processor_ratios: dict[str, Figure]
    """Our whole start beside each of the others', run by run: by the clock, and by processor time."""


@dataclass(slots=True)
class _Runs:
    bare: list[float] = field(default_factory=list)
    kinds: dict[str, list[ContainerRun]] = field(default_factory=dict)


def measure() -> ColdStart:
    """Pack, unpack, and start processes of each kind in turn."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        zips = make_zips(folder)
        with running_stack(folder, kms=True) as stack:
            found = _measure(stack, zips)
    sizes = {OURS: zips.ours.sizes, RAW: zips.raw.sizes, ROUTE: zips.route.sizes}
    return sum_up(found.bare, found.kinds, sizes)


def sum_up(bare: Sequence[float], kinds: Mapping[str, Sequence[ContainerRun]], zips: dict[str, ZipSizes]) -> ColdStart:
    """Make medians of the processes of each kind, and ratios of ours to the others of the same turn."""
    wholes = {kind: [[run.whole] for run in runs] for kind, runs in kinds.items()}
    worked = {kind: [[run.processor] for run in runs] for kind, runs in kinds.items()}
    ratios = {kind: ratio(wholes[OURS], wholes[kind]) for kind in (ROUTE, RAW)}
    ratios[BARE] = ratio(wholes[OURS], [[seconds] for seconds in bare])
    return ColdStart(
        zips=zips,
        runs=len(bare),
        bare=figure([[seconds] for seconds in bare]),
        kinds={kind: _kind(runs) for kind, runs in kinds.items()},
        ratios=ratios,
        processor_ratios={kind: ratio(worked[OURS], worked[kind]) for kind in (ROUTE, RAW)},
    )


def _kind(runs: Sequence[ContainerRun]) -> ColdKind:
    def part(of: Callable[[ContainerRun], float]) -> Figure:
        return figure([[of(run)] for run in runs])

    return ColdKind(
        python=part(lambda run: run.python),
        imported=part(lambda run: run.imported),
        built=part(lambda run: run.built),
        first=part(lambda run: run.first),
        whole=part(lambda run: run.whole),
        processor=part(lambda run: run.processor),
        warm=figure([run.warm for run in runs]) if all(run.warm for run in runs) else None,
    )


def _measure(stack: Stack, zips: Zips) -> _Runs:
    seat = stack.seat()
    starts = _starts(stack, zips, seat)
    for start in starts.values():  # one of each that does not count: the mapping's first outcome, files read once
        start()
    found = _Runs(kinds={kind: [] for kind in starts})
    for _ in range(RUNS):
        found.bare.append(_bare())
        for kind, start in starts.items():
            found.kinds[kind].append(start())
    return found


def _starts(stack: Stack, zips: Zips, seat: Seat) -> dict[str, Callable[[], ContainerRun]]:
    api = zips.handlers["APIHandler"]

    def outcome(code: Zip, handler: str = api) -> ContainerRun:
        events = [outcome_event(seat) for _ in range(1 + WARM_OUTCOMES)]
        return _checked(_run(stack, code, handler, events, "services"), must_be_success)

    def unread() -> ContainerRun:
        forget_files(zips.ours.folder)
        return outcome(zips.ours)

    def signs() -> ContainerRun:
        _forget_token(stack)
        return replace(outcome(zips.ours), warm=())

    starts = {
        ROUTE: lambda: _checked(_run(stack, zips.route, "app.app", [ROUTE_EVENT] * (1 + WARM_OUTCOMES)), _must_be_ok),
        OURS: lambda: outcome(zips.ours),
        SIGNS: signs,
        RAW: lambda: outcome(zips.raw),
        WORKER: lambda: _worker(stack, zips),
        SCHEDULE: lambda: _checked(
            _run(stack, zips.ours, zips.handlers["EachMinute"], [SCHEDULE_EVENT], "services"), _no_answer
        ),
    }
    if forget_files(zips.ours.folder):
        starts[UNREAD] = unread
    return starts


def _worker(stack: Stack, zips: Zips) -> ContainerRun:
    """Have an outcome queued, take its message, and let a new worker deliver it."""
    seat = stack.seat()
    health = stack.services.health.get(PLATFORM)
    until = to_milliseconds(datetime.now(UTC)) + int(_SLOWED * 1000)
    stack.services.health.put(health, replace(health, slowed_until=until))
    answer = stack.answer(outcome_event(seat, "0.5"))
    if "queued for delivery" not in answer["body"]:
        raise RuntimeError(f"an outcome was not queued: {answer['body']}")
    time.sleep(_SLOWED)
    run = _checked(_run(stack, zips.ours, zips.handlers["Deliver"], [stack.take_message()], "services"), _no_answer)
    if stack.site.control("state", handle=seat.handle)["score"] is None:
        raise RuntimeError("the worker did not deliver the outcome")
    return run


def _forget_token(stack: Stack) -> None:
    """Take the token out of the table that all containers share, as when it has run out."""
    [platform] = stack.services.platforms.list()
    stack.client.delete_item(TableName=TABLE, Key={"pk": {"S": item_key(KIND, token_key(platform))}})


def _bare() -> float:
    begun = time.monotonic()
    subprocess.run([sys.executable, "-I", "-S", "-c", "pass"], check=True, timeout=LONGEST)
    return time.monotonic() - begun


def _run(stack: Stack, code: Zip, handler: str, events: Sequence[Event], *also: str) -> dict[str, Any]:
    # -B: Lambda's files cannot be written, so what comes uncompiled is compiled at each start.
    options = ["-I", "-S", "-B", str(ROOT / "bench" / "container.py"), str(code.folder), handler, *also]
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, *options],
        input="\n".join(map(json.dumps, events)),
        env={"PATH": os.environ.get("PATH", ""), **stack.environment},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"a measured process failed:\n{done.stderr[-2000:]}")
    return {**json.loads(done.stdout.splitlines()[-1]), "begun": begun}


def _checked(told: dict[str, Any], check: Callable[[Any], None]) -> ContainerRun:
    """Make the times of what a process told, once its answers are those that were to be measured."""
    for answer in told["answers"]:
        check(answer)
    return ContainerRun(
        python=told["started"] - told["begun"],
        imported=told["imported"] - told["started"],
        built=told["built"] - told["imported"],
        first=told["calls"][0],
        processor=told["processor"],
        warm=tuple(told["calls"][1:]),
    )


def _must_be_ok(answer: Any) -> None:
    if answer["statusCode"] != 200:
        raise RuntimeError(f"the route did not answer: {answer}")


def _no_answer(answer: Any) -> None:
    if answer is not None:
        raise RuntimeError(f"nothing was to be answered: {answer}")
