"""T6, prioritizeNonToolGrade: a person's grade stays, the tool's own does not stand in its way."""

from decimal import Decimal

import pytest

from chalicelib.delivery.records import DeliveryState, SubmissionState
from chalicelib.lti11.messages import CodeMajor, DeleteResult
from chalicelib.lti13.profiles import CANVAS, CANVAS_OLDER, GENERIC, MOODLE, Profile
from chalicelib.translation.plan import next_step
from chalicelib.translation.steps import Conclude, ReadResults

from .builders import ESSAY, R, a_cell, extension, facts, known, later, order, points, posted, replaces, row
from .canvas_gradebook import CanvasGradebook
from .moodle_gradebook import MoodleGradebook
from .square import Square

NICELY = replaces("0.7", prioritize=True)
GRADED_BY_US = a_cell(SubmissionState.EXISTS, last_posted=known("0.5"), last_known=known("0.5"))
NEVER_POSTED = a_cell(SubmissionState.EXISTS)


@pytest.fixture(params=[False, True], ids=["canvas", "older canvas"])
def gradebook(request: pytest.FixtureRequest) -> CanvasGradebook:
    return CanvasGradebook(older=request.param)


@pytest.mark.parametrize("profile", [CANVAS, CANVAS_OLDER, MOODLE, GENERIC], ids=lambda profile: str(profile.name))
def test_the_grade_that_stands_is_read_first(profile: Profile) -> None:
    assert next_step(order(NICELY), NEVER_POSTED, profile, facts()) == ReadResults()


def test_a_tool_that_always_asks_can_raise_its_own_grade(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    for number, score in enumerate(["0.5", "0.7", "0.9"]):
        square.sends(replaces(score, prioritize=True), later(number * 100))
    assert gradebook.score == Decimal(9)


def test_a_tool_that_always_asks_can_post_after_a_delete(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    square.sends(NICELY, R)
    square.sends(DeleteResult(), later(100))
    square.sends(replaces("0.9", prioritize=True), later(200))
    assert gradebook.score == Decimal(9)


def test_a_persons_grade_stays(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5"), R)
    gradebook.teacher_grades("8")
    told = square.sends(NICELY, later(100))
    assert gradebook.score == Decimal(8)
    assert (told.answer.code, told.answer.error_code) == (CodeMajor.FAILURE, "no_submission_created")


def test_a_persons_grade_that_nobody_posted_before_stays(gradebook: CanvasGradebook) -> None:
    gradebook.teacher_grades("8")
    told = Square(gradebook).sends(NICELY, later(100))
    assert (gradebook.score, told.state) == (Decimal(8), DeliveryState.REFUSED)


def test_without_the_element_a_persons_grade_is_overwritten_as_in_1_1(gradebook: CanvasGradebook) -> None:
    gradebook.teacher_grades("8")
    Square(gradebook).sends(replaces("0.7"), later(100))
    assert gradebook.score == Decimal(7)


def test_a_persons_grade_stays_while_the_work_goes(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5"), R)
    gradebook.teacher_grades("8")
    told = square.sends(replaces("0.7", ESSAY, prioritize=True), later(100))
    assert (gradebook.score, gradebook.work, gradebook.attempts) == (Decimal(8), ESSAY.value, 2)
    assert (told.state, told.answer.succeeded) == (DeliveryState.DELIVERED, True)


def test_a_persons_grade_reads_the_same_after_work_went_past_it(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5"), R)
    gradebook.teacher_grades("8")
    square.sends(replaces("0.7", ESSAY, prioritize=True), later(100))
    assert square.reads() == "0.8"


def test_a_persons_grade_still_counts_as_theirs_after_work_went_past_it(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5"), R)
    gradebook.teacher_grades("8")
    square.sends(replaces("0.7", ESSAY, prioritize=True), later(100))
    square.sends(NICELY, later(200))
    assert gradebook.score == Decimal(8)
    assert square.cell.last_posted == known("0.5")


def test_a_person_who_cleared_the_grade_left_room_for_the_tools(gradebook: CanvasGradebook) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5"), R)
    gradebook.teacher_grades(None)
    square.sends(NICELY, later(100))
    assert gradebook.score == Decimal(7)


def test_a_grade_given_between_the_look_and_the_post_stays() -> None:
    gradebook = CanvasGradebook()
    square = Square(gradebook)
    gradebook.before_next_post = lambda: gradebook.teacher_grades("8", R)
    square.sends(NICELY, later(1))
    assert gradebook.score == Decimal(8)


def test_a_persons_zero_stays(gradebook: CanvasGradebook) -> None:
    gradebook.teacher_grades("0")
    Square(gradebook).sends(NICELY, later(100))
    assert gradebook.score == Decimal(0)


def test_our_own_zero_gives_way() -> None:
    square = Square(gradebook := MoodleGradebook())
    square.sends(replaces("0", prioritize=True), R)
    square.sends(NICELY, later(100))
    assert gradebook.score == Decimal(70)


def test_points_are_compared_as_a_share_of_their_own_maximum(gradebook: CanvasGradebook) -> None:
    gradebook.points = Decimal(40)
    square = Square(gradebook)
    square.sends(replaces(points("30"), prioritize=True), R)
    gradebook.points = Decimal(80)
    square.sends(replaces(points("60"), prioritize=True), later(100))
    square.sends(replaces("0.9", prioritize=True), later(200))
    assert gradebook.score == Decimal(72)


def test_no_result_is_posted_with_the_flag() -> None:
    step = posted(next_step(order(NICELY), NEVER_POSTED, CANVAS, facts(None)))
    assert extension(step.score).prioritize_non_tool_grade is True
    assert step.posts == known("0.7")


def test_a_result_without_a_score_is_posted_with_the_flag() -> None:
    step = posted(next_step(order(NICELY), GRADED_BY_US, CANVAS, facts(row(None))))
    assert extension(step.score).prioritize_non_tool_grade is True


@pytest.mark.parametrize(
    "read", [row("0.5"), row("5", "10"), row("0.500001"), row("0.499999")], ids=["equal", "scaled", "1e-6", "-1e-6"]
)
def test_our_own_score_is_posted_over_without_the_flag(read: object) -> None:
    assert read is not None
    step = posted(next_step(order(NICELY), GRADED_BY_US, CANVAS, facts(read)))  # type: ignore[arg-type]  # a Result
    assert extension(step.score).prioritize_non_tool_grade is None
    assert step.score.score_given == Decimal("0.7")


@pytest.mark.parametrize(
    ("cell", "read"),
    [
        pytest.param(GRADED_BY_US, row("0.5000011"), id="just different"),
        pytest.param(GRADED_BY_US, row("0"), id="zero"),
        pytest.param(NEVER_POSTED, row("0.5"), id="never posted"),
        pytest.param(a_cell(SubmissionState.EXISTS, last_posted=known(None)), row("0.5"), id="we deleted"),
    ],
)
@pytest.mark.parametrize("profile", [CANVAS, CANVAS_OLDER, MOODLE, GENERIC], ids=lambda profile: str(profile.name))
def test_a_different_score_is_a_persons(profile: Profile, cell: object, read: object) -> None:
    step = next_step(order(NICELY), cell, profile, facts(read))  # type: ignore[arg-type]  # a Cell and a Result
    assert isinstance(step, Conclude)
    assert (step.state, step.confirms) == (DeliveryState.REFUSED, None)
    assert step.answer.error_code == "no_submission_created"
    assert step.answer.description == "This outcome request failed to create a new homework submission."


@pytest.mark.parametrize("profile", [CANVAS_OLDER, MOODLE, GENERIC], ids=lambda profile: str(profile.name))
def test_a_platform_without_the_flag_is_not_sent_it(profile: Profile) -> None:
    step = posted(next_step(order(NICELY), NEVER_POSTED, profile, facts(None)))
    sent = step.score.extension
    assert sent is None or sent.prioritize_non_tool_grade is None


@pytest.mark.parametrize("profile", [MOODLE, GENERIC], ids=lambda profile: str(profile.name))
def test_where_no_work_is_taken_a_persons_grade_leaves_nothing_to_do(profile: Profile) -> None:
    step = next_step(order(replaces("0.7", ESSAY, prioritize=True)), NEVER_POSTED, profile, facts(row("0.5")))
    assert isinstance(step, Conclude)
    assert step.answer.error_code == "no_submission_created"
