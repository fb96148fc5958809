"""The cases that AGS cannot do as LTI 1.1 did, one by one (Canvas AGS, section 10, "No exact equivalent")."""

from decimal import Decimal

import pytest

from chalicelib.delivery.records import DeliveryState, SubmissionState
from chalicelib.errors import PlatformRefused
from chalicelib.lti11.messages import DeleteResult, Write
from chalicelib.lti13.profiles import CANVAS, classify
from chalicelib.lti13.score_json import write_score
from chalicelib.translation import answers
from chalicelib.translation.plan import next_step

from .builders import (
    EARLIER,
    ESSAY,
    EVERY_KIND_OF_WORK,
    R,
    a_cell,
    facts,
    later,
    order,
    points,
    posted,
    replaces,
    row,
)
from .canvas_gradebook import CanvasGradebook
from .square import Square


def test_a_person_who_entered_the_tools_own_score_is_not_noticed() -> None:
    gradebook = CanvasGradebook()
    square = Square(gradebook)
    square.sends(replaces("0.5"), R)
    gradebook.teacher_grades("5")
    square.sends(replaces("0.7", prioritize=True), later(100))
    assert gradebook.score == Decimal(7)


def test_points_that_are_blank_take_a_score_of_zero() -> None:
    gradebook = CanvasGradebook(points=Decimal(0))
    told = Square(gradebook).sends(replaces("0.75"), R)
    assert (gradebook.score, told.answer.succeeded) == (Decimal(0), True)


def test_a_new_time_of_submission_alone_does_not_touch_work_that_is_there() -> None:
    gradebook = CanvasGradebook()
    square = Square(gradebook)
    square.sends(replaces("0.5", ESSAY), R)
    square.sends(replaces("0.9", submitted_at=EARLIER), later(100))
    assert (gradebook.work, gradebook.attempts, gradebook.submitted_at) == (ESSAY.value, 1, R)


def test_an_attempts_limit_does_not_stop_a_score() -> None:
    gradebook = CanvasGradebook(allowed_attempts=1)
    square = Square(gradebook)
    square.sends(replaces("0.5", ESSAY), R)
    square.sends(replaces("0.9", ESSAY), later(100))
    assert (gradebook.score, gradebook.attempts) == (Decimal(9), 1)


def test_an_unpublished_assignment_is_a_failure_in_canvass_words() -> None:
    told = Square(CanvasGradebook(published=False)).sends(replaces("0.5"), R)
    assert told.state is DeliveryState.REFUSED
    assert told.answer.error_code == "platform_refused"
    assert "This assignment is still unpublished" in told.answer.description


def test_a_concluded_course_is_not_available() -> None:
    words = "This course has concluded. AGS requests will no longer be accepted for this course."
    answer = answers.refused(PlatformRefused(classify(CANVAS, 422, words), 422, words))
    assert answer.error_code == "course_not_available"


def test_a_score_reads_right_after_work_without_a_score() -> None:
    square = Square(CanvasGradebook())
    square.sends(replaces("0.5"), R)
    square.sends(replaces(work=ESSAY), later(100))
    assert square.reads() == "0.5"


def test_points_possible_zero_reads_a_hundredth() -> None:
    gradebook = CanvasGradebook(points=Decimal(0))
    square = Square(gradebook)
    square.sends(replaces(points("7")), R)
    assert square.reads() == "0.07"


def test_a_file_that_cannot_be_fetched_does_not_hold_the_score_up() -> None:
    gradebook = CanvasGradebook(file_errors=99)
    Square(gradebook).sends(replaces("0.9", EVERY_KIND_OF_WORK[3]), R)
    assert gradebook.score == Decimal(9)


def test_an_unchanged_score_is_written_again() -> None:
    gradebook = CanvasGradebook()
    square = Square(gradebook)
    square.sends(replaces("0.5"), R)
    told = square.sends(replaces("0.5"), later(100))
    assert (len(gradebook.posts), gradebook.attempts, told.state) == (2, 1, DeliveryState.DELIVERED)


def test_new_work_with_an_unchanged_score_is_graded() -> None:
    gradebook = CanvasGradebook()
    square = Square(gradebook)
    square.sends(replaces("0.5", ESSAY), R)
    square.sends(replaces("0.5", ESSAY), later(100))
    assert (gradebook.score, gradebook.attempts, gradebook.needs_review) == (Decimal(5), 2, False)


def test_the_test_student_reads_what_was_posted() -> None:
    square = Square(CanvasGradebook(hidden=True))
    square.sends(replaces("0.5"), R)
    assert square.reads() == "0.5"


@pytest.mark.parametrize(
    "write",
    [replaces("0.5"), replaces("0.5", ESSAY), replaces(work=ESSAY), DeleteResult()],
    ids=["T1", "T4", "T9", "T12"],
)
def test_no_comment_is_ever_sent(write: Write) -> None:
    step = next_step(order(write), a_cell(SubmissionState.NONE), CANVAS, facts(row("0.5"), "10"))
    assert b"comment" not in write_score(posted(step).score)


def test_a_very_small_fraction_is_stored_as_it_is() -> None:
    gradebook = CanvasGradebook()
    Square(gradebook).sends(replaces("0.0000001"), R)
    assert gradebook.score == Decimal("0.000001")


def test_a_deleted_grade_of_a_person_is_gone_too() -> None:
    gradebook = CanvasGradebook()
    square = Square(gradebook)
    square.sends(replaces("0.5"), R)
    gradebook.teacher_grades("8")
    square.sends(DeleteResult(), later(100))
    assert (gradebook.score, gradebook.attempts) == (None, 1)


def test_an_ungraded_submission_that_results_cannot_show_gets_one_more_attempt() -> None:
    gradebook = CanvasGradebook()
    gradebook.submits_text("handed in, never graded", later(-9000))
    Square(gradebook, a_cell(SubmissionState.UNKNOWN)).sends(replaces("0.5"), R)
    assert gradebook.attempts == 2
