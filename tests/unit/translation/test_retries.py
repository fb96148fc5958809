"""A try whose end nobody knows: look first, then say done, post again, or leave a person's grade alone."""

from decimal import Decimal

import pytest

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.records import Cell, DeliveryState, SubmissionState
from chalicelib.lti11.messages import DeleteResult, ReplaceResult, Write
from chalicelib.lti13.profiles import CANVAS, CANVAS_OLDER, GENERIC, MOODLE, Profile
from chalicelib.lti13.scores import Result
from chalicelib.translation.plan import next_step, shows_anothers_grade
from chalicelib.translation.steps import Conclude, PostScore, ReadLineItem, ReadResults

from .builders import ESSAY, R, a_cell, extension, facts, known, later, order, points, posted, replaces, row
from .canvas_gradebook import CanvasGradebook
from .moodle_gradebook import MoodleGradebook
from .square import Lost, Square

SCORE = replaces("0.7")
WITH_WORK = replaces("0.7", ESSAY)
KNOWS = a_cell(SubmissionState.EXISTS, last_posted=known("0.5"), last_known=known("0.5"))
KNOWS_NO_SCORE = a_cell(SubmissionState.NONE, last_known=known(None))
KNOWS_NOTHING = a_cell(SubmissionState.EXISTS)
SUBMISSIONS = [{"submission_type": "external_tool"}, {"submitted_at": "2026-02-03T10:15:30Z"}]
UNCONFIRMED = pytest.mark.parametrize(
    "state", [state for state in SubmissionState if state is not SubmissionState.EXISTS]
)
TAKES_WORK = pytest.mark.parametrize("profile", [CANVAS, CANVAS_OLDER], ids=lambda profile: str(profile.name))
PROFILES = pytest.mark.parametrize(
    "profile", [CANVAS, CANVAS_OLDER, MOODLE, GENERIC], ids=lambda profile: str(profile.name)
)


@pytest.fixture(params=[False, True], ids=["canvas", "older canvas"])
def gradebook(request: pytest.FixtureRequest) -> CanvasGradebook:
    return CanvasGradebook(older=request.param)


@PROFILES
@pytest.mark.parametrize("write", [SCORE, WITH_WORK, DeleteResult()])
def test_results_are_read_before_anything_is_posted_again(profile: Profile, write: Write) -> None:
    assert next_step(order(write, retry=True), KNOWS, profile, facts()) == ReadResults()


def test_points_are_compared_out_of_the_present_maximum() -> None:
    again = order(replaces(points("28")), retry=True)
    assert next_step(again, KNOWS, CANVAS, facts(row("0.7"))) == ReadLineItem()
    step = next_step(again, KNOWS, CANVAS, facts(row("28", "40"), "40"))
    assert isinstance(step, Conclude)
    assert step.confirms == known("28", "40")


@PROFILES
@pytest.mark.parametrize("cell", [KNOWS, KNOWS_NO_SCORE, KNOWS_NOTHING], ids=["a score", "no score", "nothing"])
@pytest.mark.parametrize("scaled", [("0.7", "1"), ("14", "20"), ("0.7000004", "1")], ids=["equal", "scaled", "rounded"])
@pytest.mark.parametrize("shows", SUBMISSIONS, ids=str)
def test_our_score_in_the_results_means_done(
    profile: Profile, cell: Cell, scaled: tuple[str, str], shows: dict[str, str]
) -> None:
    step = next_step(order(SCORE, retry=True), cell, profile, facts(row(*scaled, **shows)))
    assert isinstance(step, Conclude)
    assert (step.state, step.confirms) == (DeliveryState.DELIVERED, known("0.7"))
    assert (step.answer.succeeded, step.answer.description) == (True, "")


@pytest.mark.parametrize("profile", [MOODLE, GENERIC], ids=lambda profile: str(profile.name))
@UNCONFIRMED
def test_our_score_means_done_where_scores_make_no_submission(profile: Profile, state: SubmissionState) -> None:
    step = next_step(order(SCORE, retry=True), a_cell(state, last_known=known(None)), profile, facts(row("0.7")))
    assert isinstance(step, Conclude)
    assert step.state is DeliveryState.DELIVERED


@TAKES_WORK
@UNCONFIRMED
@pytest.mark.parametrize("shows", [{}, {"submission_type": "none"}], ids=str)
def test_an_equal_score_without_the_submission_that_comes_with_ours_is_a_persons(
    profile: Profile, state: SubmissionState, shows: dict[str, str]
) -> None:
    cell = a_cell(state, last_known=known(None))
    step = next_step(order(SCORE, retry=True), cell, profile, facts(row("14", "20", **shows)))
    assert isinstance(step, Conclude)
    assert (step.state, step.confirms, step.answer.succeeded) == (DeliveryState.HELD, None, True)
    assert "somebody graded meanwhile" in step.answer.description


@TAKES_WORK
def test_work_beside_an_equal_score_of_a_person_is_posted_with_it(profile: Profile) -> None:
    cell = a_cell(SubmissionState.SENT, last_known=known(None), first_submitted_at=to_milliseconds(R))
    step = posted(next_step(order(WITH_WORK, retry=True), cell, profile, facts(row("0.7"))))
    assert (step.posts, step.submitted_at, step.ends) == (known("0.7"), R, DeliveryState.DELIVERED)


@TAKES_WORK
@UNCONFIRMED
def test_a_cleared_grade_is_a_deletes_with_and_without_a_submission(profile: Profile, state: SubmissionState) -> None:
    cell = a_cell(state, last_posted=known("0.5"), last_known=known("0.5"))
    step = next_step(order(DeleteResult(), retry=True), cell, profile, facts(row(None)))
    assert isinstance(step, Conclude)
    assert (step.state, step.confirms) == (DeliveryState.DELIVERED, known(None))


@pytest.mark.parametrize("lost", Lost)
def test_a_persons_equal_grade_is_not_taken_for_our_submission(gradebook: CanvasGradebook, lost: Lost) -> None:
    """Full marks are given by tools and by people. Once something of ours went out, nobody can tell them apart."""
    square = Square(gradebook)
    told = square.sends(SCORE, R, lost)
    came = gradebook.attempts
    gradebook.teacher_grades("7")
    told = square.retries(told, later(90))
    assert (gradebook.score, gradebook.attempts) == (Decimal(7), came)
    assert told.state is DeliveryState.DELIVERED
    square.sends(replaces("0.9"), later(200))
    assert (gradebook.score, gradebook.attempts) == (Decimal(9), 1)


@PROFILES
def test_a_cleared_grade_in_the_results_means_that_a_delete_is_done(profile: Profile) -> None:
    cell = a_cell(SubmissionState.EXISTS, last_posted=known("0.5"), last_known=known("0.5"))
    step = next_step(order(DeleteResult(), retry=True), cell, profile, facts(row(None)))
    assert isinstance(step, Conclude)
    assert (step.state, step.confirms) == (DeliveryState.DELIVERED, known(None))


@PROFILES
def test_what_the_cell_knew_still_standing_means_post_with_the_same_times(profile: Profile) -> None:
    step = posted(next_step(order(SCORE, retry=True), KNOWS, profile, facts(row("0.5"))))
    assert (step.score.timestamp, step.posts and step.posts.score) == (R, step.score.score_given)


@PROFILES
@pytest.mark.parametrize("write", [SCORE, DeleteResult()], ids=["score", "delete"])
def test_another_score_means_that_a_person_graded(profile: Profile, write: ReplaceResult | DeleteResult) -> None:
    step = next_step(order(write, retry=True), KNOWS, profile, facts(row("0.8")))
    assert isinstance(step, Conclude)
    assert (step.state, step.confirms, step.answer.succeeded) == (DeliveryState.HELD, None, True)
    assert "somebody graded meanwhile" in step.answer.description


@PROFILES
def test_a_score_where_the_cell_knew_none_is_a_persons(profile: Profile) -> None:
    step = next_step(order(SCORE, retry=True), KNOWS_NO_SCORE, profile, facts(row("0.8")))
    assert isinstance(step, Conclude)
    assert step.state is DeliveryState.HELD


@PROFILES
def test_a_cell_that_knows_nothing_leaves_it_to_the_platforms_rule(profile: Profile) -> None:
    step = posted(next_step(order(SCORE, retry=True), KNOWS_NOTHING, profile, facts(row("0.8"))))
    assert step.score.timestamp == R


@pytest.mark.parametrize("lost", Lost)
def test_a_score_arrives_once_whatever_became_of_the_first_try(gradebook: CanvasGradebook, lost: Lost) -> None:
    square = Square(gradebook)
    told = square.retries(square.sends(SCORE, R, lost), later(90))
    assert (gradebook.score, gradebook.attempts, gradebook.submitted_at) == (Decimal(7), 1, R)
    assert told.state is DeliveryState.DELIVERED
    assert square.cell.last_posted == known("0.7")


def test_a_score_that_was_applied_is_not_posted_again(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    square.retries(square.sends(SCORE, R, Lost.ANSWER), later(90))
    assert len(gradebook.posts) == 1
    assert square.cell.submission is SubmissionState.EXISTS


@pytest.mark.parametrize("lost", Lost)
def test_work_arrives_with_one_attempt_whatever_became_of_the_first_try(gradebook: CanvasGradebook, lost: Lost) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5"), later(-100))
    told = square.retries(square.sends(WITH_WORK, R, lost), later(90))
    assert (gradebook.score, gradebook.work, gradebook.attempts) == (Decimal(7), ESSAY.value, 2)
    assert gradebook.submitted_at == R
    assert told.state is DeliveryState.DELIVERED


@pytest.mark.parametrize("lost", Lost)
def test_work_alone_arrives_with_one_attempt_whatever_became_of_the_first_try(
    gradebook: CanvasGradebook, lost: Lost
) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5"), later(-100))
    square.retries(square.sends(replaces(work=ESSAY), R, lost), later(90))
    assert (gradebook.score, gradebook.work, gradebook.attempts) == (Decimal(5), ESSAY.value, 2)


@pytest.mark.parametrize("lost", Lost)
def test_a_delete_arrives_whatever_became_of_the_first_try(gradebook: CanvasGradebook, lost: Lost) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5"), later(-100))
    told = square.retries(square.sends(DeleteResult(), R, lost), later(90))
    assert (gradebook.score, told.state) == (None, DeliveryState.DELIVERED)


@pytest.mark.parametrize("lost", Lost)
def test_a_persons_grade_given_before_the_retry_stays(gradebook: CanvasGradebook, lost: Lost) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5"), later(-100))
    told = square.sends(SCORE, R, lost)
    gradebook.teacher_grades("8")
    told = square.retries(told, later(90))
    assert (gradebook.score, told.state) == (Decimal(8), DeliveryState.HELD)


@pytest.mark.parametrize("lost", Lost)
def test_a_persons_grade_stays_while_the_work_goes(gradebook: CanvasGradebook, lost: Lost) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5"), later(-100))
    told = square.sends(WITH_WORK, R, lost)
    gradebook.teacher_grades("8")
    told = square.retries(told, later(90))
    assert (gradebook.score, gradebook.work, gradebook.attempts) == (Decimal(8), ESSAY.value, 2)
    assert (told.state, told.answer.succeeded) == (DeliveryState.HELD, True)
    assert "somebody graded meanwhile" in told.answer.description


@pytest.mark.parametrize("lost", Lost)
def test_a_persons_grade_is_not_deleted_by_a_retry(gradebook: CanvasGradebook, lost: Lost) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5"), later(-100))
    told = square.sends(DeleteResult(), R, lost)
    gradebook.teacher_grades("8")
    told = square.retries(told, later(90))
    assert (gradebook.score, told.state) == (Decimal(8), DeliveryState.HELD)


def test_work_over_a_persons_grade_goes_with_preserve_score_and_the_echo() -> None:
    step = posted(next_step(order(WITH_WORK, retry=True), KNOWS, CANVAS, facts(row("0.8"), "10")))
    assert extension(step.score).preserve_score is True
    assert (step.score.score_given, step.score.score_maximum) == (Decimal(8), Decimal(10))
    assert (step.ends, step.posts) == (DeliveryState.HELD, None)


def test_work_over_a_persons_grade_asks_for_the_line_item_first() -> None:
    assert next_step(order(WITH_WORK, retry=True), KNOWS, CANVAS, facts(row("0.8"))) == ReadLineItem()


def test_work_that_may_be_there_is_posted_again_with_the_same_times() -> None:
    step = posted(next_step(order(WITH_WORK, retry=True), KNOWS, CANVAS, facts(row("0.7"))))
    assert (step.score.timestamp, step.score.submitted_at, step.ends) == (R, R, DeliveryState.DELIVERED)


@pytest.mark.parametrize("lost", Lost)
def test_a_score_arrives_at_a_student_whom_results_hide(lost: Lost) -> None:
    gradebook = CanvasGradebook(hidden=True)
    square = Square(gradebook)
    square.sends(replaces("0.5"), later(-100))
    told = square.retries(square.sends(SCORE, R, lost), later(90))
    assert (gradebook.score, told.state) == (Decimal(7), DeliveryState.DELIVERED)


@pytest.mark.parametrize("lost", Lost)
def test_a_delete_arrives_at_a_student_whom_results_hide(lost: Lost) -> None:
    gradebook = CanvasGradebook(hidden=True)
    square = Square(gradebook)
    square.sends(replaces("0.5"), later(-100))
    told = square.retries(square.sends(DeleteResult(), R, lost), later(90))
    assert (gradebook.score, told.state) == (None, DeliveryState.DELIVERED)


def test_a_delete_clears_a_grade_from_before_the_move_that_has_no_result() -> None:
    gradebook = CanvasGradebook(score=Decimal(6), graded_by="tool")
    square = Square(gradebook, a_cell(SubmissionState.UNKNOWN))
    square.retries(square.sends(DeleteResult(), R, Lost.REQUEST), later(90))
    assert gradebook.score is None


@pytest.mark.parametrize("lost", Lost)
def test_moodles_zero_is_posted_again_and_stays_a_zero(lost: Lost) -> None:
    gradebook = MoodleGradebook()
    square = Square(gradebook)
    square.sends(replaces("0.5"), later(-100))
    told = square.retries(square.sends(replaces("0"), R, lost), later(90))
    assert (gradebook.score, told.answer.succeeded) == (Decimal(0), True)


@pytest.mark.parametrize("cell", [KNOWS, KNOWS_NO_SCORE, KNOWS_NOTHING], ids=["a score", "no score", "nothing"])
def test_a_row_without_a_score_is_no_answer_to_whether_moodle_has_our_zero(cell: Cell) -> None:
    step = posted(next_step(order(replaces("0"), retry=True), cell, MOODLE, facts(row(None, "100"))))
    assert (step.score.score_given, step.score.timestamp) == (Decimal(0), R)


@pytest.mark.parametrize("lost", Lost)
def test_a_delete_clears_moodles_zero_whatever_became_of_the_first_try(lost: Lost) -> None:
    gradebook = MoodleGradebook()
    square = Square(gradebook)
    square.sends(replaces("0"), later(-100))
    told = square.retries(square.sends(DeleteResult(), R, lost), later(90))
    assert (gradebook.score, told.answer.succeeded) == (None, True)


@pytest.mark.parametrize("lost", Lost)
def test_moodles_score_over_a_zero_arrives_whatever_became_of_the_first_try(lost: Lost) -> None:
    gradebook = MoodleGradebook()
    square = Square(gradebook)
    square.sends(replaces("0"), later(-100))
    told = square.retries(square.sends(SCORE, R, lost), later(90))
    assert (gradebook.score, told.state) == (Decimal(70), DeliveryState.DELIVERED)


def test_a_prioritized_score_on_a_retry_leaves_a_persons_grade() -> None:
    gradebook = CanvasGradebook()
    square = Square(gradebook)
    told = square.sends(replaces("0.7", prioritize=True), R, Lost.REQUEST)
    gradebook.teacher_grades("8")
    square.retries(told, later(90))
    assert gradebook.score == Decimal(8)


def test_work_is_no_reason_to_post_again_where_none_is_taken() -> None:
    step = next_step(order(WITH_WORK, retry=True), KNOWS, MOODLE, facts(row("70", "100")))
    assert isinstance(step, Conclude)
    assert step.state is DeliveryState.DELIVERED


def test_a_row_that_is_missing_where_none_is_hidden_means_that_a_person_cleared_the_grade() -> None:
    step = next_step(order(SCORE, retry=True), KNOWS, MOODLE, facts(None))
    assert isinstance(step, Conclude)
    assert step.state is DeliveryState.HELD
    assert isinstance(next_step(order(SCORE, retry=True), KNOWS, CANVAS, facts(None)), PostScore)


@pytest.mark.parametrize("lost", Lost)
def test_prioritized_work_that_was_retried_leaves_the_tool_able_to_raise_its_grade(
    gradebook: CanvasGradebook, lost: Lost
) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5", prioritize=True), later(-100))
    square.retries(square.sends(replaces("0.7", ESSAY, prioritize=True), R, lost), later(90))
    assert (gradebook.score, gradebook.work, gradebook.attempts) == (Decimal(7), ESSAY.value, 2)
    square.sends(replaces("0.9", prioritize=True), later(200))
    assert gradebook.score == Decimal(9)


def test_work_over_a_persons_grade_that_older_canvas_would_clear_is_a_failure() -> None:
    step = next_step(order(WITH_WORK, retry=True), KNOWS, CANVAS_OLDER, facts(row("8", "0"), "10"))
    assert isinstance(step, Conclude)
    assert (step.state, step.answer.succeeded) == (DeliveryState.REFUSED, False)


@PROFILES
@pytest.mark.parametrize("retry", [False, True], ids=["first try", "retry"])
@pytest.mark.parametrize(
    ("write", "found", "another"),
    [
        pytest.param(SCORE, row("0.5"), False, id="what the cell knew"),
        pytest.param(SCORE, row("0.7"), False, id="our own"),
        pytest.param(SCORE, row("0.8"), True, id="another"),
        pytest.param(replaces(work=ESSAY), row("0.5"), False, id="what the cell knew, work"),
        pytest.param(replaces(work=ESSAY), row("0.8"), True, id="another, work"),
        pytest.param(DeleteResult(), row(None), False, id="our own delete"),
        pytest.param(SCORE, row(None), True, id="cleared"),
    ],
)
def test_a_grade_that_is_neither_ours_nor_what_the_cell_knew_is_anothers(
    profile: Profile, retry: bool, write: Write, found: Result, another: bool
) -> None:
    assert shows_anothers_grade(order(write, retry=retry), KNOWS, profile, facts(found)) is another


@PROFILES
def test_what_was_not_read_or_never_known_shows_nobody(profile: Profile) -> None:
    assert shows_anothers_grade(order(SCORE, retry=True), KNOWS, profile, facts()) is False
    assert shows_anothers_grade(order(SCORE, retry=True), KNOWS_NOTHING, profile, facts(row("0.8"))) is False
