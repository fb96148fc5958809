"""Fresh processes: how long until the first answer, how much memory, and which imports cost most."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from bench import ROOT
from bench.fresh import NOT_SHIPPED
from bench.samples import Figure, figure, ratio
from bench.stack import Stack, outcome_event

RUNS = 9
MEMORY_RUNS = 3
OUTCOMES = 1000
IMPORT_RUNS = 3
LONGEST = 120.0
"""Seconds that one process may take."""

_IMPORT_LINE = re.compile(r"import time:\s*(?P<own>\d+) \|\s*\d+ \|\s*(?P<module>[\w.]+)")


@dataclass(frozen=True, slots=True)
class FreshProcess:
    """What was found. Times are seconds."""

    libraries: Figure
    clients: Figure
    floor: Figure
    app: Figure
    first_answer: Figure
    whole: Figure
    ratio: Figure


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory in bytes; None where it cannot be read."""

    libraries: Figure | None
    after_import: Figure | None
    after_first_answer: Figure | None
    after_outcomes: Figure | None


def measure_start(stack: Stack) -> FreshProcess:
    """Start processes in turn, the bare libraries and the app, with compiled bytecode."""
    seat = stack.seat()
    _app(stack, [json.dumps(outcome_event(seat))])  # compiles, and is the mapping's first outcome
    _run("libraries", {}, "")
    bare, ours = [], []
    for _ in range(RUNS):
        bare.append(_run("libraries", {}, ""))
        ours.append(_app(stack, [json.dumps(outcome_event(seat))]))
    floors = [[found["import"] + found["clients"]] for found in bare]
    wholes = [[found["import"] + found["first_answer"]] for found in ours]
    return FreshProcess(
        libraries=_figure(found["import"] for found in bare),
        clients=_figure(found["clients"] for found in bare),
        floor=figure(floors),
        app=_figure(found["import"] for found in ours),
        first_answer=_figure(found["first_answer"] for found in ours),
        whole=figure(wholes),
        ratio=ratio(wholes, floors),
    )


def measure_memory(stack: Stack) -> Memory:
    """Have a fresh process answer a thousand outcomes, several times."""
    found = []
    for _ in range(MEMORY_RUNS):
        seat = stack.seat()
        found.append(_app(stack, [json.dumps(outcome_event(seat)) for _ in range(OUTCOMES)]))
    bare = [_run("libraries", {}, "") for _ in range(MEMORY_RUNS)]
    if any(run["memory"] is None for run in bare):
        return Memory(None, None, None, None)
    return Memory(
        libraries=_figure(run["memory"] for run in bare),
        after_import=_figure(run["memory_import"] for run in found),
        after_first_answer=_figure(run["memory_first_answer"] for run in found),
        after_outcomes=_figure(run["memory_last_answer"] for run in found),
    )


def measure_imports() -> dict[str, float]:
    """Return the seconds that each package's own modules take when the app is imported, the dearest first.

    Medians of some processes. Python's own accounting makes imports slower, so the shares count, not the sums.
    """
    code = f"import sys; sys.modules.update(dict.fromkeys({NOT_SHIPPED!r})); import app"
    runs = [import_times(_python(["-X", "importtime", "-c", code], {}, "").stderr) for _ in range(IMPORT_RUNS)]
    packages = {package for run in runs for package in run}
    middles = {package: median(run.get(package, 0.0) for run in runs) for package in packages}
    return dict(sorted(middles.items(), key=lambda pair: -pair[1]))


def import_times(report: str) -> dict[str, float]:
    """Add up what ``-X importtime`` reports by package: seconds of their modules' own code."""
    found: dict[str, float] = {}
    for line in _IMPORT_LINE.finditer(report):
        package = line["module"].partition(".")[0]
        found[package] = found.get(package, 0.0) + int(line["own"]) / 1e6
    return found


def _figure(values: Iterable[float]) -> Figure:
    """Take each process for a run of one."""
    return figure([[value] for value in values])


def _app(stack: Stack, events: Sequence[str]) -> dict[str, float]:
    return _run("app", stack.environment, "\n".join(events))


def _run(what: str, environment: dict[str, str], given: str) -> dict[str, float]:
    # -P: the script's own folder is not searched for modules.
    answer = _python(["-P", str(ROOT / "bench" / "fresh.py"), what], environment, given)
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found


def _python(arguments: Sequence[str], environment: dict[str, str], given: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    answer = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**inherited, **environment, "PYTHONPATH": str(ROOT)},
        input=given,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    if answer.returncode != 0:
        raise RuntimeError(f"a measured process failed:\n{answer.stderr[-2000:]}")
    return answer
