"""A million mappings beside ten: what an outcome takes, and the commands that look mappings up or bring them in."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench import ROOT
from bench.filled import as_many_as_fit, available_memory, filled_engine
from bench.resident import resident_bytes
from bench.samples import Figure, figure, ratio
from bench.stack import (
    CONSUMER_KEY,
    PLATFORM,
    TABLE,
    Seat,
    Stack,
    must_be_success,
    outcome_event,
    running_stack,
    wait_for_tick,
)
from chalicelib import services as service_graph
from chalicelib.mapping.model import Mapping

FEW, MANY = 10, 1_000_000
RUNS = 5
STUDENTS = 6
"""Of one run: each has a first outcome, whose mapping no container knows yet, and then more."""
OUTCOMES_EACH = 4
LOOKUPS = 30
ROWS = 10_000
IMPORTS = 3
"""Look-ups of one run; rows of one import, and imports."""
LISTED = 100
LONGEST_COMMAND = 120.0
_STUDENTS_OF_A_COURSE = 100

FIRST, NEXT = "a student's first outcome", "a further outcome"
LOOKUP = "one mapping looked up"
SHOW, LIST, IMPORT = "`mapping show`", f"`mapping list --limit {LISTED}`", f"`mapping import`, {ROWS:,} rows"


@dataclass(frozen=True, slots=True)
class Pair:
    """Seconds with few mappings and with many, and the ratio, run by run. ``many`` None: it did not come to an end."""

    few: Figure
    many: Figure | None
    ratio: Figure | None


@dataclass(frozen=True, slots=True)
class Mappings:
    """What was found. ``wanted``: as many as were asked for; ``many``: as many as there was memory for.

    ``filling``: seconds until the engine was there with them. ``memory``: its bytes with few, and with many.
    """

    wanted: int
    few: int
    many: int
    filling: float
    memory: tuple[int, int] | None
    pairs: dict[str, Pair]
    given_up: dict[str, str] = field(default_factory=dict)
    """What a command said that did not come to an end with many."""


def made_up(count: int) -> Iterator[Mapping]:
    """Make up mappings of one tool, as an import brings them: a hundred students a course."""
    for number in range(count):
        course = number // _STUDENTS_OF_A_COURSE
        line_item = f"https://canvas.example.edu/api/lti/courses/{course}/line_items/{course}"
        yield Mapping(CONSUMER_KEY, f"imported-{number:032x}", PLATFORM, line_item, f"user-{number:032x}")


def measure(wanted: int) -> Mappings:
    """Measure on two stacks, which take turns."""
    many = as_many_as_fit(wanted, available_memory())
    with tempfile.TemporaryDirectory() as name, ExitStack() as cleanup:
        stacks, folders, filling = [], [], 0.0
        for count in (FEW, many):
            folder = Path(name, str(count))
            folder.mkdir()
            started = time.monotonic()
            start = partial(filled_engine, table=TABLE, mappings=made_up(count))
            stacks.append(cleanup.enter_context(running_stack(folder, start_engine=start)))
            folders.append(folder)
            filling = time.monotonic() - started
        memory = [resident_bytes(stack.engine.process.pid) for stack in stacks]
        pairs = _outcomes(stacks) | _lookups(stacks, (FEW, many)) | _commands(stacks, many)
        listed, why = _lists(stacks)
    return Mappings(
        wanted=wanted,
        few=FEW,
        many=many,
        filling=filling,
        memory=None if None in memory else (int(memory[0] or 0), int(memory[1] or 0)),
        pairs=pairs | {LIST: listed},
        given_up={LIST: why} if why else {},
    )


def pair(few: Sequence[Sequence[float]], many: Sequence[Sequence[float]] | None) -> Pair:
    """Compare the runs with few with those with many."""
    if many is None:
        return Pair(figure(few), None, None)
    return Pair(figure(few), figure(many), ratio(many, few))


def _outcomes(stacks: Sequence[Stack]) -> dict[str, Pair]:
    firsts: list[list[list[float]]] = [[] for _ in stacks]
    later: list[list[list[float]]] = [[] for _ in stacks]
    for stack in stacks:
        _deliver(stack, stack.seat())
    for _ in range(RUNS):
        classes = [[stack.seat() for _ in range(STUDENTS)] for stack in stacks]
        for run in (*firsts, *later):
            run.append([])
        for student in range(STUDENTS):
            for number, stack in enumerate(stacks):
                seat = classes[number][student]
                firsts[number][-1].append(_deliver(stack, seat))
                later[number][-1].extend(_deliver(stack, seat) for _ in range(OUTCOMES_EACH))
    return {FIRST: pair(*firsts), NEXT: pair(*later)}


def _lookups(stacks: Sequence[Stack], counts: Sequence[int]) -> dict[str, Pair]:
    found: list[list[list[float]]] = [[] for _ in stacks]
    for run in range(RUNS):
        for each in found:
            each.append([])
        for number in range(run * LOOKUPS, (run + 1) * LOOKUPS):
            for which, (stack, count) in enumerate(zip(stacks, counts, strict=True)):
                sourcedid = _known(number, count)
                started = time.perf_counter()
                mapping = stack.services.mappings.get(CONSUMER_KEY, sourcedid)
                found[which][-1].append(time.perf_counter() - started)
                if mapping is None:
                    raise RuntimeError(f"a mapping is missing: {sourcedid}")
    return {LOOKUP: pair(*found)}


def _known(number: int, count: int) -> str:
    """Choose a sourcedid among so many, far from the one before."""
    return f"imported-{(number * 7919) % count:032x}"


def _deliver(stack: Stack, seat: Seat) -> float:
    service_graph.use(stack.services)
    wait_for_tick()
    event = outcome_event(seat)
    started = time.perf_counter()
    answer = stack.answer(event)
    seconds = time.perf_counter() - started
    must_be_success(answer)
    return seconds


def _commands(stacks: Sequence[Stack], many: int) -> dict[str, Pair]:
    shows: list[list[list[float]]] = [[], []]
    imports: list[list[list[float]]] = [[], []]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(RUNS):
            for which, (stack, count) in enumerate(zip(stacks, (FEW, many), strict=True)):
                show = ["mapping", "show", "--key", CONSUMER_KEY, "--sourcedid", _known(number, count)]
                shows[which].append([_command(stack, show)])
                if number >= IMPORTS:
                    continue
                rows = _rows(Path(folder, f"{which}-{number}.jsonl"), number, stack)
                imports[which].append([_command(stack, ["mapping", "import", str(rows)])])
    return {SHOW: pair(*shows), IMPORT: pair(*imports)}


def _rows(file: Path, number: int, stack: Stack) -> Path:
    """Write a file of rows that nobody has imported before."""
    row = {"consumer_key": CONSUMER_KEY, "platform": PLATFORM, "line_item": stack.seat().line_item}
    with file.open("w", encoding="utf-8") as written:
        for student in range(ROWS):
            mine = {**row, "sourcedid": f"row-{number}-{student}", "user_id": f"row-{number}-{student}"}
            written.write(json.dumps(mine) + "\n")
    return file


def _lists(stacks: Sequence[Stack]) -> tuple[Pair, str]:
    """List with few, and last of all with many: for the time that takes, an engine may answer nobody else."""
    few, many = stacks
    words = ["mapping", "list", "--key", CONSUMER_KEY, "--limit", str(LISTED)]
    short = [[_command(few, words)] for _ in range(RUNS)]
    try:
        return pair(short, [[_command(many, words)] for _ in range(RUNS)]), ""
    except RuntimeError as problem:
        return pair(short, None), str(problem)


def _command(stack: Stack, words: Sequence[str]) -> float:
    """Run a command as an operator does; the seconds are those of the whole process.

    Raises
    ------
    RuntimeError
        If it fails: its last words.
    """
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "passback", *words],
        cwd=ROOT,
        env={"PATH": os.environ.get("PATH", ""), **stack.environment},
        capture_output=True,
        text=True,
        timeout=LONGEST_COMMAND,
        check=False,
    )
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no word why"]
        raise RuntimeError(f"after {seconds:.0f} s: {said[0]}")
    return seconds
