"""Plays the cases at both doors and compares: what the tool was told, and what the gradebooks hold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from passback.demonstration.cases import Case, Sending, TeacherGrades
from passback.demonstration.clients import Door, Told
from passback.demonstration.gradebook import Square
from passback.local.simulator_control import SimulatorControl


@dataclass(frozen=True, slots=True)
class Side:
    """One of the twins: the door that their outcomes go to, and their handle in the gradebook."""

    door: Door
    handle: str


@dataclass(frozen=True, slots=True)
class Row:
    """One outcome: what was sent, and what came of it on both sides. ``wrong`` lists every difference."""

    what: str
    client: str
    told: Told
    before: Square
    after: Square
    old_told: Told
    old_after: Square
    wrong: Sequence[str]

    @property
    def same(self) -> bool:
        """Tell whether Passback did what old Canvas did, and what was expected."""
        return not self.wrong

    def document(self) -> dict[str, Any]:
        """Return the row as JSON-able values."""
        return {
            "sent": self.what,
            "client": self.client,
            "answer": str(self.told),
            "before": self.before.document(),
            "after": self.after.document(),
            "lti11_answer": str(self.old_told),
            "lti11_after": self.old_after.document(),
            "same": self.same,
            "differences": list(self.wrong),
        }


def play(case: Case, new: Side, old: Side, simulator: SimulatorControl) -> Iterator[Row]:
    """Play a case step by step on both sides."""
    for step in case.steps:
        if isinstance(step, TeacherGrades):
            for side in (new, old):
                simulator.order("grade", {"handle": side.handle, "score": _json_number(step.score)})
        else:
            yield _compared(step, new, old, simulator)


def _compared(step: Sending, new: Side, old: Side, simulator: SimulatorControl) -> Row:
    before = _square(new, simulator)
    told, old_told = step.send(new.door), step.send(old.door)
    after, old_after = _square(new, simulator), _square(old, simulator)
    wrong = [
        f"answer, {name}: {getattr(told, name)}" for name, value in step.told.items() if getattr(told, name) != value
    ]
    wrong += after.lacks(step.expected)
    wrong += after.differences(old_after, exact_time=step.exact_time)
    if not answers_alike(told, old_told):
        wrong.append(f"old Canvas answered {old_told}")
    return Row(step.what, step.client, told, before, after, old_told, old_after, wrong)


def _square(side: Side, simulator: SimulatorControl) -> Square:
    return Square(simulator.order("state", {"handle": side.handle}))


def answers_alike(one: Told, other: Told) -> bool:
    """Tell whether two answers mean the same to a tool."""
    plain = (one.code, one.status, one.error_code) == (other.code, other.status, other.error_code)
    return plain and _number(one.score) == _number(other.score)


def _number(text: str | None) -> Decimal | str | None:
    try:
        return Decimal(text) if text else text
    except InvalidOperation:
        return text


def _json_number(score: Decimal) -> int | float:
    # Whole and half points only: exact in both.
    return int(score) if score == score.to_integral_value() else float(score)
