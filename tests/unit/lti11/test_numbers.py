import tracemalloc
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.lti11.numbers import NumberFault, parse_score

BEYOND_DOUBLE = 2**1024 - 2**970


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.92", "0.92"),
        (".92", "0.92"),
        ("+0.5", "0.5"),
        ("9.2e-1", "0.92"),
        ("9.2E-01", "0.92"),
        ("1", "1"),
        ("1.0", "1.0"),
        (" 1.0 ", "1.0"),
        ("\n\t0.5\r\n\v\f", "0.5"),
        ("1.", "1"),
        ("1.e1", "10"),
        ("-7", "-7"),
        ("1_000", "1000"),
        ("1_0.2_5e1_0", "102500000000"),
        ("007", "7"),
        ("0x1A", "26"),
        ("0Xff", "255"),
        ("-0x10", "-16"),
        ("0x1_0", "16"),
        ("0x1.8p1", "3"),
        ("0x1p10", "1024"),
        ("0x1P+4", "16"),
        ("0x1p-2", "0.25"),
        ("0x0.1", "0.0625"),
        ("0.333333", "0.333333"),
    ],
)
def test_numbers_of_rubys_grammar(text: str, value: str) -> None:
    assert parse_score(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            " ",
            "\n",
            "0,92",
            "92%",
            "A",
            "NaN",
            "nan",
            "Infinity",
            "inf",
            "-inf",
            "OHAI",
            "snan",
            "1/2",
            "1 2",
            "1\x00",
        ],
        *["_1", "1_", "1__0", "1_.5", "1._5", "1e", "1e+", "e5", ".", "-", "+", "+-1", "- 1", "--1", "1e1.5", "1.5.5"],
        *["0x", "0x.8", "0x1.", "0xg", "0x1p", "0x_1", "0x1pf", "1p3", "0b1", "0o7", "1d", "1f"],
        *["٣", "１", "½", "\u00a01", "1\u2003", "\ufeff1", "−1"],
    ],
)
def test_anything_else_is_not_a_number(text: str) -> None:
    assert parse_score(text) is NumberFault.NOT_A_NUMBER


@pytest.mark.parametrize("text", ["-0", "-0.0", "-.0", "-0x0", "-0e5", "0e-999999999", "-0x0p99999999"])
def test_a_zero_has_no_sign_and_no_digits_to_write_out(text: str) -> None:
    assert str(parse_score(text)) == "0"


def test_every_digit_is_kept_whatever_the_context() -> None:
    text = "0." + "1234567890" * 6
    with localcontext() as context:
        context.prec = 3
        assert str(parse_score(text)) == text
        assert parse_score(f"-{text}") == Decimal(f"-{text}")
        assert str(parse_score("0x123456789abcdef")) == "81985529216486895"


@pytest.mark.parametrize("text", ["1" * 64, "0." + "3" * 62, "-" + "1" * 63, f"  {'1' * 64}\n", "0x" + "f" * 62])
def test_sixty_four_characters_are_taken(text: str) -> None:
    assert isinstance(parse_score(text), Decimal)


@pytest.mark.parametrize("text", ["1" * 65, "0." + "3" * 63, "0" * 65, "0x" + "f" * 63, "1e" + "0" * 63 + "1"])
def test_more_than_sixty_four_are_too_many(text: str) -> None:
    assert parse_score(text) is NumberFault.TOO_LARGE


def test_a_long_text_that_is_no_number_is_no_number() -> None:
    assert parse_score("x" * 100) is NumberFault.NOT_A_NUMBER


@pytest.mark.parametrize(
    "text", ["1e400", "-1e400", "1e309", "1.7976931348623159e308", "0x1p1024", "0x1.fffffffffffff8p1023"]
)
def test_what_is_infinite_as_a_double_is_too_large(text: str) -> None:
    assert parse_score(text) is NumberFault.TOO_LARGE


@pytest.mark.parametrize("text", ["1e308", "1.7976931348623157e308", "0x1.fffffffffffffp1023", "1797e305"])
def test_the_largest_doubles_are_taken(text: str) -> None:
    assert isinstance(parse_score(text), Decimal)


@pytest.mark.parametrize("text", ["1e-324", "1e-400", "-5e-390", "12345.678e-399"])
def test_numbers_too_small_for_a_double_stay_exact(text: str) -> None:
    assert parse_score(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    ["1e999999999", "1e-999999999", "0x1p999999999", "0x1p-999999999", "1e99999999999999999999", "-1e-" + "9" * 40],
)
def test_a_giant_exponent_is_never_written_out(text: str) -> None:
    tracemalloc.start()
    try:
        value = parse_score(text)
        written = f"{value:f}" if isinstance(value, Decimal) else ""
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100_000
    assert len(written) < 600


@pytest.mark.parametrize(
    "text", ["1" * 200_000 + "x", "1_" * 100_000, " " * 200_000 + "x", "0x" + "1_" * 100_000, "." * 200_000]
)
def test_long_texts_are_refused_in_linear_time(text: str) -> None:
    assert parse_score(text) is NumberFault.NOT_A_NUMBER  # a quadratic reader would not come back within the run


def exact(text: str) -> Fraction:
    """Read a decimal number by arithmetic alone: the independent model."""
    mantissa, _, exponent = text.strip().lower().replace("_", "").partition("e")
    whole, _, fraction = mantissa.lstrip("+-").partition(".")
    value = Fraction(int((whole + fraction) or "0"), 10 ** len(fraction)) * Fraction(10) ** int(exponent or 0)
    return -value if mantissa.startswith("-") else value


@given(
    st.text(alphabet="0123456789+-._eE \n", max_size=30)
    | st.from_regex(r"[+-]?[0-9_]*\.?[0-9_]*([eE][+-]?[0-9]{1,3})?")
)
@example("1_0")
@example("1e-400")
def test_every_number_that_python_reads_too_is_the_same_number(text: str) -> None:
    value = parse_score(text)
    try:
        floating = float(text)
    except ValueError:
        assert value is NumberFault.NOT_A_NUMBER
        return
    if abs(exact(text)) >= BEYOND_DOUBLE:
        assert abs(floating) == float("inf")
        assert value is NumberFault.TOO_LARGE
    elif 0 < abs(exact(text)) < Fraction(1, 10**400):
        assert value == 0
    else:
        assert isinstance(value, Decimal)
        assert Fraction(value) == exact(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_hexadecimal_doubles_are_read_exactly(number: float) -> None:
    value = parse_score(number.hex())
    assert isinstance(value, Decimal)
    assert Fraction(value) == Fraction(number)


@given(st.text())
def test_any_text_gives_a_finite_number_or_a_fault(text: str) -> None:
    value = parse_score(text)
    assert isinstance(value, NumberFault) or value.is_finite()
