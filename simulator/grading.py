"""How a score becomes a grade."""

from decimal import Decimal
from fractions import Fraction

from simulator.model import Assignment, GradingType
from simulator.ruby_numbers import nearest_double, shown

# Canvas's default grading scheme: lowest percent of each letter.
_LETTERS = (
    (94, "A"), (90, "A-"), (87, "B+"), (84, "B"), (80, "B-"), (77, "C+"),
    (74, "C"), (70, "C-"), (67, "D+"), (64, "D"), (61, "D-"),
)  # fmt: skip


def pass_fail_score(assignment: Assignment, passed: bool) -> Decimal:
    """Points of complete (all) or incomplete (none)."""
    return (assignment.points or Decimal(0)) if passed else Decimal(0)


def grade_text(assignment: Assignment, score: Decimal, passed: bool | None = None) -> str:
    """Write the grade of a score as the assignment's grading type shows it.

    ``passed`` decides complete or incomplete where the points cannot (an assignment of 0 points).
    """
    if assignment.grading_type is GradingType.PASS_FAIL:
        return "complete" if (score > 0 if passed is None else passed) else "incomplete"
    if assignment.grading_type is GradingType.POINTS or not assignment.points:
        return shown(score)
    percent = Fraction(score) * 100 / Fraction(assignment.points)
    if assignment.grading_type is GradingType.PERCENT:
        return f"{shown(nearest_double(round(percent, 2)))}%"
    return next((letter for lowest, letter in _LETTERS if percent >= lowest), "F")
