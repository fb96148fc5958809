"""One line of the doctor's report."""

from dataclasses import dataclass
from enum import StrEnum


class CheckState(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the doctor's report. ``remedy`` says what to do; empty when nothing needs to be done."""

    name: str
    state: CheckState
    detail: str
    remedy: str = ""


def ok_check(name: str, detail: str) -> Check:
    """Make the line of a check that found everything in place."""
    return Check(name, CheckState.OK, detail)


def failed_check(name: str, detail: str, remedy: str) -> Check:
    """Make the line of a check that failed, with what to do."""
    return Check(name, CheckState.FAILED, detail, remedy)


def skipped_check(name: str, detail: str, remedy: str = "") -> Check:
    """Make the line of something that could not be checked."""
    return Check(name, CheckState.SKIPPED, detail, remedy)
