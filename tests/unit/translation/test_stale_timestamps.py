"""The platform has a newer time than R: who overwrites whom (Canvas AGS, section 10, "timestamp = R")."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from chalicelib.delivery.records import DeliveryState, SubmissionState
from chalicelib.errors import PlatformRefused
from chalicelib.lti11.messages import DeleteResult, ResultData
from chalicelib.lti13.profiles import CANVAS, MOODLE, Profile, RefusalKind
from chalicelib.translation.plan import next_step
from chalicelib.translation.refusals import after_refusal
from chalicelib.translation.steps import Conclude, Order

from .builders import ESSAY, FILE, R, a_cell, facts, later, order, posted, replaces
from .canvas_gradebook import CanvasGradebook
from .moodle_gradebook import MoodleGradebook
from .square import Lost, Square

STALE = PlatformRefused(RefusalKind.STALE_TIMESTAMP, 400, "before last updated timestamp")
SCORE = replaces("0.7")


def following(stale: Order, now_after_r: float, profile: Profile = CANVAS) -> Order | Conclude:
    post = posted(next_step(stale, a_cell(SubmissionState.EXISTS), profile, facts(None)))
    return after_refusal(stale, post, STALE, profile, later(now_after_r))


@pytest.mark.parametrize("seconds", [0.2, 60])
def test_a_fresh_outcome_is_sent_once_more_with_the_present_time(seconds: float) -> None:
    again = following(order(SCORE), seconds)
    assert isinstance(again, Order)
    assert again.timestamp == later(seconds)
    assert again.received_at == R


def test_only_once() -> None:
    again = following(order(SCORE), 1)
    assert isinstance(again, Order)
    end = following(again, 2)
    assert isinstance(end, Conclude)
    assert (end.state, end.confirms) == (DeliveryState.HELD, None)


def test_after_60_seconds_somebody_graded_after_r() -> None:
    end = following(order(SCORE), 60.001)
    assert isinstance(end, Conclude)
    assert (end.state, end.answer.succeeded) == (DeliveryState.HELD, True)
    assert end.answer.description == "superseded: somebody graded meanwhile, and that grade stays"


def test_on_a_retry_the_newer_grade_stays() -> None:
    post = posted(next_step(order(SCORE), a_cell(SubmissionState.EXISTS), CANVAS, facts()))
    end = after_refusal(order(SCORE, retry=True), post, STALE, CANVAS, later(1))
    assert isinstance(end, Conclude)
    assert (end.state, end.answer.succeeded) == (DeliveryState.HELD, True)


def test_moodle_gets_a_tick_of_its_own() -> None:
    again = following(order(SCORE), 0.3, MOODLE)
    assert isinstance(again, Order)
    assert again.timestamp == R.replace(microsecond=0) + timedelta(seconds=1)


def test_a_clock_that_runs_behind_never_dates_before_r() -> None:
    again = following(order(SCORE), -5)
    assert isinstance(again, Order)
    assert again.timestamp > R


def test_the_submission_keeps_its_time() -> None:
    again = following(order(replaces("0.7", ESSAY)), 5)
    assert isinstance(again, Order)
    step = posted(next_step(again, a_cell(SubmissionState.EXISTS), CANVAS, facts()))
    assert (step.score.submitted_at, step.score.timestamp) == (R, later(5))


def test_a_tool_overwrites_a_grade_that_a_teacher_gave_a_moment_ago() -> None:
    gradebook = CanvasGradebook()
    gradebook.teacher_grades("8", later(0.1))
    told = Square(gradebook).sends(SCORE, R)
    assert (gradebook.score, told.state) == (Decimal(7), DeliveryState.DELIVERED)


def test_a_tools_delete_clears_a_grade_that_a_teacher_gave_a_moment_ago() -> None:
    gradebook = CanvasGradebook()
    gradebook.teacher_grades("8", later(0.1))
    Square(gradebook).sends(DeleteResult(), R)
    assert gradebook.score is None


def test_the_overwriting_score_is_the_newest_of_its_cell() -> None:
    gradebook = CanvasGradebook()
    gradebook.teacher_grades("8", later(0.1))
    square = Square(gradebook)
    square.sends(SCORE, R)
    square.sends(replaces("0.9"), later(0.2))
    assert gradebook.score == Decimal(9)


def test_a_teachers_grade_is_not_overwritten_by_a_score_that_comes_late() -> None:
    gradebook = CanvasGradebook()
    square = Square(gradebook)
    told = square.sends(SCORE, R, Lost.REQUEST)
    gradebook.teacher_grades("8", later(600))
    told = square.retries(told, later(1200))
    assert (gradebook.score, told.state) == (Decimal(8), DeliveryState.HELD)


def test_moodle_keeps_a_teachers_grade_too() -> None:
    gradebook = MoodleGradebook()
    square = Square(gradebook)
    told = square.sends(SCORE, R, Lost.REQUEST)
    gradebook.teacher_grades("80", later(600))
    told = square.retries(told, later(1200))
    assert (gradebook.score, told.state) == (Decimal(80), DeliveryState.HELD)


@pytest.mark.parametrize("work", [ESSAY, FILE], ids=["text", "file"])
def test_late_work_reaches_a_student_whom_a_teacher_graded_meanwhile(work: ResultData) -> None:
    gradebook = CanvasGradebook()
    square = Square(gradebook)
    told = square.sends(replaces(work=work), R, Lost.REQUEST)
    gradebook.teacher_grades("8", later(600))
    told = square.retries(told, later(1200))
    assert (gradebook.score, told.answer.succeeded) == (Decimal(8), True)
    assert (gradebook.work, gradebook.attempts) == (work.value, 1)
    assert gradebook.submitted_at == R


def test_late_work_with_a_score_reaches_a_student_whom_a_teacher_graded_meanwhile() -> None:
    gradebook = CanvasGradebook()
    square = Square(gradebook, a_cell(SubmissionState.UNKNOWN))
    told = square.sends(replaces("0.7", ESSAY), R, Lost.REQUEST)
    gradebook.teacher_grades("8", later(600))
    told = square.retries(told, later(1200))
    assert (gradebook.score, gradebook.work, gradebook.attempts) == (Decimal(8), ESSAY.value, 1)
    assert (told.state, told.answer.succeeded) == (DeliveryState.HELD, True)


def test_work_is_dated_again_only_once() -> None:
    stale = order(replaces(work=ESSAY), retry=True)
    again = following(stale, 1200)
    assert isinstance(again, Order)
    assert again.timestamp == later(1200)
    assert isinstance(following(again, 1201), Conclude)


def test_a_stale_answer_to_a_moved_order_counts_no_file_try() -> None:
    stale = order(replaces("0.7", FILE))
    again = following(replace(stale, concessions=replace(stale.concessions, file_tries=3)), 1)
    assert isinstance(again, Order)
    assert (again.concessions.file_tries, again.concessions.moved_timestamp) == (3, True)
