"""Is what the gradebook holds what we put there?"""

from decimal import MAX_EMAX, Decimal

import pytest

from chalicelib.delivery.records import KnownScore
from chalicelib.lti11.messages import DeleteResult, ToolScore
from chalicelib.lti13.profiles import CANVAS, GENERIC, MOODLE, Profile
from chalicelib.translation.comparison import (
    fraction,
    intended,
    is_hidden,
    is_ours,
    known,
    needs_line_item,
    read_score,
    score_of,
)

from .builders import ESSAY, points, replaces, row
from .builders import fraction as share
from .builders import known as a_score


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param(a_score("0.5"), a_score("5", "10"), True, id="another scale"),
        pytest.param(a_score("0.5"), a_score("0.500001"), True, id="1e-6 apart"),
        pytest.param(a_score("0.5"), a_score("0.5000010001"), False, id="more than 1e-6 apart"),
        pytest.param(a_score("1", "3"), a_score("0.33333"), False, id="five decimals of a fraction"),
        pytest.param(a_score("33.33333", "100"), a_score("0.333333333"), True, id="five decimals of a percentage"),
        pytest.param(a_score(None), a_score(None), True, id="both none"),
        pytest.param(a_score(None), a_score("0"), False, id="none is not zero"),
        pytest.param(a_score("0"), a_score(None), False, id="zero is not none"),
        pytest.param(a_score("5", "0"), a_score("5", "0"), True, id="points out of 0"),
        pytest.param(a_score("5", "0"), a_score("6", "0"), False, id="other points out of 0"),
        pytest.param(a_score("0.5", None), a_score("0.5"), True, id="no maximum is 1"),
        pytest.param(a_score("1e999999"), a_score("1"), False, id="beyond any double"),
        pytest.param(a_score("1", "1e-999999"), a_score("1"), False, id="of next to nothing"),
        pytest.param(a_score("1e999999", "1e-999999"), a_score("1e999999", "1e-999999"), True, id="absurd twice"),
        pytest.param(a_score(f"1e{MAX_EMAX}", "0.1"), a_score(f"1e{MAX_EMAX}", "0.1"), False, id="beyond any number"),
    ],
)
def test_scores_are_the_same_when_their_fractions_are(one: KnownScore, other: KnownScore, expected: bool) -> None:
    assert is_ours(one, other, CANVAS) is expected
    assert is_ours(other, one, CANVAS) is expected


@pytest.mark.parametrize(
    ("profile", "found", "ours", "expected"),
    [
        pytest.param(MOODLE, a_score("0.12346", "1"), a_score("0.1234567", "1"), True, id="rounded in 1 point"),
        pytest.param(CANVAS, a_score("0.12346", "1"), a_score("0.1234567", "1"), False, id="not by Canvas"),
        pytest.param(MOODLE, a_score("0.12347", "1"), a_score("0.1234567", "1"), False, id="a unit away"),
        pytest.param(MOODLE, a_score("20", "20"), a_score("24", "20"), True, id="cut at the maximum"),
        pytest.param(GENERIC, a_score("20", "20"), a_score("24", "20"), True, id="cut elsewhere"),
        pytest.param(GENERIC, a_score("24", "20"), a_score("24", "20"), True, id="not cut"),
        pytest.param(CANVAS, a_score("20", "20"), a_score("24", "20"), False, id="Canvas cuts nothing"),
        pytest.param(MOODLE, a_score("19", "20"), a_score("24", "20"), False, id="below the maximum"),
        pytest.param(MOODLE, a_score("22", "20"), a_score("24", "20"), False, id="another beyond the maximum"),
    ],
)
def test_a_score_is_ours_as_far_as_its_platform_keeps_it(
    profile: Profile, found: KnownScore, ours: KnownScore, expected: bool
) -> None:
    assert is_ours(found, ours, profile) is expected


def test_a_fraction_of_nothing_is_the_points() -> None:
    assert fraction(a_score("5", "0")) == Decimal(5)
    assert fraction(a_score("5", "10")) == Decimal("0.5")
    assert fraction(a_score(None)) is None


def test_what_a_result_says_is_known() -> None:
    assert known(None) == KnownScore(None, None)
    assert known(row("5", "10")) == KnownScore(Decimal(5), Decimal(10))


def test_a_missing_score_is_zero_only_where_platforms_leave_zeros_out_and_we_posted_one() -> None:
    empty = row(None, "100")
    assert read_score(empty, a_score("0"), MOODLE) == KnownScore(Decimal(0), Decimal(100))
    assert read_score(empty, a_score("0.5"), MOODLE).score is None
    assert read_score(empty, None, MOODLE).score is None
    assert read_score(None, a_score("0"), MOODLE).score is None
    assert read_score(empty, a_score("0"), CANVAS).score is None
    assert read_score(row("50", "100"), a_score("0"), MOODLE).score == Decimal(50)


def test_only_a_posted_score_can_be_hidden() -> None:
    assert is_hidden(None, a_score("0.5"), CANVAS) is True
    assert is_hidden(None, a_score("0"), CANVAS) is True
    assert is_hidden(None, a_score(None), CANVAS) is False
    assert is_hidden(None, None, CANVAS) is False
    assert is_hidden(row(None), a_score("0.5"), CANVAS) is False
    assert is_hidden(None, a_score("0.5"), MOODLE) is False


@pytest.mark.parametrize(
    ("score", "maximum", "expected"),
    [
        (share("0.5"), None, a_score("0.5", "1")),
        (share("0.5"), "40", a_score("0.5", "1")),
        (points("30"), "40", a_score("30", "40")),
        (points("30"), None, a_score("30", "0")),
    ],
)
def test_a_tools_score_is_points_out_of_a_maximum(score: ToolScore, maximum: str | None, expected: KnownScore) -> None:
    assert score_of(score, None if maximum is None else Decimal(maximum)) == expected


def test_what_a_write_intends_for_the_grade() -> None:
    assert intended(DeleteResult(), None) == KnownScore(None, None)
    assert intended(replaces(work=ESSAY), None) is None
    assert intended(replaces("0.5", ESSAY), None) == a_score("0.5")


def test_only_points_need_the_line_item() -> None:
    assert needs_line_item(replaces(points("3"))) is True
    assert needs_line_item(replaces("0.3", ESSAY)) is False
    assert needs_line_item(replaces(work=ESSAY)) is False
    assert needs_line_item(DeleteResult()) is False
