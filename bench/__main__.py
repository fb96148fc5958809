"""``python -m bench``: measure, print, and fail if an outcome makes more requests than it may or is not delivered."""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType

from bench import breaker, cold, drain, load, mappings, peers, processes, report, warm
from bench.drain import Scale
from bench.report import Findings, PlainFindings
from bench.stack import running_stack
from passback.output import Output

PARTS = ("outcome", "drain", "breaker", "cold", "load", "mappings")
LONGEST = {"outcome": 300.0, "drain": 120.0, "breaker": 420.0, "cold": 600.0, "load": 420.0, "mappings": 900.0}
"""Seconds for each part, a drain's own not counted. What was started is stopped then, too."""
OUTCOMES_OF_A_COURSE = 10
"""In the scenario with many courses."""
BREAKER_EVERY = 10.0
"""At most so many seconds between two runs of the schedule in the breaker's part."""
SECONDS_AN_OUTCOME = 0.8
"""What a drain may take for each outcome, on top of ``LONGEST`` and some runs of the schedule."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks that were asked for; the exit code tells whether all promises were kept."""
    options = _parser().parse_args(arguments)
    parts = options.only or PARTS
    scale = _scale(options.outcomes, options.every)
    _stop_in_time(_longest(parts, scale))
    output = Output()
    findings = _measure(output, parts, scale, options.mappings)
    signal.alarm(0)
    if options.json is not None:
        options.json.write_text(json.dumps(findings.document(), indent=2) + "\n", "utf-8")
    output.show({}, *report.views(findings))
    for broken in findings.broken_promises:
        output.note(broken, "red")
    return 1 if findings.broken_promises else 0


def _measure(output: Output, parts: Sequence[str], scale: Scale, mapped: int) -> Findings:
    findings = Findings(report.describe_machine())
    if "outcome" in parts:
        findings = replace(findings, plain=_measure_plain(output))
    if "drain" in parts:
        output.note(f"{scale.outcomes} outcomes of one course drain ...")
        one = drain.measure(scale, courses=1, small=False)
        output.note(f"{scale.outcomes} outcomes of {scale.many_courses} courses drain ...")
        many = drain.measure(scale, courses=scale.many_courses, small=True)
        findings = replace(findings, drains=[one, many])
    if "breaker" in parts:
        output.note("A dead platform ...")
        findings = replace(findings, breaker=breaker.measure(min(scale.every, BREAKER_EVERY)))
    if "cold" in parts:
        output.note("The zip, and containers that start cold ...")
        findings = replace(findings, cold=cold.measure())
    if "load" in parts:
        output.note(f"Outcomes from {', '.join(map(str, load.AT_ONCE))} tools at once ...")
        findings = replace(findings, load=load.measure())
    if "mappings" in parts:
        output.note(f"{mapped:,} mappings beside {mappings.FEW} ...")
        findings = replace(findings, mappings=mappings.measure(mapped))
    return findings


def _measure_plain(output: Output) -> PlainFindings:
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder)) as stack:
        output.note("One plain outcome, warm ...")
        outcome = warm.measure(stack)
        output.note("Other libraries ...")
        others = peers.measure()
        output.note("Fresh processes ...")
        fresh = processes.measure_start(stack)
        imports = processes.measure_imports()
        output.note("Memory ...")
        memory = processes.measure_memory(stack)
    return PlainFindings(outcome, others, memory, fresh, imports)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measure what outcomes cost, how they drain, and what many of them change."
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything to this file as JSON")
    parser.add_argument("--only", action="append", choices=PARTS, help="only this part; can be given several times")
    parser.add_argument("--outcomes", type=_whole(10, 5000), default=Scale().outcomes, help="drain: outcomes queued")
    parser.add_argument(
        "--every", type=_whole(1, 60), default=int(Scale().every), help="schedule: seconds between runs"
    )
    parser.add_argument(
        "--mappings",
        type=_whole(2 * mappings.FEW, 2_000_000),
        default=mappings.MANY,
        help="mappings: so many beside ten; a million take 4 GB of memory for some minutes",
    )
    return parser


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    """Make the reader of a whole number within bounds."""

    def read(text: str) -> int:
        number = int(text)
        if not lowest <= number <= highest:
            raise argparse.ArgumentTypeError(f"from {lowest} to {highest}")
        return number

    return read


def _scale(outcomes: int, every: int) -> Scale:
    limit = LONGEST["drain"] + outcomes * SECONDS_AN_OUTCOME + 4 * every
    return Scale(outcomes, many_courses=outcomes // OUTCOMES_OF_A_COURSE, every=float(every), limit=limit)


def _longest(parts: Sequence[str], scale: Scale) -> int:
    """Say when all must be over: a drain's limit counts for Passback and for the greedy client, in two scenarios."""
    own = 4 * scale.limit if "drain" in parts else 0.0
    return int(sum(LONGEST[part] for part in parts) + own)


def _stop_in_time(longest: int) -> None:
    """Leave by an exception on SIGTERM and when the time is over, so that all that was started is stopped."""

    def stop(number: int, _frame: FrameType | None) -> None:
        why = f"not finished within {longest} s" if number == signal.SIGALRM else "asked to stop"
        sys.exit(f"bench: {why}")

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(longest)


if __name__ == "__main__":
    sys.exit(main())
