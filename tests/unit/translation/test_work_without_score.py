"""T9 and T10: work goes without a score, and the grade that is there stays and can still be read."""

from decimal import Decimal

import pytest

from chalicelib.delivery.records import DeliveryState, SubmissionState
from chalicelib.lti11.messages import CodeMajor, ResultData
from chalicelib.lti13.profiles import CANVAS, CANVAS_OLDER, GENERIC, MOODLE, Profile
from chalicelib.lti13.scores import ActivityProgress, GradingProgress, Result
from chalicelib.translation.plan import next_step
from chalicelib.translation.steps import Conclude, ReadLineItem, ReadResults

from .builders import (
    ESSAY,
    EVERY_KIND_OF_WORK,
    R,
    a_cell,
    extension,
    facts,
    known,
    later,
    order,
    points,
    posted,
    replaces,
    row,
)
from .canvas_gradebook import CanvasGradebook
from .square import Square

SUBMITTED = a_cell(SubmissionState.EXISTS)
HANDED_IN = replaces(work=ESSAY)
NAMED_WORK = list(zip(EVERY_KIND_OF_WORK, ["text", "URL", "launch URL", "file"], strict=True))


@pytest.fixture(params=[False, True], ids=["canvas", "older canvas"])
def gradebook(request: pytest.FixtureRequest) -> CanvasGradebook:
    return CanvasGradebook(older=request.param)


@pytest.mark.parametrize("work", EVERY_KIND_OF_WORK, ids=lambda work: str(work.kind))
def test_the_tools_grade_stays(gradebook: CanvasGradebook, work: ResultData) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5"), R)
    told = square.sends(replaces(work=work), later(100))
    assert (gradebook.score, gradebook.work, gradebook.attempts) == (Decimal(5), work.value, 2)
    assert (told.state, told.answer.description) == (DeliveryState.DELIVERED, "")


def test_a_persons_grade_stays(gradebook: CanvasGradebook) -> None:
    gradebook.teacher_grades("8")
    Square(gradebook, a_cell(SubmissionState.UNKNOWN)).sends(HANDED_IN, later(100))
    assert (gradebook.score, gradebook.work) == (Decimal(8), ESSAY.value)


@pytest.mark.parametrize("first", ["0.5", "1"])
def test_a_persons_grade_over_the_tools_stays_and_reads_right(gradebook: CanvasGradebook, first: str) -> None:
    square = Square(gradebook)
    square.sends(replaces(first), R)
    gradebook.teacher_grades("8")
    square.sends(HANDED_IN, later(100))
    assert (gradebook.score, square.reads()) == (Decimal(8), "0.8")


def test_an_ungraded_student_stays_ungraded(gradebook: CanvasGradebook) -> None:
    Square(gradebook).sends(HANDED_IN, R)
    assert (gradebook.score, gradebook.work, gradebook.attempts) == (None, ESSAY.value, 1)


def test_a_zero_stays_a_zero(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    square.sends(replaces("0"), R)
    square.sends(HANDED_IN, later(100))
    assert (gradebook.score, square.reads()) == (Decimal(0), "0.0")


def test_the_grade_stays_though_the_points_were_changed(gradebook: CanvasGradebook) -> None:
    gradebook.points = Decimal(40)
    square = Square(gradebook)
    square.sends(replaces(points("30")), R)
    gradebook.points = Decimal(80)
    square.sends(HANDED_IN, later(100))
    # What Canvas does with the grade when points change is its own; the share of the points is what was read.
    assert square.reads() == "0.75"


def test_the_echo_of_a_score_is_in_points_of_the_line_item() -> None:
    step = posted(next_step(order(HANDED_IN), SUBMITTED, CANVAS, facts(row("0.25"), "12")))
    assert (step.score.score_given, step.score.score_maximum) == (Decimal(3), Decimal(12))


def test_the_echo_of_a_score_out_of_the_same_maximum_is_exact() -> None:
    third = "3.3333333333333333333333333333333333333333"
    step = posted(next_step(order(HANDED_IN), SUBMITTED, CANVAS, facts(row(third, "10.0"), "10")))
    assert step.score.score_given == Decimal(third)


def test_a_result_without_a_maximum_is_out_of_1() -> None:
    step = posted(next_step(order(HANDED_IN), SUBMITTED, CANVAS, facts(row("0.5", None), "12")))
    assert (step.score.score_given, step.score.score_maximum) == (Decimal(6), Decimal(12))


@pytest.mark.parametrize(
    ("result", "maximum"),
    [
        pytest.param(row("5"), "0", id="a line item of 0 points"),
        pytest.param(row("5"), None, id="a line item without a maximum"),
        pytest.param(row("5", "0"), "10", id="a result out of 0"),
    ],
)
def test_nothing_is_echoed_that_cannot_be_put_in_points(result: Result, maximum: str | None) -> None:
    step = posted(next_step(order(HANDED_IN), SUBMITTED, CANVAS, facts(result, maximum)))
    assert (step.score.score_given, step.score.score_maximum) == (None, None)
    assert extension(step.score).preserve_score is True


def test_without_an_echo_the_grade_in_the_gradebook_stays_all_the_same() -> None:
    gradebook = CanvasGradebook(points=Decimal(0))
    gradebook.teacher_grades("5")
    Square(gradebook).sends(HANDED_IN, later(100))
    assert (gradebook.score, gradebook.work) == (Decimal(5), ESSAY.value)


def test_the_result_is_read_first_and_the_line_item_only_for_an_echo() -> None:
    assert next_step(order(HANDED_IN), SUBMITTED, CANVAS, facts()) == ReadResults()
    assert next_step(order(HANDED_IN), SUBMITTED, CANVAS, facts(row("0.5"))) == ReadLineItem()
    assert next_step(order(HANDED_IN), SUBMITTED, CANVAS, facts(None)) != ReadLineItem()


def test_work_without_a_score_says_nothing_of_what_we_posted() -> None:
    square = Square(CanvasGradebook())
    square.sends(replaces("0.5"), R)
    square.sends(HANDED_IN, later(100))
    assert square.cell.last_posted == known("0.5")


def test_older_canvas_gets_the_grade_again() -> None:
    step = posted(next_step(order(HANDED_IN), SUBMITTED, CANVAS_OLDER, facts(row("0.8"), "10")))
    assert (step.score.score_given, step.score.score_maximum) == (Decimal(8), Decimal(10))
    assert step.score.grading_progress is GradingProgress.FULLY_GRADED
    assert step.score.activity_progress is ActivityProgress.COMPLETED
    assert extension(step.score).preserve_score is None
    assert step.posts is None


def test_older_canvas_without_a_grade_leaves_the_work_to_be_graded() -> None:
    step = posted(next_step(order(HANDED_IN), SUBMITTED, CANVAS_OLDER, facts(row(None), "10")))
    assert step.score.grading_progress is GradingProgress.PENDING


@pytest.mark.parametrize(
    ("score", "result_maximum", "maximum"),
    [
        pytest.param("5", "0", "10", id="a result out of 0"),
        pytest.param("5", "10", None, id="a line item without a maximum"),
    ],
)
def test_older_canvas_does_not_get_work_that_would_clear_a_grade(
    score: str, result_maximum: str, maximum: str | None
) -> None:
    step = next_step(order(HANDED_IN), SUBMITTED, CANVAS_OLDER, facts(row(score, result_maximum), maximum))
    assert isinstance(step, Conclude)
    assert (step.state, step.answer.code) == (DeliveryState.REFUSED, CodeMajor.FAILURE)


def test_older_canvas_keeps_a_grade_from_when_the_assignment_had_no_points() -> None:
    gradebook = CanvasGradebook(older=True, points=Decimal(0))
    gradebook.teacher_grades("5")
    gradebook.points = Decimal(10)
    told = Square(gradebook).sends(HANDED_IN, later(100))
    assert gradebook.score == Decimal(5)
    assert (told.answer.succeeded, gradebook.work) == (False, None)


def test_older_canvas_keeps_the_grade_of_a_student_whom_results_hide() -> None:
    gradebook = CanvasGradebook(older=True, hidden=True)
    square = Square(gradebook)
    square.sends(replaces("0.5"), R)
    told = square.sends(HANDED_IN, later(100))
    assert gradebook.score == Decimal(5)
    assert told.answer.succeeded is False


def test_newer_canvas_takes_work_of_a_student_whom_results_hide() -> None:
    gradebook = CanvasGradebook(hidden=True)
    square = Square(gradebook)
    square.sends(replaces("0.5"), R)
    square.sends(HANDED_IN, later(100))
    assert (gradebook.score, gradebook.work) == (Decimal(5), ESSAY.value)


@pytest.mark.parametrize("profile", [MOODLE, GENERIC], ids=lambda profile: str(profile.name))
def test_a_platform_that_takes_no_work_is_not_asked_anything(profile: Profile) -> None:
    step = next_step(order(HANDED_IN), SUBMITTED, profile, facts())
    assert isinstance(step, Conclude)
    assert (step.state, step.answer.error_code) == (DeliveryState.REFUSED, "no_score")


@pytest.mark.parametrize("profile", [MOODLE, GENERIC], ids=lambda profile: str(profile.name))
@pytest.mark.parametrize(("work", "name"), NAMED_WORK)
def test_a_platform_that_takes_no_work_gets_the_score_and_the_loss_is_named(
    profile: Profile, work: ResultData, name: str
) -> None:
    step = posted(next_step(order(replaces("0.5", work)), SUBMITTED, profile, facts()))
    assert step.score.extension is None
    assert step.score.score_given is not None
    assert f"the {name} was not stored" in step.description
