"""Proves the harness: a copy of the code with one safeguard taken out must fail."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
COPIED = ("app.py", "chalicelib", "passback", "simulator", "tests", ".chalice")


@dataclass(frozen=True)
class Replacement:
    """A text that stands exactly once in a file, and what stands there instead."""

    path: str
    old: str
    new: str


BROKEN: Mapping[str, tuple[Replacement, ...]] = {
    "receipts": (
        Replacement(
            "chalicelib/delivery/reception.py",
            "        receipt, pointing = opening.receipt, where.pointing\n",
            "        receipt, pointing = None, where.pointing\n",
        ),
        Replacement(
            "chalicelib/storage/ledger.py",
            "        condition = absent_or_expired(to_milliseconds(now))\n",
            "        condition = ALWAYS\n",
        ),
    ),
    "line": (
        Replacement("chalicelib/delivery/acceptance.py", "        if cell.head is None:\n", "        if True:\n"),
    ),
    "intent": (
        Replacement(
            "chalicelib/delivery/endings.py",
            "        submission=SubmissionState.SENT,\n"
            "        first_submitted_at=submitted_at,\n"
            "        first_delivery_id=delivery_id,\n",
            "",
        ),
    ),
    "stored": (
        Replacement(
            "chalicelib/delivery/acceptance.py",
            "        stored = self._store(wanted, queued, cell_before, placed, deadline, answer=answers.queued(), ",
            "        return answers.queued()\n"
            "        stored =  self._store(wanted, queued, cell_before, placed, deadline, answer=answers.queued(), ",
        ),
    ),
    "read": (
        Replacement(
            "chalicelib/delivery/turns.py",
            "        retry = mine.outcome_unknown or is_late(delivery, now)\n",
            "        retry = False\n",
        ),
        Replacement(
            "chalicelib/delivery/acceptance.py",
            "        retry = is_late(delivery, self._clock.now())\n",
            "        retry = False\n",
        ),
    ),
}
"""Receipts, the order of the cell's line, the intent before the call, storing before the acknowledgement, and the read
before a late retry."""


def break_copy(name: str, root: Path) -> None:
    """Take a safeguard out of a tree.

    Raises
    ------
    ValueError
        If the text to replace is not there exactly once: the code has changed, and the switch must follow.
    """
    for replacement in BROKEN[name]:
        path = root / replacement.path
        text = path.read_text(encoding="utf-8")
        if text.count(replacement.old) != 1:
            raise ValueError(f"{replacement.path} does not hold exactly once: {replacement.old.strip()!r}")
        path.write_text(text.replace(replacement.old, replacement.new), encoding="utf-8")


def run_broken(name: str, size: str, seed: int) -> int:
    """Run on a broken copy; its own exit code, which should be 1."""
    with tempfile.TemporaryDirectory(prefix="passback-broken-") as folder:
        root = Path(folder)
        for part in COPIED:
            source = REPOSITORY / part
            if source.is_dir():
                shutil.copytree(source, root / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, root / part)
        break_copy(name, root)
        environment = os.environ | {"PYTHONPATH": f"{root / 'tests'}:{root}"}
        command = [sys.executable, "-m", "soak", "--size", size, "--seed", str(seed)]
        print(f"soak: without {name}, in {root}", flush=True)
        return subprocess.run(command, cwd=root, env=environment, check=False).returncode
