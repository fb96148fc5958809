"""Every row of the translation table, as the exact score that is posted (Canvas AGS, section 10, T1 to T12)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from chalicelib.delivery.records import Cell, DeliveryState, KnownScore, SubmissionState
from chalicelib.lti11.messages import CodeMajor, DeleteResult, ReplaceResult, ResultData
from chalicelib.lti13.profiles import CANVAS, CANVAS_OLDER
from chalicelib.lti13.scores import (
    ActivityProgress,
    CanvasSubmission,
    ContentItem,
    GradingProgress,
    Score,
    SubmissionType,
)
from chalicelib.translation.plan import next_step
from chalicelib.translation.steps import Conclude, PostScore, ReadLineItem, ReadResults

from .builders import (
    EARLIER,
    ESSAY,
    FILE,
    LAUNCH,
    LINK,
    USER,
    R,
    a_cell,
    facts,
    fraction,
    known,
    order,
    points,
    posted,
    replaces,
    row,
)

GRADED = Score(
    user_id=USER,
    timestamp=R,
    activity_progress=ActivityProgress.COMPLETED,
    grading_progress=GradingProgress.FULLY_GRADED,
    score_given=Decimal("0.92"),
    score_maximum=Decimal(1),
)
NO_ATTEMPT = CanvasSubmission(new_submission=False)
EXTERNAL_TOOL = CanvasSubmission(new_submission=True, submission_type=SubmissionType.EXTERNAL_TOOL)
WORK = [
    pytest.param(ESSAY, SubmissionType.ONLINE_TEXT_ENTRY, id="T4 text"),
    pytest.param(LINK, SubmissionType.ONLINE_URL, id="T5a url"),
    pytest.param(LAUNCH, SubmissionType.BASIC_LTI_LAUNCH, id="T5b launch url"),
]
NEW, SUBMITTED = a_cell(SubmissionState.NONE), a_cell(SubmissionState.EXISTS)


def test_t1_the_first_score_makes_an_external_tool_submission_at_time_r() -> None:
    assert next_step(order(replaces("0.92")), NEW, CANVAS, facts()) == PostScore(
        replace(GRADED, submitted_at=R, extension=EXTERNAL_TOOL),
        submitted_at=R,
        first_submission=True,
        posts=known("0.92"),
    )


def test_t2_a_score_for_submitted_work_touches_the_grade_only() -> None:
    assert next_step(order(replaces("0.92")), SUBMITTED, CANVAS, facts()) == PostScore(
        replace(GRADED, extension=NO_ATTEMPT), posts=known("0.92")
    )


def test_t3_points_ask_for_the_line_item_first() -> None:
    assert next_step(order(replaces(points("37.5"))), NEW, CANVAS, facts()) == ReadLineItem()


def test_t3_points_go_out_of_the_line_items_maximum() -> None:
    step = posted(next_step(order(replaces(points("37.5"))), SUBMITTED, CANVAS, facts(maximum="40")))
    assert step.score == replace(GRADED, score_given=Decimal("37.5"), score_maximum=Decimal(40), extension=NO_ATTEMPT)
    assert step.posts == known("37.5", "40")


@pytest.mark.parametrize(("cell", "first"), [(NEW, True), (SUBMITTED, False)], ids=["first", "later"])
@pytest.mark.parametrize(("work", "submission_type"), WORK)
def test_t4_t5_work_makes_a_submission_of_its_kind_each_time(
    cell: Cell, first: bool, work: ResultData, submission_type: SubmissionType
) -> None:
    extension = CanvasSubmission(new_submission=True, submission_type=submission_type, submission_data=work.value)
    assert next_step(order(replaces("0.92", work)), cell, CANVAS, facts()) == PostScore(
        replace(GRADED, submitted_at=R, extension=extension),
        submitted_at=R,
        first_submission=first,
        posts=known("0.92"),
    )


def test_t5c_a_file_goes_as_a_content_item_with_its_name() -> None:
    step = posted(next_step(order(replaces("0.92", FILE)), NEW, CANVAS, facts()))
    extension = CanvasSubmission(new_submission=True, content_items=(ContentItem(url=FILE.value, title="essay.docx"),))
    assert step.score == replace(GRADED, submitted_at=R, extension=extension)


def test_t6_without_a_grade_the_flag_goes_along() -> None:
    step = posted(next_step(order(replaces("0.92", prioritize=True)), NEW, CANVAS, facts(None)))
    assert step.score == replace(
        GRADED, submitted_at=R, extension=replace(EXTERNAL_TOOL, prioritize_non_tool_grade=True)
    )


def test_t7_a_review_is_asked_for_together_with_the_score() -> None:
    step = posted(next_step(order(replaces("0.92", review=True)), SUBMITTED, CANVAS, facts()))
    assert step.score == replace(GRADED, grading_progress=GradingProgress.PENDING_MANUAL, extension=NO_ATTEMPT)


@pytest.mark.parametrize("work", [None, ESSAY], ids=["T1", "T4"])
def test_t8_the_tools_own_time_is_the_submissions(work: ResultData | None) -> None:
    step = posted(next_step(order(replaces("0.92", work, EARLIER)), NEW, CANVAS, facts()))
    assert (step.score.submitted_at, step.submitted_at) == (EARLIER, EARLIER)
    assert step.score.timestamp == R


def test_t8_the_tools_own_time_is_left_out_when_no_submission_is_made() -> None:
    step = posted(next_step(order(replaces("0.92", submitted_at=EARLIER)), SUBMITTED, CANVAS, facts()))
    assert step.score == replace(GRADED, extension=NO_ATTEMPT)


def test_t8_older_canvas_gets_the_time_in_its_extension() -> None:
    step = posted(next_step(order(replaces("0.92", submitted_at=EARLIER)), NEW, CANVAS_OLDER, facts()))
    assert step.score == replace(GRADED, extension=replace(EXTERNAL_TOOL, submitted_at=EARLIER))


@pytest.mark.parametrize(("work", "submission_type"), WORK)
def test_t9_work_alone_preserves_the_grade(work: ResultData, submission_type: SubmissionType) -> None:
    step = next_step(order(replaces(work=work)), NEW, CANVAS, facts(None))
    assert step == PostScore(
        Score(
            USER,
            R,
            ActivityProgress.SUBMITTED,
            GradingProgress.PENDING,
            submitted_at=R,
            extension=CanvasSubmission(
                new_submission=True,
                submission_type=submission_type,
                submission_data=work.value,
                preserve_score=True,
            ),
        ),
        submitted_at=R,
        first_submission=True,
        posts=None,
    )


def test_t9_a_grade_that_is_there_is_echoed_in_points_of_the_line_item() -> None:
    step = posted(next_step(order(replaces(work=ESSAY)), SUBMITTED, CANVAS, facts(row("0.8"), "10")))
    assert (step.score.score_given, step.score.score_maximum) == (Decimal("8.0"), Decimal(10))
    assert step.score.extension is not None
    assert step.score.extension.preserve_score is True
    assert step.posts is None


def test_t10_work_that_needs_review_is_pending_manually() -> None:
    step = posted(next_step(order(replaces(work=ESSAY, review=True)), NEW, CANVAS, facts(None)))
    assert step.score.grading_progress is GradingProgress.PENDING_MANUAL
    assert step.score.activity_progress is ActivityProgress.SUBMITTED
    assert step.score.score_given is None


def test_t11_neither_score_nor_work_is_never_sent() -> None:
    step = next_step(order(ReplaceResult(None)), SUBMITTED, CANVAS, facts(None))
    assert isinstance(step, Conclude)
    assert step.state is DeliveryState.REFUSED
    assert (step.answer.code, step.answer.error_code) == (CodeMajor.FAILURE, "no_score")
    assert step.answer.description == "No score given"


def test_t12_a_delete_clears_and_makes_no_attempt() -> None:
    assert next_step(order(DeleteResult()), SUBMITTED, CANVAS, facts()) == PostScore(
        Score(USER, R, ActivityProgress.INITIALIZED, GradingProgress.NOT_READY, extension=NO_ATTEMPT),
        posts=KnownScore(None, None),
    )


@pytest.mark.parametrize("write", [replaces("0.5"), replaces("0.5", ESSAY), replaces(work=ESSAY), DeleteResult()])
def test_a_cell_with_unknown_history_reads_results_before_its_first_write(write: ReplaceResult | DeleteResult) -> None:
    assert next_step(order(write), a_cell(SubmissionState.UNKNOWN), CANVAS, facts()) == ReadResults()


@pytest.mark.parametrize("write", [replaces("0.5"), replaces("0.5", ESSAY), DeleteResult()])
def test_a_cell_with_known_history_reads_nothing_for_a_plain_write(write: ReplaceResult | DeleteResult) -> None:
    assert isinstance(next_step(order(write), SUBMITTED, CANVAS, facts()), PostScore)


def test_a_time_in_another_zone_is_the_same_instant() -> None:
    eastern = datetime(2026, 2, 3, 5, 0, tzinfo=timezone(timedelta(hours=-5)))
    step = posted(next_step(order(replaces("0.92", ESSAY, eastern)), NEW, CANVAS, facts()))
    assert step.score.submitted_at == datetime(2026, 2, 3, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["0", "1", "0.333333333333333333333333333333333333", "1e-300"])
def test_a_fraction_goes_digit_for_digit(text: str) -> None:
    step = posted(next_step(order(replaces(fraction(text))), SUBMITTED, CANVAS, facts()))
    assert step.score.score_given is not None
    assert step.score.score_given.as_tuple() == Decimal(text).as_tuple()
