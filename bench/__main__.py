"""``python -m bench``: measure, print, and fail if an outcome makes more requests than it may."""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from bench import peers, processes, report, warm
from bench.report import Findings
from bench.stack import running_stack
from passback.output import Output

LONGEST = 300
"""Seconds for everything. What was started is stopped then, too."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all benchmarks; the exit code tells whether the promised numbers of requests were kept."""
    options = _parser().parse_args(arguments)
    _stop_in_time()
    output = Output()
    findings = _measure(output)
    signal.alarm(0)
    if options.json is not None:
        options.json.write_text(json.dumps(findings.document(), indent=2) + "\n", "utf-8")
    output.show({}, *report.views(findings))
    if not findings.promises_kept:
        output.note("A plain outcome makes more requests than it may.", "red")
        return 1
    return 0


def _measure(output: Output) -> Findings:
    machine = report.describe_machine()
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
    return Findings(machine, outcome, others, memory, fresh, imports)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what one plain outcome costs.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything to this file as JSON")
    return parser


def _stop_in_time() -> None:
    """Leave by an exception on SIGTERM and when the time is over, so that engine and simulator are stopped."""

    def stop(number: int, _frame: FrameType | None) -> None:
        why = f"not finished within {LONGEST} s" if number == signal.SIGALRM else "asked to stop"
        sys.exit(f"bench: {why}")

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST)


if __name__ == "__main__":
    sys.exit(main())
