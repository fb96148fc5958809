"""resultScore and resultTotalScore become the same points as in LTI 1.1 (Canvas AGS, section 10, T1 and T3)."""

from decimal import Decimal
from fractions import Fraction

import pytest

from chalicelib.delivery.records import SubmissionState
from chalicelib.lti11.numbers import parse_score
from chalicelib.lti13.profiles import CANVAS, GENERIC, MOODLE, Profile
from chalicelib.translation.plan import next_step
from chalicelib.translation.steps import ReadLineItem

from .builders import R, a_cell, facts, fraction, later, order, points, posted, replaces
from .canvas_gradebook import CanvasGradebook
from .moodle_gradebook import MoodleGradebook
from .square import Square


@pytest.mark.parametrize(
    ("score", "maximum", "expected"),
    [
        ("0.92", "1.5", "1.38"),  # the sample of Canvas LTI 1.1 outcomes, section 4.3
        ("0", "10", "0"),
        ("1", "10", "10"),
        ("0.4567", "200", "91.34"),
        ("0.92", "0", "0"),
        ("0", "0", "0"),
    ],
)
def test_a_fraction_is_that_share_of_the_points(score: str, maximum: str, expected: str) -> None:
    gradebook = CanvasGradebook(points=Decimal(maximum))
    Square(gradebook).sends(replaces(score), R)
    assert gradebook.score == Decimal(expected)


@pytest.mark.parametrize(
    ("total", "maximum", "expected"),
    [
        pytest.param("37.5", "40", "37.5", id="as is"),
        pytest.param("45", "40", "45", id="extra credit"),
        pytest.param("0", "40", "0", id="zero"),
        pytest.param("7", "0", "7", id="a line item of 0 points"),
        pytest.param("0", "0", "0", id="zero of 0 points"),
        pytest.param("0.001", "3", "0.001", id="not a multiple"),
    ],
)
def test_points_are_stored_unscaled(total: str, maximum: str, expected: str) -> None:
    gradebook = CanvasGradebook(points=Decimal(maximum))
    Square(gradebook).sends(replaces(points(total)), R)
    assert gradebook.score == Decimal(expected)


def test_points_follow_a_line_item_that_a_teacher_changed() -> None:
    gradebook = CanvasGradebook(points=Decimal(40))
    square = Square(gradebook)
    square.sends(replaces(points("30")), R)
    gradebook.points = Decimal(50)
    square.sends(replaces(points("37.5")), later(100))
    assert gradebook.score == Decimal("37.5")


@pytest.mark.parametrize("profile", [CANVAS, MOODLE, GENERIC], ids=lambda profile: str(profile.name))
def test_the_maximum_is_read_for_points_and_not_for_a_fraction(profile: Profile) -> None:
    cell = a_cell(SubmissionState.EXISTS)
    assert next_step(order(replaces(points("3"))), cell, profile, facts()) == ReadLineItem()
    assert next_step(order(replaces(fraction("0.3"))), cell, profile, facts()) != ReadLineItem()


@pytest.mark.parametrize("maximum", ["0", None], ids=["0", "absent"])
def test_a_maximum_of_zero_or_none_at_all_goes_as_zero(maximum: str | None) -> None:
    step = posted(
        next_step(order(replaces(points("7"))), a_cell(SubmissionState.EXISTS), CANVAS, facts(maximum=maximum))
    )
    assert (step.score.score_given, step.score.score_maximum) == (Decimal(7), Decimal(0))


def test_moodle_gets_points_out_of_the_columns_maximum() -> None:
    gradebook = MoodleGradebook(points=Decimal(40))
    Square(gradebook).sends(replaces(points("37.5")), R)
    assert gradebook.score == Decimal("37.5")


def test_moodle_keeps_the_digits_of_a_fraction_that_it_would_round_of_1() -> None:
    gradebook = MoodleGradebook(points=Decimal(100))
    Square(gradebook).sends(replaces("0.92333333"), R)
    assert gradebook.score == Decimal("92.33333")


@pytest.mark.parametrize("text", ["0x" + "f" * 56 + "p-1570", "0." + "3" * 62, "1e-400", "0x1p-1074"])
def test_moodle_gets_a_hundredfold_of_the_longest_number_digit_for_digit(text: str) -> None:
    value = parse_score(text)
    assert isinstance(value, Decimal)
    step = posted(next_step(order(replaces(fraction(str(value)))), a_cell(SubmissionState.EXISTS), MOODLE, facts()))
    assert step.score.score_given is not None
    assert Fraction(step.score.score_given) == Fraction(value) * 100
