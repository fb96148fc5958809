"""One student's square of a Moodle gradebook, and what scores posts do to it (Moodle 4.5, Scores and Results)."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from chalicelib.errors import PlatformRefused
from chalicelib.lti13.profiles import MOODLE, Profile, classify
from chalicelib.lti13.score_json import write_score
from chalicelib.lti13.scores import Result, Score


@dataclass
class MoodleGradebook:
    """The grade is in points of the column."""

    points: Decimal = Decimal(100)
    now: datetime = datetime(2026, 2, 3, 10, 15, 31, tzinfo=UTC)
    score: Decimal | None = None
    graded_at: int | None = None
    """Whole seconds: Moodle compares no finer."""
    posts: list[dict[str, Any]] = field(default_factory=list)
    before_next_post: Callable[[], None] | None = None

    @property
    def profile(self) -> Profile:
        return MOODLE

    def teacher_grades(self, points: str | None, at: datetime | None = None) -> None:
        self.score = None if points is None else Decimal(points)
        self.graded_at = int((at or self.now).timestamp())

    def read_line_item(self) -> Decimal | None:
        return self.points

    def read_result(self) -> Result | None:
        """No grade: no row. A grade of 0: a row without resultScore."""
        if self.score is None:
            return None
        return Result(self.score or None, self.points)

    def post(self, score: Score) -> None:
        body = json.loads(write_score(score), parse_float=Decimal, parse_int=Decimal)
        self.posts.append(body)
        second = int(datetime.fromisoformat(body["timestamp"]).timestamp())
        if self.graded_at is not None and second <= self.graded_at:
            raise PlatformRefused(classify(MOODLE, 409, "Conflict"), 409, "Conflict")
        self.graded_at = second
        if "scoreGiven" not in body or body["gradingProgress"] != "FullyGraded":
            self.score = None
            return
        given = body["scoreGiven"].quantize(Decimal("0.00001"), rounding=ROUND_HALF_UP)
        maximum = body["scoreMaximum"]
        self.score = given * self.points / maximum if maximum else given
