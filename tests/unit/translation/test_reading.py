"""T13, readResult: the fraction that LTI 1.1 gives (Canvas LTI 1.1 outcomes, section 5)."""

from decimal import MAX_EMAX, MIN_EMIN, Decimal

import pytest

from chalicelib.delivery.records import SubmissionState
from chalicelib.lti11.messages import Answer, CodeMajor, DeleteResult
from chalicelib.lti13.profiles import CANVAS, CANVAS_OLDER, GENERIC, MOODLE, Profile
from chalicelib.lti13.scores import Result
from chalicelib.translation.reading import float_text, read_answer

from .builders import ESSAY, R, a_cell, known, later, points, replaces, row
from .canvas_gradebook import CanvasGradebook
from .moodle_gradebook import MoodleGradebook
from .square import Square

NEW = a_cell()
LARGEST, SMALLEST = f"1e{MAX_EMAX}", f"1e{MIN_EMIN}"  # of what JSON can say and a Decimal can hold
PROFILES = pytest.mark.parametrize(
    "profile", [CANVAS, CANVAS_OLDER, MOODLE, GENERIC], ids=lambda profile: str(profile.name)
)


def read(result: Result | None, last_posted: str | None = None, profile: Profile = CANVAS) -> str | None:
    cell = a_cell(SubmissionState.EXISTS, last_posted=None if last_posted is None else known(last_posted))
    answer = read_answer(result, cell, profile)
    assert answer.succeeded
    return answer.score_text


@PROFILES
@pytest.mark.parametrize(
    ("score", "maximum", "text"),
    [
        ("0", "1", "0.0"),
        ("1", "1", "1.0"),
        ("0.4", "1", "0.4"),
        ("4", "10", "0.4"),
        ("10.0", "10.0", "1.0"),
        ("0.92333", "1", "0.9233"),
        ("0.92335", "1", "0.9234"),
        ("0.92334999", "1", "0.9233"),
        ("0.92345", "1", "0.9235"),
        ("1", "3", "0.3333"),
        ("2", "3", "0.6667"),
        ("12", "10", "1.2"),
        ("0.00004", "1", "0.0"),
        ("0.5", None, "0.5"),
    ],
)
def test_a_score_reads_as_a_fraction_of_four_decimals(
    profile: Profile, score: str, maximum: str | None, text: str
) -> None:
    assert read(row(score, maximum), profile=profile) == text


@pytest.mark.parametrize(("score", "text"), [("7", "0.07"), ("100", "1.0"), ("0", "0.0"), ("0.5", "0.005")])
def test_a_maximum_of_zero_reads_as_a_hundredth_of_the_points(score: str, text: str) -> None:
    assert read(row(score, "0")) == text


@PROFILES
@pytest.mark.parametrize("result", [None, row(None), row(None, None)], ids=["no row", "no score", "nothing"])
def test_no_score_reads_empty(profile: Profile, result: Result | None) -> None:
    assert read_answer(result, NEW, profile) == Answer(CodeMajor.SUCCESS, score_text="")


def test_a_student_whom_results_hide_reads_what_was_posted() -> None:
    gradebook = CanvasGradebook(hidden=True)
    square = Square(gradebook)
    assert square.reads() == ""
    square.sends(replaces("0.7"), R)
    assert square.reads() == "0.7"
    square.sends(DeleteResult(), later(100))
    assert square.reads() == ""


def test_a_platform_that_hides_nobody_reads_as_it_answers() -> None:
    assert read(None, last_posted="0.7", profile=MOODLE) == ""
    assert read(None, last_posted="0.7", profile=GENERIC) == ""


def test_moodles_zero_reads_as_the_zero_that_was_posted() -> None:
    square = Square(MoodleGradebook())
    square.sends(replaces("0"), R)
    assert square.reads() == "0.0"
    square.sends(DeleteResult(), later(100))
    assert square.reads() == ""


@pytest.mark.parametrize("last_posted", ["0.5", None], ids=["another score", "nothing"])
def test_moodles_missing_score_is_no_zero_that_nobody_posted(last_posted: str | None) -> None:
    assert read(row(None, "100"), last_posted, MOODLE) == ""


@pytest.mark.parametrize("profile", [CANVAS, GENERIC], ids=lambda profile: str(profile.name))
def test_a_missing_score_elsewhere_is_a_cleared_one_though_we_posted_zero(profile: Profile) -> None:
    assert read(row(None), "0", profile) == ""


def test_a_score_reads_as_it_was_posted_whatever_its_scale() -> None:
    for gradebook in (CanvasGradebook(points=Decimal(40)), MoodleGradebook(points=Decimal(40))):
        square = Square(gradebook)
        square.sends(replaces("0.925"), R)
        assert square.reads() == "0.925"
        square.sends(replaces(points("30")), later(100))
        assert square.reads() == "0.75"


def test_a_score_reads_the_same_after_work_without_one() -> None:
    square = Square(CanvasGradebook())
    square.sends(replaces("0.92333"), R)
    square.sends(replaces(work=ESSAY), later(100))
    assert square.reads() == "0.9233"


def test_a_persons_grade_reads_as_the_share_of_the_points() -> None:
    gradebook = CanvasGradebook(points=Decimal(40))
    square = Square(gradebook)
    square.sends(replaces("0.5"), R)
    gradebook.teacher_grades("30")
    assert square.reads() == "0.75"


@PROFILES
@pytest.mark.parametrize("maximum", ["1", "0", "1e-300", SMALLEST, None])
@pytest.mark.parametrize(
    "score", ["1e300", "1e-300", "1e999999", "1e-999999", LARGEST, SMALLEST, "9" * 400, "0." + "3" * 400]
)
def test_a_number_out_of_all_proportion_is_answered_and_stays_short(
    profile: Profile, score: str, maximum: str | None
) -> None:
    answer = read_answer(row(score, maximum), NEW, profile)
    assert len(answer.score_text or answer.description) < 400
    if answer.succeeded:
        float(answer.score_text or "x")
    else:
        assert answer.error_code == "platform_refused"


def test_a_score_that_no_tool_could_read_is_a_failure_and_no_empty_text() -> None:
    answer = read_answer(row("1e999999", "1"), NEW, CANVAS)
    assert (answer.code, answer.score_text) == (CodeMajor.FAILURE, None)


@pytest.mark.parametrize(
    ("number", "text"),
    [("0", "0.0"), ("1", "1.0"), ("1.00", "1.0"), ("0.4", "0.4"), ("0.50", "0.5"), ("100", "100.0"), ("1E+2", "100.0")],
)
def test_a_number_is_written_as_a_plain_float(number: str, text: str) -> None:
    assert float_text(Decimal(number)) == text
