"""T7 and T10, needsAdditionalReview: marked where the grade survives it, named where it would not."""

from decimal import Decimal

import pytest

from chalicelib.delivery.records import DeliveryState, SubmissionState
from chalicelib.lti13.profiles import GENERIC, MOODLE, Profile
from chalicelib.lti13.scores import GradingProgress
from chalicelib.translation.plan import next_step

from .builders import ESSAY, R, a_cell, facts, later, order, posted, replaces
from .canvas_gradebook import CanvasGradebook
from .moodle_gradebook import MoodleGradebook
from .square import Square


@pytest.mark.parametrize("older", [False, True], ids=["canvas", "older canvas"])
def test_canvas_keeps_the_score_and_shows_that_a_teacher_must_act(older: bool) -> None:
    gradebook = CanvasGradebook(older=older)
    told = Square(gradebook).sends(replaces("0.9", review=True), R)
    assert (gradebook.score, gradebook.needs_review) == (Decimal(9), True)
    assert (told.state, told.warnings, told.answer.description) == (DeliveryState.DELIVERED, (), "")


def test_a_later_score_takes_the_mark_away() -> None:
    gradebook = CanvasGradebook()
    square = Square(gradebook)
    square.sends(replaces("0.9", review=True), R)
    square.sends(replaces("0.9"), later(100))
    assert (gradebook.score, gradebook.needs_review) == (Decimal(9), False)


def test_work_alone_is_marked_and_the_grade_stays() -> None:
    gradebook = CanvasGradebook()
    square = Square(gradebook)
    square.sends(replaces("0.5"), R)
    square.sends(replaces(work=ESSAY, review=True), later(100))
    assert (gradebook.score, gradebook.needs_review, gradebook.work) == (Decimal(5), True, ESSAY.value)


def test_work_alone_is_not_marked_without_being_asked() -> None:
    gradebook = CanvasGradebook()
    Square(gradebook).sends(replaces(work=ESSAY), R)
    assert gradebook.needs_review is False


def test_moodle_keeps_the_grade_and_the_delivery_says_what_is_missing() -> None:
    gradebook = MoodleGradebook()
    told = Square(gradebook).sends(replaces("0.9", review=True), R)
    assert gradebook.score == Decimal(90)
    assert told.answer.succeeded
    assert len(told.warnings) == 1
    assert "review" in told.warnings[0]


@pytest.mark.parametrize("profile", [MOODLE, GENERIC], ids=lambda profile: str(profile.name))
def test_a_platform_that_may_clear_it_is_told_that_it_is_fully_graded(profile: Profile) -> None:
    step = posted(next_step(order(replaces("0.9", review=True)), a_cell(SubmissionState.NONE), profile, facts()))
    assert step.score.grading_progress is GradingProgress.FULLY_GRADED
    assert step.warnings != ()
