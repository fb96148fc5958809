"""Files: the platform fetches them, five times at most; then the score goes without (Canvas AGS, section 3.8)."""

from decimal import Decimal

import pytest

from chalicelib.delivery.records import DeliveryState, SubmissionState
from chalicelib.errors import PlatformRefused
from chalicelib.lti11.messages import CodeMajor
from chalicelib.lti13.profiles import CANVAS, RefusalKind
from chalicelib.translation.plan import next_step
from chalicelib.translation.refusals import after_refusal
from chalicelib.translation.steps import Conclude, Order

from .builders import FILE, R, a_cell, facts, later, order, posted, replaces
from .canvas_gradebook import CanvasGradebook
from .square import Square

WITH_FILE = replaces("0.9", FILE)
TIMED_OUT = PlatformRefused(RefusalKind.FILE_ERROR, 504, "file url timed out")


@pytest.mark.parametrize("errors", [1, 4])
def test_a_file_that_comes_by_the_fifth_try_is_stored(errors: int) -> None:
    gradebook = CanvasGradebook(file_errors=errors)
    told = Square(gradebook).sends(WITH_FILE, R)
    assert (gradebook.score, gradebook.work, gradebook.attempts) == (Decimal(9), FILE.value, 1)
    assert (told.answer.description, told.warnings) == ("", ())
    assert len(gradebook.posts) == errors + 1


def test_after_five_tries_the_score_goes_without_the_file() -> None:
    gradebook = CanvasGradebook(file_errors=99)
    told = Square(gradebook).sends(WITH_FILE, R)
    assert (gradebook.score, gradebook.work, gradebook.attempts) == (Decimal(9), None, 1)
    assert told.state is DeliveryState.DELIVERED
    assert len(gradebook.posts) == 6


def test_the_lost_file_is_named_to_the_tool_and_on_the_delivery() -> None:
    told = Square(CanvasGradebook(file_errors=99)).sends(WITH_FILE, R)
    assert told.answer.succeeded
    assert "the file was not stored" in told.answer.description
    assert any("the file was not stored" in warning for warning in told.warnings)


def test_a_lost_file_does_not_wipe_earlier_work() -> None:
    gradebook = CanvasGradebook()
    square = Square(gradebook)
    square.sends(WITH_FILE, R)
    gradebook.file_errors = 99
    square.sends(replaces("0.95", FILE), later(100))
    assert (gradebook.work, gradebook.attempts, gradebook.score) == (FILE.value, 1, Decimal("9.5"))


def test_a_file_alone_that_never_comes_is_a_failure_and_the_grade_stays() -> None:
    gradebook = CanvasGradebook()
    square = Square(gradebook)
    square.sends(replaces("0.5"), R)
    gradebook.file_errors = 99
    told = square.sends(replaces(work=FILE), later(100))
    assert (told.state, told.answer.code) == (DeliveryState.REFUSED, CodeMajor.FAILURE)
    assert "failed to communicate with file service" in told.answer.description
    assert (gradebook.score, gradebook.attempts) == (Decimal(5), 1)


def test_each_try_is_counted() -> None:
    first = order(WITH_FILE)
    post = posted(next_step(first, a_cell(SubmissionState.NONE), CANVAS, facts()))
    second = after_refusal(first, post, TIMED_OUT, CANVAS, later(1))
    assert isinstance(second, Order)
    assert (second.concessions.file_tries, second.concessions.no_file) == (1, False)
    assert (second.timestamp, second.received_at) == (R, R)


def test_a_file_error_without_a_file_ends() -> None:
    following: Order | Conclude = order(WITH_FILE)
    for _ in range(7):
        if isinstance(following, Order):
            post = posted(next_step(following, a_cell(SubmissionState.NONE), CANVAS, facts()))
            following = after_refusal(following, post, TIMED_OUT, CANVAS, later(1))
    assert isinstance(following, Conclude)
    assert following.state is DeliveryState.REFUSED
