"""replaceResult, readResult and deleteResult on the gradebook, apart from their wire forms.

Canvas LTI 1.1 outcomes, sections 4 to 7.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from simulator.access import open_after_conclusion
from simulator.cell import Cell, Work
from simulator.grading import pass_fail_score
from simulator.identifiers import read_sourcedid, signature_holds
from simulator.model import Attachment, Enrollment, Grader, GradingType, LegacyTool, Role, World
from simulator.refusals import model_error
from simulator.ruby_numbers import nearest_double, parse_float, share, shown
from simulator.times import parse_time
from simulator.web_addresses import normalized

_NO_POINTS_COMMENT = (
    "An external tool attempted to grade this assignment as {grade}, but was unable to because the assignment has no "
    "points possible."
)


class OutcomeFailedError(Exception):
    """The outcome failed: Canvas's error code and its description."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(code)
        self.code = code
        self.description = description


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a replaceResult carries, as text; None where the element is absent."""

    result_score: str | None = None
    result_total_score: str | None = None
    text: str | None = None
    url: str | None = None
    document_name: str | None = None
    download_url: str | None = None
    launch_url: str | None = None
    submitted_at: str | None = None
    prioritize_non_tool_grade: bool = False
    needs_additional_review: bool = False


def locate(world: World, tool: LegacyTool, text: str) -> Cell:
    """Find the cell a sourcedid stands for, checked in Canvas's order (section 7.2)."""
    sourcedid = read_sourcedid(text)
    if sourcedid is None:
        raise OutcomeFailedError("sourcedid_invalid", "Invalid sourcedid")
    if not signature_holds(world.sourcedid_secret, sourcedid):
        raise OutcomeFailedError("signature_invalid", "Invalid signature")
    if sourcedid.tool_id != tool.id:
        raise OutcomeFailedError("tool_invalid", "Tool is invalid")
    course = world.courses.get(sourcedid.course_id)
    if course is None:
        raise OutcomeFailedError("course_invalid", "Course is invalid")
    user = course.users.get(sourcedid.user_id)
    if user is None or user.role is Role.TEACHER or user.enrollment is not Enrollment.ACTIVE:
        raise OutcomeFailedError("user_not_in_course", "User is no longer in course")
    assignment = course.assignments.get(sourcedid.assignment_id)
    if assignment is None or assignment.deleted:
        raise OutcomeFailedError("assignment_invalid", "Assignment is invalid")
    if assignment.legacy_tool_id != tool.id:
        raise OutcomeFailedError("assignment_tool_mismatch", "Assignment is no longer associated with this tool")
    return Cell(world, course, assignment, user)


def check_open(cell: Cell) -> None:
    """Refuse a write to a concluded course, unless the student's section goes on (section 7.3)."""
    if cell.course.concluded and not open_after_conclusion(cell.user):
        raise OutcomeFailedError("course_not_available", "Course not available for student")


@dataclass(frozen=True, slots=True)
class _Scores:
    fraction: Decimal | None
    total: Decimal | None

    @property
    def given(self) -> bool:
        return self.fraction is not None or self.total is not None


def replace_result(cell: Cell, replacement: Replacement, now: datetime) -> None:
    """Do a replaceResult.

    Raises
    ------
    OutcomeFailedError
        with nothing stored, but a comment when the assignment has no points
    RefusedError
        in Canvas's JSON, where grading itself refuses
    """
    submission = cell.submission
    skipped = (
        replacement.prioritize_non_tool_grade and submission.score is not None and submission.grader is Grader.PERSON
    )
    scores = _check(cell, replacement, now, score_skipped=skipped)
    work = _work(cell, replacement, now)
    if skipped and work is None:
        raise OutcomeFailedError(
            "no_submission_created", "This outcome request failed to create a new homework submission."
        )
    if scores.given and not skipped:
        _check_points(cell, scores)
    if work is not None:
        cell.submit(work)
    if scores.given and not skipped:
        _grade(cell, scores, now)
    if cell.world.switches.needs_review_honoured:
        submission.review_requested = replacement.needs_additional_review


def _check(cell: Cell, replacement: Replacement, now: datetime, *, score_skipped: bool) -> _Scores:
    """Collect the failures in Canvas's order; the last one is the one that is told (section 7.2)."""
    failure: OutcomeFailedError | None = None
    total, fraction = _parsed(replacement.result_total_score), _parsed(replacement.result_score)
    if replacement.result_total_score is not None and total is None:
        text = f"Unable to parse resultTotalScore: {replacement.result_total_score}\n"
        failure = OutcomeFailedError("no_parseable_result_total_score", text)
    if replacement.result_score is not None and fraction is None:
        text = f"Unable to parse resultScore: {replacement.result_score}\n"
        failure = OutcomeFailedError("no_parseable_result_score", text)
    scores = _Scores(fraction, total)
    if failure is None and not score_skipped:
        failure = _value_failure(cell, replacement, scores)
    failure = _time_failure(replacement, now) or failure
    if failure is not None:
        raise failure
    return scores


def _parsed(text: str | None) -> Decimal | None:
    return None if text is None else parse_float(text)


def _value_failure(cell: Cell, replacement: Replacement, scores: _Scores) -> OutcomeFailedError | None:
    if scores.total is None and scores.fraction is not None:
        free = cell.assignment.grading_type is GradingType.PASS_FAIL
        if not free and not 0 <= scores.fraction <= 1:
            return OutcomeFailedError("bad_score", "Score is not between 0 and 1")
    if not scores.given and not _has_data(replacement):
        return OutcomeFailedError("no_score", "No score given")
    return None


def _has_data(replacement: Replacement) -> bool:
    file = replacement.document_name is not None and replacement.download_url is not None
    return file or any(item is not None for item in (replacement.text, replacement.url, replacement.launch_url))


def _time_failure(replacement: Replacement, now: datetime) -> OutcomeFailedError | None:
    text = (replacement.submitted_at or "").strip()
    if not text:
        return None
    moment = parse_time(text)
    if moment is None:
        return OutcomeFailedError("timestamp_not_parseable", "Invalid timestamp - timestamp not parseable")
    if moment > now + timedelta(minutes=1):
        return OutcomeFailedError("timestamp_in_future", "Invalid timestamp - timestamp in future")
    return None


def _work(cell: Cell, replacement: Replacement, now: datetime) -> Work | None:
    """Choose what is handed in (sections 4.2 and 4.3); None when nothing is."""
    moment = parse_time(replacement.submitted_at or "") or now
    if replacement.text is not None:
        return Work("online_text_entry", moment, body=replacement.text)
    if replacement.url is not None:
        return Work("online_url", moment, url=normalized(replacement.url))
    if replacement.download_url is not None and replacement.document_name is not None:
        file = Attachment(replacement.download_url, replacement.document_name)
        return Work("online_upload", moment, attachments=(file,))
    if replacement.launch_url is not None:
        return Work("basic_lti_launch", moment, url=normalized(replacement.launch_url))
    return None if cell.submission.submission_type else Work("external_tool", moment)


def _check_points(cell: Cell, scores: _Scores) -> None:
    if cell.assignment.points is not None or cell.assignment.grading_type is GradingType.PASS_FAIL:
        return
    grade = shown(scores.total) if scores.total is not None else f"{shown(_percent(scores.fraction or Decimal(0)))}%"
    cell.submission.comments.append(_NO_POINTS_COMMENT.format(grade=grade))
    raise OutcomeFailedError("no_points_possible", "Assignment has no points possible.")


def _percent(fraction: Decimal) -> Decimal:
    return nearest_double(Fraction(fraction) * 100)


def _grade(cell: Cell, scores: _Scores, now: datetime) -> None:
    if not cell.assignment.published:
        # Raised inside grading, after the work was handed in, and therefore not a POX (section 7.4).
        raise model_error("grade", "cannot be changed at this time: This assignment is still unpublished")
    passed, score = None, _points(cell, scores)
    if cell.assignment.grading_type is GradingType.PASS_FAIL:
        value = scores.total if scores.total is not None else scores.fraction
        passed = (value or Decimal(0)) > 0
        score = pass_fail_score(cell.assignment, passed=passed)
    unchanged = score is not None and score == cell.submission.score
    if unchanged and cell.world.switches.unchanged_score_stops:
        return
    cell.grade_by_tool(score, now, passed)


def _points(cell: Cell, scores: _Scores) -> Decimal | None:
    """Work out the points; None where the text forms of Canvas store no score (sections 4.1 and 4.3)."""
    if scores.total is not None:
        return scores.total if scores.total.is_finite() else None
    fraction = scores.fraction or Decimal(0)
    if not fraction.is_finite() or 0 < abs(_percent(fraction)) < Decimal("0.0001"):
        return None
    return share(fraction, Decimal(1), cell.points_or_zero)


def read_result(cell: Cell) -> str:
    """Give the present score as a fraction of the points (section 5), empty when there is none."""
    score, points = cell.submission.score, cell.assignment.points
    if score is None:
        return ""
    if not points:
        return str(nearest_double(Fraction(score) / 100))
    percent = Fraction(score) * 100 / Fraction(points)
    exact = Decimal(percent.numerator) / Decimal(percent.denominator)
    rounded = exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    return format(nearest_double(Fraction(rounded) / 100), "f")


def delete_result(cell: Cell, now: datetime) -> None:
    """Clear score and grade, whoever gave them; the work stays (section 6)."""
    cell.grade_by_tool(None, now)
