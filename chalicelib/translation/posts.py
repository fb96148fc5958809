"""The score posts of the translation table, built field by field (Canvas AGS, section 10)."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from chalicelib.clock import from_milliseconds
from chalicelib.delivery.records import Cell, KnownScore, SubmissionState
from chalicelib.lti11.messages import DataKind, ReplaceResult, ResultData, ScoreScale, ToolScore
from chalicelib.lti13.profiles import Profile
from chalicelib.lti13.scores import (
    ActivityProgress,
    CanvasSubmission,
    ContentItem,
    GradingProgress,
    Score,
    SubmissionType,
)
from chalicelib.translation import answers
from chalicelib.translation.comparison import EXACT, ROUNDED, is_plain
from chalicelib.translation.steps import Conclude, Order, PostScore

TYPE_OF_DATA = {
    DataKind.TEXT: SubmissionType.ONLINE_TEXT_ENTRY,  # T4
    DataKind.URL: SubmissionType.ONLINE_URL,  # T5a
    DataKind.LTI_LAUNCH_URL: SubmissionType.BASIC_LTI_LAUNCH,  # T5b
    DataKind.FILE: SubmissionType.ONLINE_UPLOAD,  # T5c
}


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What a post does to the student's submission."""

    extension: CanvasSubmission
    submitted_at: datetime | None = None
    first: bool = False
    description: str = ""
    warnings: tuple[str, ...] = ()


def clearing_post(order: Order, profile: Profile) -> PostScore:
    """T12: no score clears the grade; ``Initialized`` and ``NotReady`` mark nothing for review; no attempt."""
    score = Score(
        user_id=order.user_id,
        timestamp=order.timestamp,
        activity_progress=ActivityProgress.INITIALIZED,
        grading_progress=GradingProgress.NOT_READY,
        extension=CanvasSubmission(new_submission=False) if profile.submission_extension else None,
    )
    return PostScore(score, posts=KnownScore(None, None))


def score_post(
    order: Order,
    write: ReplaceResult,
    cell: Cell,
    state: SubmissionState,
    profile: Profile,
    line_item_maximum: Decimal | None,
    prioritize_non_tool_grade: bool | None,
) -> PostScore | Conclude:
    """T1 to T5, T7, T8: a grade, with work or without."""
    if write.score is None:
        return Conclude(answers.REFUSED, answers.no_score())
    given = _numbers(write.score, profile, line_item_maximum)
    grading, warnings = _grading_progress(write, profile)
    score = Score(
        user_id=order.user_id,
        timestamp=order.timestamp,
        activity_progress=ActivityProgress.COMPLETED,
        grading_progress=grading,
        score_given=given.score,
        score_maximum=given.maximum,
    )
    if not profile.submission_extension:
        lost = "" if write.data is None else answers.work_not_taken(write.data)
        submitted = write.submitted_at if profile.standard_submission else None
        return PostScore(replace(score, submitted_at=submitted), posts=given, description=lost, warnings=warnings)
    attempt = _attempt(order, write, cell, state)
    extension = replace(attempt.extension, prioritize_non_tool_grade=prioritize_non_tool_grade)
    return PostScore(
        _with_submission(score, extension, attempt.submitted_at, profile),
        submitted_at=attempt.submitted_at,
        first_submission=attempt.first,
        posts=given,
        description=attempt.description,
        warnings=(*warnings, *attempt.warnings),
    )


def data_post(
    order: Order,
    write: ReplaceResult,
    cell: Cell,
    state: SubmissionState,
    profile: Profile,
    found: KnownScore,
    line_item_maximum: Decimal | None,
) -> PostScore | Conclude:
    """T9, T10: work without a score; the grade that was found stays.

    ``Pending`` leaves the submission in the ordinary "needs grading". A platform without ``preserve_score`` would
    clear the grade, so it gets the found one again, as ``FullyGraded``, or nothing when that one cannot be sent.
    """
    kept = echo(found, line_item_maximum, preserved=profile.preserve_score)
    if not profile.preserve_score and kept is None and found.score is not None:
        return Conclude(answers.REFUSED, answers.grade_not_kept())
    regrade = not profile.preserve_score and kept is not None
    progress = GradingProgress.FULLY_GRADED if regrade else GradingProgress.PENDING
    if write.needs_additional_review:
        progress = GradingProgress.PENDING_MANUAL
    score = Score(
        user_id=order.user_id,
        timestamp=order.timestamp,
        activity_progress=ActivityProgress.COMPLETED if regrade else ActivityProgress.SUBMITTED,
        grading_progress=progress,
        score_given=None if kept is None else kept.score,
        score_maximum=None if kept is None else kept.maximum,
    )
    attempt = _attempt(order, write, cell, state)
    extension = replace(attempt.extension, preserve_score=True if profile.preserve_score else None)
    return PostScore(
        _with_submission(score, extension, attempt.submitted_at, profile),
        submitted_at=attempt.submitted_at,
        first_submission=attempt.first,
    )


def echo(found: KnownScore, line_item_maximum: Decimal | None, *, preserved: bool) -> KnownScore | None:
    """Return the found score in points of the line item, None when there is nothing to send along.

    With a maximum of 0 there is no fraction to scale: nothing is echoed where the platform preserves the grade.
    """
    if found.score is None or line_item_maximum is None:
        return None
    if line_item_maximum == 0:  # a fraction of no points is a grade of 0; only points were kept as they came
        points = found.score if found.maximum == 0 else Decimal(0)
        return None if preserved else KnownScore(points, line_item_maximum)
    if found.maximum == 0:
        return None
    if found.maximum == line_item_maximum:
        return found if is_plain(found.score) else None
    maximum = Decimal(1) if found.maximum is None else found.maximum
    points = ROUNDED.divide(ROUNDED.multiply(found.score, line_item_maximum), maximum)
    return KnownScore(points, line_item_maximum) if is_plain(points) else None


def _numbers(score: ToolScore, profile: Profile, line_item_maximum: Decimal | None) -> KnownScore:
    """T1: a fraction out of 1 (Moodle: out of 100, it rounds to 5 decimals). T3: points out of the present maximum."""
    if score.scale is ScoreScale.FRACTION:
        return KnownScore(EXACT.multiply(score.value, profile.fraction_maximum), profile.fraction_maximum)
    return KnownScore(score.value, Decimal(0) if line_item_maximum is None else line_item_maximum)


def _grading_progress(write: ReplaceResult, profile: Profile) -> tuple[GradingProgress, tuple[str, ...]]:
    """T7: a review is asked for where the platform keeps the score with it; Moodle would clear the grade."""
    if not write.needs_additional_review:
        return GradingProgress.FULLY_GRADED, ()
    if profile.keeps_score_when_pending_manual:
        return GradingProgress.PENDING_MANUAL, ()
    return GradingProgress.FULLY_GRADED, (answers.REVIEW_NOT_MARKED,)


def _attempt(order: Order, write: ReplaceResult, cell: Cell, state: SubmissionState) -> _Attempt:
    """Decide on a new submission: always with work, once without, never in between.

    The time of a submission is the tool's or R, and stays the same over retries: an equal ``submitted_at`` adds no
    attempt (Canvas AGS, section 3.4).
    """
    submitted_at = write.submitted_at or order.received_at
    first = state is SubmissionState.NONE
    if order.concessions.no_new_submission:
        lost = "" if write.data is None else answers.NO_ATTEMPTS_LEFT
        return _Attempt(CanvasSubmission(new_submission=False), description=lost)
    if write.data is not None and not (write.data.kind is DataKind.FILE and order.concessions.no_file):
        return _Attempt(_work(write.data), submitted_at, first)
    lost = "" if write.data is None else answers.FILE_NOT_STORED
    warnings = (lost,) if lost else ()
    if state is SubmissionState.EXISTS:
        return _Attempt(CanvasSubmission(new_submission=False), description=lost, warnings=warnings)
    if state is SubmissionState.SENT and cell.first_submitted_at is not None:
        submitted_at = from_milliseconds(cell.first_submitted_at)
    extension = CanvasSubmission(new_submission=True, submission_type=SubmissionType.EXTERNAL_TOOL)
    return _Attempt(extension, submitted_at, first, lost, warnings)


def _work(data: ResultData) -> CanvasSubmission:
    """T4, T5: the extension that carries the work; files go as content items, which make the type themselves."""
    if data.kind is DataKind.FILE:
        return CanvasSubmission(new_submission=True, content_items=(ContentItem(data.value, data.document_name),))
    return CanvasSubmission(new_submission=True, submission_type=TYPE_OF_DATA[data.kind], submission_data=data.value)


def _with_submission(
    score: Score, extension: CanvasSubmission, submitted_at: datetime | None, profile: Profile
) -> Score:
    """Put the submission's time where the platform looks: the standard field, or the extension's (older Canvas)."""
    if profile.standard_submission:
        return replace(score, extension=extension, submitted_at=submitted_at)
    return replace(score, extension=replace(extension, submitted_at=submitted_at))
