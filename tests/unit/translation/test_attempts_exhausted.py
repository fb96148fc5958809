"""No attempts are left: LTI 1.1 grades all the same, so the score goes alone (Canvas AGS, sections 3.7 and 10)."""

from decimal import Decimal

import pytest

from chalicelib.delivery.records import DeliveryState, SubmissionState
from chalicelib.errors import PlatformRefused
from chalicelib.lti11.messages import CodeMajor, DataKind, ResultData
from chalicelib.lti13.profiles import CANVAS, RefusalKind
from chalicelib.translation.plan import next_step
from chalicelib.translation.refusals import after_refusal
from chalicelib.translation.steps import Conclude

from .builders import ESSAY, R, a_cell, extension, facts, later, order, posted, replaces
from .canvas_gradebook import CanvasGradebook
from .square import Lost, Square

NONE_LEFT = PlatformRefused(
    RefusalKind.NO_ATTEMPTS_LEFT, 422, "The maximum number of allowed attempts has been reached for this submission"
)


@pytest.fixture(params=[False, True], ids=["canvas", "older canvas"])
def gradebook(request: pytest.FixtureRequest) -> CanvasGradebook:
    return CanvasGradebook(older=request.param, allowed_attempts=1)


def test_the_score_lands_and_the_earlier_work_stays(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5", ESSAY), R)
    second = replaces("0.9", work=ResultData(DataKind.TEXT, "a second essay"))
    told = square.sends(second, later(100))
    assert (gradebook.score, gradebook.work, gradebook.attempts) == (Decimal(9), ESSAY.value, 1)
    assert told.state is DeliveryState.DELIVERED
    assert "the work was not stored" in told.answer.description


def test_a_first_score_for_work_that_results_did_not_show_lands(gradebook: CanvasGradebook) -> None:
    gradebook.submits_text("handed in without a grade", later(-9000))
    square = Square(gradebook, a_cell(SubmissionState.UNKNOWN))
    told = square.sends(replaces("0.9"), R)
    assert (gradebook.score, gradebook.work, gradebook.attempts) == (Decimal(9), "handed in without a grade", 1)
    assert told.answer.succeeded


def test_from_then_on_the_work_is_known_of(gradebook: CanvasGradebook) -> None:
    gradebook.submits_text("handed in without a grade", later(-9000))
    square = Square(gradebook, a_cell(SubmissionState.UNKNOWN))
    square.sends(replaces("0.9"), R)
    gradebook.allowed_attempts = None
    square.sends(replaces("1"), later(100))
    assert (gradebook.score, gradebook.work, gradebook.attempts) == (Decimal(10), "handed in without a grade", 1)


def test_work_alone_is_a_failure_and_changes_nothing(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5", ESSAY), R)
    told = square.sends(replaces(work=ESSAY), later(100))
    assert (told.state, told.answer.code) == (DeliveryState.REFUSED, CodeMajor.FAILURE)
    assert "maximum number of allowed attempts" in told.answer.description
    assert (gradebook.score, gradebook.attempts) == (Decimal(5), 1)


def test_a_repeat_of_the_first_submission_is_not_stopped_by_the_limit() -> None:
    gradebook = CanvasGradebook(allowed_attempts=1)
    square = Square(gradebook)
    told = square.sends(replaces("0.5", ESSAY), R)
    square.retries(told, later(3))
    assert (gradebook.work, gradebook.attempts, gradebook.score) == (ESSAY.value, 1, Decimal(5))


def test_the_score_goes_without_a_submission_or_its_time() -> None:
    first = order(replaces("0.9", ESSAY))
    post = posted(next_step(first, a_cell(SubmissionState.EXISTS), CANVAS, facts()))
    second = after_refusal(first, post, NONE_LEFT, CANVAS, later(1))
    assert not isinstance(second, Conclude)
    step = posted(next_step(second, a_cell(SubmissionState.EXISTS), CANVAS, facts()))
    sent = extension(step.score)
    assert (sent.new_submission, sent.submission_type, sent.submission_data) == (False, None, None)
    assert (step.score.submitted_at, step.submitted_at) == (None, None)


def test_a_platform_that_says_so_without_a_submission_is_believed() -> None:
    only = order(replaces("0.9"))
    post = posted(next_step(only, a_cell(SubmissionState.EXISTS), CANVAS, facts()))
    following = after_refusal(only, post, NONE_LEFT, CANVAS, later(1))
    assert isinstance(following, Conclude)
    assert following.state is DeliveryState.REFUSED


def test_a_score_whose_answer_was_lost_is_known_again(gradebook: CanvasGradebook) -> None:
    gradebook.submits_text("handed in without a grade", later(-9000))
    square = Square(gradebook, a_cell(SubmissionState.UNKNOWN))
    told = square.retries(square.sends(replaces("0.9"), R, Lost.ANSWER), later(100))
    assert (gradebook.score, gradebook.work, gradebook.attempts) == (Decimal(9), "handed in without a grade", 1)
    assert told.state is DeliveryState.DELIVERED
