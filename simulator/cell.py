"""One square of the gradebook: a student on an assignment. Both doors and the teacher act through it."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from simulator.grading import grade_text
from simulator.model import (
    Assignment,
    Attachment,
    Course,
    Generation,
    Grader,
    LineItem,
    Result,
    Submission,
    User,
    Version,
    WorkflowState,
    World,
)
from simulator.ruby_numbers import nearest_double

KNOWN_SUBMISSION_TYPES = (
    "none", "basic_lti_launch", "online_text_entry", "online_url", "external_tool", "online_upload",
)  # fmt: skip
_FINISHED = ("Submitted", "Completed")


@dataclass(frozen=True, slots=True)
class Work:
    """What is handed in. A ``submission_type`` of None is a type Canvas does not know."""

    submission_type: str | None
    submitted_at: datetime
    body: str | None = None
    url: str | None = None
    attachments: tuple[Attachment, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Cell:
    """A student on an assignment of a course."""

    world: World
    course: Course
    assignment: Assignment
    user: User

    @property
    def submission(self) -> Submission:
        """The student's submission, made (empty) when there is none."""
        return self.assignment.submissions.setdefault(self.user.id, Submission())

    @property
    def first_line_item(self) -> LineItem | None:
        """The line item that stands for the assignment, None before adoption."""
        return first_line_item(self.course, self.assignment)

    @property
    def result(self) -> Result | None:
        """The Result on the assignment's own line item."""
        line_item = self.first_line_item
        return line_item.results.get(self.user.id) if line_item else None

    def submit(self, work: Work) -> None:
        """Hand in work; a new attempt only when the time differs (Canvas AGS, section 3.4 step 2)."""
        submission = self.submission
        if submission.attempt == 0 or submission.submitted_at != work.submitted_at:
            submission.attempt += 1
        submission.submitted_at = work.submitted_at
        if work.submission_type is not None:
            # Only a known type clears what was there; with an unknown one Canvas sets no type and wipes nothing.
            submission.submission_type = work.submission_type
            submission.body, submission.url = work.body, work.url
            submission.attachments = list(work.attachments)
        submission.score_matches = False
        submission.review_requested = False
        self._remember_version(submission)

    @staticmethod
    def _remember_version(submission: Submission) -> None:
        if submission.history and submission.history[-1].attempt == submission.attempt:
            submission.history.pop()
        submission.history.append(
            Version(
                submission.attempt,
                submission.submission_type,
                submission.body,
                submission.url,
                submission.submitted_at,
            )
        )

    def grade_by_tool(self, score: Decimal | None, now: datetime, passed: bool | None = None) -> None:
        """Set or clear the score with the tool as grader; the Result's numbers stay (Canvas AGS, section 5)."""
        self._set_score(score, Grader.TOOL, now, passed)

    def clear_over_ags(self, now: datetime) -> None:
        """Clear the score and leave the last grader in place (Canvas AGS, section 10, row T12)."""
        self._set_score(None, self.submission.grader, now, None)

    def grade_by_person(self, score: Decimal | None, now: datetime) -> None:
        """Set or clear the score as a teacher does, and bring the Result along (Canvas AGS, section 5)."""
        self._set_score(score, Grader.PERSON, now, None)
        line_item, result = self.first_line_item, self.result
        if result is not None:
            result.score = self.submission.score
            if result.maximum is None:
                result.maximum = self.points_or_zero
        elif line_item is not None and score is not None:
            line_item.results[self.user.id] = Result(
                self.world.next_id(), self.user.id, now, self.submission.score, self.points_or_zero
            )

    @property
    def points_or_zero(self) -> Decimal:
        """Points possible, 0 when blank."""
        return self.assignment.points if self.assignment.points is not None else Decimal(0)

    def _set_score(self, score: Decimal | None, grader: Grader | None, now: datetime, passed: bool | None) -> None:
        submission = self.submission
        submission.score = None if score is None else self._after_deduction(score)
        submission.grade = (
            None if submission.score is None else grade_text(self.assignment, submission.score, passed=passed)
        )
        submission.grader = grader
        submission.graded_at = now
        submission.score_matches = score is not None
        submission.review_requested = False
        if self.result is not None:
            # Any grade ends a review the Result still asks for, without moving its time (Canvas AGS, section 3.4).
            self.result.grading_progress = "FullyGraded"

    def _after_deduction(self, score: Decimal) -> Decimal:
        if not self.late or not self.assignment.late_deduction_percent:
            return score
        taken = Fraction(self.points_or_zero) * Fraction(self.assignment.late_deduction_percent) / 100
        return max(nearest_double(Fraction(score) - taken), min(score, Decimal(0)))

    @property
    def late(self) -> bool:
        """Whether the work was handed in after the due date."""
        due, submitted = self.assignment.due_at, self.submission.submitted_at
        return due is not None and submitted is not None and submitted > due

    def workflow_state(self, generation: Generation) -> WorkflowState:
        """Work out the state of the submission (Canvas AGS, section 3.4 step 6)."""
        submission = self.submission
        if submission.review_requested or self._result_asks_for_review(generation):
            return WorkflowState.PENDING_REVIEW
        if submission.score is not None and submission.score_matches:
            return WorkflowState.GRADED
        return WorkflowState.SUBMITTED if has_submission(submission) else WorkflowState.UNSUBMITTED

    def _result_asks_for_review(self, generation: Generation) -> bool:
        result = self.result
        if result is None or result.grading_progress != "PendingManual":
            return False
        return generation is Generation.OLD or result.activity_progress in _FINISHED


def first_line_item(course: Course, assignment: Assignment) -> LineItem | None:
    """Find the line item that stands for the assignment; None when Canvas has not made one."""
    return next(
        (
            item
            for item in course.line_items.values()
            if item.assignment_id == assignment.id and item.first and not item.deleted
        ),
        None,
    )


def has_submission(submission: Submission) -> bool:
    """Tell whether the work counts as handed in: a URL type needs its URL, a text type its text."""
    if submission.submitted_at is None:
        return False
    if submission.submission_type in ("online_url", "basic_lti_launch"):
        return bool(submission.url)
    if submission.submission_type == "online_text_entry":
        return bool(submission.body)
    return submission.submission_type is not None
