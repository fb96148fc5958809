"""One student's square of a Canvas gradebook, and what scores posts do to it (Canvas AGS, sections 3.3 to 3.8, 5).

A model of its own, made from the description of Canvas and not from the rules under test: it reads the JSON that goes
over the wire, so that the tests can speak of grades, attempts and the student's work.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from chalicelib.errors import PlatformRefused
from chalicelib.lti13.profiles import CANVAS, CANVAS_OLDER, Profile, classify
from chalicelib.lti13.score_json import write_score
from chalicelib.lti13.scores import Result, Score

EXTENSION = "https://canvas.instructure.com/lti/submission"
COUNTED = ("FullyGraded", "PendingManual")
WITH_URL = ("online_url", "basic_lti_launch")


@dataclass
class Row:
    """The stored Result. ``score`` is what was sent last, or the gradebook's points once a person graded."""

    score: Decimal | None
    maximum: Decimal | None
    updated: datetime
    extension: dict[str, Any] = field(default_factory=dict)


@dataclass
class CanvasGradebook:
    """``older``: the revisions of 2021-22. ``hidden``: the Test Student, of whom results say nothing."""

    points: Decimal = Decimal(10)
    older: bool = False
    hidden: bool = False
    published: bool = True
    allowed_attempts: int | None = None
    file_errors: int = 0
    """How often the file service fails before it works."""
    now: datetime = datetime(2026, 2, 3, 10, 15, 31, tzinfo=UTC)
    score: Decimal | None = None
    graded_by: str | None = None
    needs_review: bool = False
    attempts: int = 0
    submission_type: str | None = None
    work: str | None = None
    submitted_at: datetime | None = None
    row: Row | None = None
    posts: list[dict[str, Any]] = field(default_factory=list)
    before_next_post: Callable[[], None] | None = None
    """Something that happens between a read and the next post."""

    @property
    def profile(self) -> Profile:
        return CANVAS_OLDER if self.older else CANVAS

    def teacher_grades(self, points: str | None, at: datetime | None = None) -> None:
        """A person sets or clears the score. It makes a Result, but does not move the time of one (section 3.6)."""
        self.score = None if points is None else Decimal(points)
        self.graded_by, self.needs_review = "person", False
        if self.row is None:
            self.row = Row(self.score, self.points, at or self.now)
        else:
            self.row.score = self.score
            self.row.maximum = self.points if self.row.maximum is None else self.row.maximum

    def submits_text(self, text: str, at: datetime) -> None:
        """The student handed in a text before Passback came."""
        self.attempts, self.submission_type, self.work, self.submitted_at = 1, "online_text_entry", text, at

    def adopts(self) -> None:
        """The assignment moves to the 1.3 tool: scores are copied into Results (section 4)."""
        if self.score is not None:
            typed = self.submitted_at if self.submission_type else None
            copied = {"submitted_at": None if typed is None else typed.isoformat()}
            self.row = Row(self.score, self.points, self.now - timedelta(days=1), copied)

    def read_line_item(self) -> Decimal | None:
        return self.points

    def read_result(self) -> Result | None:
        """Section 5: a person's grade is scaled at every read; null fields are left out."""
        if self.row is None or self.hidden:
            return None
        score, maximum = self.row.score, self.row.maximum
        if score is not None and self.graded_by == "person" and maximum and self.points:
            score = score * maximum / self.points
        extension = self.row.extension
        return Result(score, maximum, extension.get("submission_type"), extension.get("submitted_at"))

    def post(self, score: Score) -> None:
        """Take a score, or refuse it with Canvas's status and words."""
        if self.before_next_post is not None:
            happens, self.before_next_post = self.before_next_post, None
            happens()
        body = json.loads(write_score(score), parse_float=Decimal, parse_int=Decimal)
        self.posts.append(body)
        extension = dict(body.get(EXTENSION, {}))
        if self.older:
            extension.pop("preserve_score", None)
            extension.pop("prioritize_non_tool_grade", None)
            body.pop("submission", None)
        submitted_at = _time(body.get("submission", {}).get("submittedAt") or extension.get("submitted_at"))
        new_submission = extension.get("new_submission", True)
        self._check(body, new_submission, submitted_at)
        if extension.get("content_items") and self.file_errors:
            self.file_errors -= 1
            self._refuse(504, "failed to communicate with file service")
        if new_submission and (self.older or body["activityProgress"] in ("Submitted", "Completed")):
            self._submit(extension, submitted_at or self.now)
        if not self.published:
            self._refuse(422, "grade cannot be changed at this time: This assignment is still unpublished")
        self._set_score(body, extension)
        self.row = Row(body.get("scoreGiven"), body.get("scoreMaximum"), _sent(body["timestamp"]), extension)
        counts = self.older or body["activityProgress"] in ("Submitted", "Completed")
        self.needs_review = body["gradingProgress"] == "PendingManual" and counts

    def _check(self, body: dict[str, Any], new_submission: bool, submitted_at: datetime | None) -> None:
        """Section 3.3, in its order."""
        if not self.published and not self.older:
            self._refuse(422, "This assignment is still unpublished")
        if self.row is not None and _sent(body["timestamp"]) < self.row.updated:
            self._refuse(400, f"Provided timestamp of {body['timestamp']} before last updated timestamp of ...")
        if "scoreGiven" in body and body["gradingProgress"] in COUNTED:
            if "scoreMaximum" not in body:
                self._refuse(422, "ScoreMaximum not supplied when ScoreGiven present.")
            if body["scoreMaximum"] == 0 and self.points != 0:
                self._refuse(422, "cannot be zero if line item's maximum is not zero")
            if body["scoreGiven"] < 0:
                self._refuse(422, "ScoreGiven must be greater than or equal to 0")
        if submitted_at is not None and submitted_at > self.now + timedelta(minutes=1):
            self._refuse(400, "Provided submitted_at timestamp of ... in the future")
        exempt = submitted_at is not None and submitted_at == self.submitted_at and not self.older
        none_left = self.allowed_attempts is not None and self.attempts >= self.allowed_attempts
        if new_submission and none_left and not exempt:
            self._refuse(422, "The maximum number of allowed attempts has been reached for this submission")

    def _submit(self, extension: dict[str, Any], submitted_at: datetime) -> None:
        """Section 3.4, step 2: earlier work is wiped; the attempt counts unless ``submitted_at`` is the stored one."""
        files = extension.get("content_items")
        self.submission_type = "online_upload" if files else extension.get("submission_type", "external_tool")
        self.work = files[0]["url"] if files else None
        if self.submission_type in (*WITH_URL, "online_text_entry"):
            self.work = extension.get("submission_data")
        if self.submitted_at != submitted_at:
            self.attempts += 1
        self.submitted_at = submitted_at

    def _set_score(self, body: dict[str, Any], extension: dict[str, Any]) -> None:
        """Section 3.4, step 3."""
        if extension.get("preserve_score"):
            return
        if "scoreGiven" not in body or body["gradingProgress"] not in COUNTED:
            self.score = None
        elif extension.get("prioritize_non_tool_grade") and self.score is not None:
            return
        else:
            maximum = body["scoreMaximum"]
            self.score = body["scoreGiven"] * self.points / maximum if maximum else body["scoreGiven"]
            self.graded_by = "tool"

    def _refuse(self, status: int, words: str) -> None:
        raise PlatformRefused(classify(self.profile, status, words), status, words)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _sent(text: str) -> datetime:
    return datetime.fromisoformat(text)
