"""Numbers as Canvas reads them from tools: Ruby's strict float grammar, kept to the last digit by Decimal."""

import re
from decimal import Decimal
from enum import Enum

BLANKS = " \t\n\v\f\r"
LONGEST_NUMBER = 64

_DIGITS = r"\d+(?:_\d+)*"
_HEXADECIMAL_DIGITS = r"[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*"
# "1." is read by Ruby 3.4 and refused before; ".5" by all of them (Canvas LTI 1.1 outcomes, section 4.1).
_DECIMAL = re.compile(
    rf"(?P<mantissa>[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS}))(?:[eE](?P<exponent>[+-]?{_DIGITS}))?", re.ASCII
)
_HEXADECIMAL = re.compile(
    rf"(?P<sign>[+-]?)0[xX](?P<whole>{_HEXADECIMAL_DIGITS})(?:\.(?P<fraction>{_HEXADECIMAL_DIGITS}))?"
    rf"(?:[pP](?P<exponent>[+-]?{_DIGITS}))?",
    re.ASCII,
)
# The least number that rounds to infinity as a double: half a unit above the largest finite one.
_INFINITE = Decimal(2**1024 - 2**970)
_LARGEST_POWER_OF_TEN = 308
# Ruby reads less than 5e-324 as zero. Digits are kept some way beyond that and given up here, where writing the
# number out would begin to cost: 1e-999999999 has as many zeros as it says.
_SMALLEST_POWER_OF_TEN = -400
_SMALLEST_POWER_OF_TWO = -1350  # below the smallest power of ten, for every mantissa that fits the length


class NumberFault(Enum):
    """Why a text gave no number."""

    NOT_A_NUMBER = "not a number"
    TOO_LARGE = "too long or too large"
    """A number by the grammar, but longer than 64 characters or infinite as a double."""


def parse_score(text: str) -> Decimal | NumberFault:
    """Read a number by Ruby's strict float grammar, never rounded (Canvas LTI 1.1 outcomes, section 4.1).

    Blanks and newlines around it are fine. The result is finite and never a negative zero; the time taken is linear
    in the length of the text.
    """
    trimmed = text.strip(BLANKS)
    number = _DECIMAL.fullmatch(trimmed) or _HEXADECIMAL.fullmatch(trimmed)
    if number is None:
        return NumberFault.NOT_A_NUMBER
    if len(trimmed) > LONGEST_NUMBER:
        return NumberFault.TOO_LARGE
    value = _read_decimal(number) if number.re is _DECIMAL else _read_hexadecimal(number)
    if value is None or value.copy_abs() >= _INFINITE:
        return NumberFault.TOO_LARGE
    return value if value else Decimal(0)


def _read_decimal(number: re.Match[str]) -> Decimal | None:
    mantissa = Decimal(number["mantissa"].replace("_", ""))
    exponent = int(number["exponent"] or "0")
    if not mantissa:
        return mantissa
    power_of_ten = mantissa.adjusted() + exponent
    if power_of_ten > _LARGEST_POWER_OF_TEN:
        return None
    if power_of_ten < _SMALLEST_POWER_OF_TEN:
        return Decimal(0)
    sign, digits, scale = mantissa.as_tuple()
    return Decimal((sign, digits, int(scale) + exponent))


def _read_hexadecimal(number: re.Match[str]) -> Decimal | None:
    whole = number["whole"].replace("_", "")
    fraction = (number["fraction"] or "").replace("_", "")
    mantissa = int(whole + fraction, 16)
    exponent = int(number["exponent"] or "0") - 4 * len(fraction)
    if not mantissa:
        return Decimal(0)
    power_of_two = mantissa.bit_length() - 1 + exponent
    if power_of_two > 1023:
        return None
    if power_of_two < _SMALLEST_POWER_OF_TWO:
        return Decimal(0)
    # An odd mantissa first, so that 0x1.8p1 is 3 and not 3.000.
    twos = (mantissa & -mantissa).bit_length() - 1
    mantissa, exponent = mantissa >> twos, exponent + twos
    if exponent >= 0:
        return Decimal(f"{number['sign']}{mantissa << exponent}")
    # m / 2^n is m * 5^n / 10^n, which a Decimal holds exactly.
    return Decimal(f"{number['sign']}{mantissa * 5**-exponent}e{exponent}")
