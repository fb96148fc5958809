"""The design's rule "New attempt", told in attempts and in work that is still there."""

from datetime import timedelta
from decimal import Decimal

import pytest

from chalicelib.delivery.records import DeliveryState, SubmissionState
from chalicelib.lti11.messages import DeleteResult
from chalicelib.lti13.profiles import CANVAS, CANVAS_OLDER
from chalicelib.lti13.scores import Result
from chalicelib.translation.plan import next_step, submission_state
from chalicelib.translation.steps import UNREAD

from .builders import EARLIER, ESSAY, R, a_cell, extension, facts, later, order, posted, replaces, row
from .canvas_gradebook import CanvasGradebook
from .square import Lost, Square

UNKNOWN = a_cell(SubmissionState.UNKNOWN)


@pytest.fixture(params=[False, True], ids=["canvas", "older canvas"])
def gradebook(request: pytest.FixtureRequest) -> CanvasGradebook:
    return CanvasGradebook(older=request.param)


def test_the_first_score_makes_one_attempt_and_later_scores_none(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    for number, score in enumerate(["0.5", "0.7", "0.9"]):
        square.sends(replaces(score), later(number * 100))
    assert (gradebook.attempts, gradebook.score) == (1, Decimal(9))
    assert (gradebook.submission_type, gradebook.submitted_at) == ("external_tool", R)


def test_a_score_after_work_leaves_the_work(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5", ESSAY), R)
    square.sends(replaces("0.9"), later(100))
    assert (gradebook.attempts, gradebook.work, gradebook.score) == (1, ESSAY.value, Decimal(9))


def test_work_makes_an_attempt_each_time(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    for number in range(3):
        square.sends(replaces("0.5", ESSAY), later(number * 100))
    assert gradebook.attempts == 3


def test_a_tools_equal_time_of_submission_adds_no_attempt(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5", ESSAY, EARLIER), R)
    square.sends(replaces("0.9", ESSAY, EARLIER), later(100))
    assert (gradebook.attempts, gradebook.submitted_at, gradebook.score) == (1, EARLIER, Decimal(9))


@pytest.mark.parametrize("lost", Lost)
def test_an_unconfirmed_first_score_is_repeated_with_its_own_time(gradebook: CanvasGradebook, lost: Lost) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5"), R, lost)
    square.sends(replaces("0.7"), later(10))
    assert (gradebook.attempts, gradebook.submitted_at, gradebook.score) == (1, R, Decimal(7))
    assert square.cell.submission is SubmissionState.EXISTS
    square.sends(replaces("0.9"), later(20))
    assert (gradebook.attempts, gradebook.submitted_at, gradebook.score) == (1, R, Decimal(9))


def test_the_repeat_keeps_the_first_time_though_the_tool_names_another() -> None:
    cell = a_cell(SubmissionState.SENT, first_submitted_at=1_770_113_730_123)
    step = posted(next_step(order(replaces("0.7", submitted_at=EARLIER)), cell, CANVAS, facts()))
    assert step.score.submitted_at == R
    assert extension(step.score).new_submission is True
    assert step.first_submission is False


def test_the_first_submission_is_told_before_the_call_only_once() -> None:
    first = posted(next_step(order(replaces("0.5")), a_cell(SubmissionState.NONE), CANVAS, facts()))
    assert (first.first_submission, first.submitted_at) == (True, R)
    again = posted(next_step(order(replaces("0.5")), a_cell(SubmissionState.SENT), CANVAS, facts()))
    assert again.first_submission is False


def test_a_first_score_that_was_refused_leaves_the_attempt_to_the_next() -> None:
    gradebook = CanvasGradebook(published=False)
    square = Square(gradebook)
    told = square.sends(replaces("0.5"), R)
    assert (told.state, gradebook.attempts) == (DeliveryState.REFUSED, 0)
    assert (square.cell.submission, square.cell.first_submitted_at) == (SubmissionState.NONE, None)
    gradebook.published = True
    square.sends(replaces("0.7"), later(3600))
    assert (gradebook.attempts, gradebook.submitted_at) == (1, later(3600))


def test_older_canvas_keeps_the_submission_of_a_score_that_it_refused_as_unpublished() -> None:
    gradebook = CanvasGradebook(older=True, published=False)
    square = Square(gradebook)
    told = square.sends(replaces("0.5"), R)
    assert (told.state, gradebook.attempts, gradebook.score) == (DeliveryState.REFUSED, 1, None)
    gradebook.published = True
    square.sends(replaces("0.7"), later(3600))
    assert (gradebook.attempts, gradebook.submitted_at, gradebook.score) == (1, R, Decimal(7))


def test_work_that_older_canvas_kept_from_a_refused_post_is_not_wiped_by_the_next_score() -> None:
    gradebook = CanvasGradebook(older=True, published=False)
    square = Square(gradebook)
    square.sends(replaces("0.5", ESSAY), R)
    assert gradebook.work == ESSAY.value
    gradebook.published = True
    square.sends(replaces("0.7"), later(3600))
    assert (gradebook.work, gradebook.attempts, gradebook.score) == (ESSAY.value, 1, Decimal(7))


def test_work_from_before_the_move_is_found_and_not_wiped(gradebook: CanvasGradebook) -> None:
    gradebook.submits_text("written last term", R - timedelta(days=90))
    gradebook.teacher_grades("6")
    gradebook.adopts()
    Square(gradebook, UNKNOWN).sends(replaces("0.9"), R)
    assert (gradebook.work, gradebook.attempts, gradebook.score) == ("written last term", 1, Decimal(9))


def test_a_grade_without_work_from_before_the_move_gets_its_submission(gradebook: CanvasGradebook) -> None:
    gradebook.teacher_grades("6")
    gradebook.adopts()
    Square(gradebook, UNKNOWN).sends(replaces("0.9"), R)
    assert (gradebook.submission_type, gradebook.attempts, gradebook.score) == ("external_tool", 1, Decimal(9))


def test_a_delete_makes_no_attempt(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook, UNKNOWN)
    square.sends(DeleteResult(), R)
    assert (gradebook.attempts, square.cell.submission) == (0, SubmissionState.NONE)


def test_a_delete_leaves_work_and_attempts(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5", ESSAY), R)
    square.sends(DeleteResult(), later(100))
    assert (gradebook.score, gradebook.work, gradebook.attempts) == (None, ESSAY.value, 1)
    assert gradebook.needs_review is False


def test_a_score_after_a_delete_makes_no_attempt(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5"), R)
    square.sends(DeleteResult(), later(100))
    square.sends(replaces("0.9"), later(200))
    assert (gradebook.attempts, gradebook.score) == (1, Decimal(9))


@pytest.mark.parametrize(
    ("result", "state"),
    [
        pytest.param(None, SubmissionState.NONE, id="no row"),
        pytest.param(row("0.5", submitted_at="2025-11-02T10:00:00Z"), SubmissionState.EXISTS, id="copied, typed"),
        pytest.param(row("0.5"), SubmissionState.NONE, id="copied or graded by a person, nothing handed in"),
        pytest.param(row(None, submission_type="online_url"), SubmissionState.EXISTS, id="made by a 1.3 tool"),
        pytest.param(row("0.5", submission_type="none"), SubmissionState.NONE, id="a 1.3 tool that made none"),
    ],
)
def test_what_a_result_tells_of_the_submission(result: Result | None, state: SubmissionState) -> None:
    assert submission_state(UNKNOWN, result) is state


@pytest.mark.parametrize("state", [SubmissionState.NONE, SubmissionState.SENT, SubmissionState.EXISTS])
def test_what_is_known_of_the_submission_is_not_overruled_by_a_result(state: SubmissionState) -> None:
    assert submission_state(a_cell(state), row("0.5", submission_type="online_url")) is state


def test_nothing_read_leaves_the_submission_unknown() -> None:
    assert submission_state(UNKNOWN, UNREAD) is SubmissionState.UNKNOWN


def test_older_canvas_is_told_explicitly_too() -> None:
    step = posted(next_step(order(replaces("0.5")), a_cell(SubmissionState.EXISTS), CANVAS_OLDER, facts()))
    assert extension(step.score).new_submission is False
