"""A Moodle course: who is in it, its gradebook columns, and what a score does to a grade (Moodle 4.5, Scores)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from typing import Any

_KEPT_OF_A_SCORE = Decimal("0.00001")
_FULLY_GRADED = "FullyGraded"
_REQUIRED = ("userId", "timestamp", "gradingProgress", "activityProgress")


class Place(Enum):
    """What somebody is in the course."""

    STUDENT = "student"
    SUSPENDED = "suspended"
    TEACHER = "teacher"


class MoodleRefusal(Exception):
    """Moodle says no: an HTTP status, and words that only the reason phrase carries."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


@dataclass
class Grade:
    """One student's grade in a column."""

    points: Decimal | None = None
    """As stored: the column's own points, not capped."""
    second: int | None = None
    """Of the last change. Nothing finer is compared."""
    overridden: bool = False
    locked: bool = False


@dataclass
class Column:
    """One column of the gradebook, which a line item stands for."""

    number: int
    points: Decimal
    label: str = "Quiz"
    locked: bool = False
    grades: dict[int, Grade] = field(default_factory=dict)

    @property
    def activity(self) -> int:
        """The activity that the column belongs to: Moodle's LTI 1.1 and 1.3 resource link."""
        return 900 + self.number

    def grade(self, user_id: int) -> Grade:
        """Give a student's grade, empty when there is none."""
        return self.grades.setdefault(user_id, Grade())

    def final(self, user_id: int) -> Decimal | None:
        """Give what the gradebook shows: the grade between 0 and the column's points."""
        points = self.grade(user_id).points
        return None if points is None else min(max(points, Decimal(0)), self.points)

    def teacher_grades(self, user_id: int, points: str | None, now: datetime) -> None:
        """Override a grade by hand; None gives it back to the tool."""
        grade = self.grade(user_id)
        grade.points = None if points is None else Decimal(points)
        grade.overridden = points is not None
        grade.second = int(now.timestamp())


def take_score(column: Column, people: Mapping[int, Place], score: Mapping[str, Any]) -> None:
    """Apply a score as Moodle does.

    Raises
    ------
    MoodleRefusal
        Status 0 stands for the malformed status line.
    """
    user_id, moment = _checked(people, score)
    grade = column.grade(user_id)
    if grade.second is not None and int(moment.timestamp()) <= grade.second:
        raise MoodleRefusal(409, "Refusing score with an earlier timestamp")
    if column.locked or grade.locked:
        raise MoodleRefusal(500, "Internal Server Error")
    if grade.overridden:
        return
    grade.second = int(moment.timestamp())
    grade.points = _points(column, score)


def _checked(people: Mapping[int, Place], score: Mapping[str, Any]) -> tuple[int, datetime]:
    if any(name not in score for name in _REQUIRED):
        raise MoodleRefusal(400, "Incorrect score received")
    number = str(score["userId"])
    if not number.isdigit() or int(number) >= 2**63:
        raise MoodleRefusal(0, "")
    if people.get(int(number)) not in (Place.STUDENT, Place.SUSPENDED):
        raise MoodleRefusal(400, "Incorrect score received")
    if score.get("scoreGiven") is not None and score.get("scoreMaximum") is None:
        raise MoodleRefusal(400, "Incorrect score received")
    try:
        moment = datetime.fromisoformat(str(score["timestamp"]))
    except ValueError:
        raise MoodleRefusal(400, "Incorrect score received") from None
    return int(number), moment


def _points(column: Column, score: Mapping[str, Any]) -> Decimal | None:
    """Rescale a score to the column; None clears the grade."""
    given = score.get("scoreGiven")
    if given is None or score["gradingProgress"] != _FULLY_GRADED:
        return None
    rounded = Decimal(given).quantize(_KEPT_OF_A_SCORE, rounding=ROUND_HALF_UP)
    maximum = Decimal(score["scoreMaximum"])
    return rounded * column.points / maximum if maximum else rounded


def result_rows(column: Column, url: str, user_id: str | None) -> list[dict[str, Any]]:
    """List results: one user's, or everyone's when the id is no number. No grade, no row; a zero has no score."""
    wanted = int(user_id) if user_id is not None and user_id.isdigit() else None
    rows = []
    for number in sorted(column.grades):
        final = column.final(number)
        if final is None or wanted not in (None, number):
            continue
        row: dict[str, Any] = {"id": f"{url}&user_id={number}", "userId": str(number), "scoreOf": url}
        if final:
            row |= {"resultScore": float(final), "resultMaximum": float(column.points)}
        rows.append(row)
    return rows
