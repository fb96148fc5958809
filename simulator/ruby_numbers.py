"""Numbers as Canvas's Ruby reads, keeps and shows them, without the noise of binary fractions.

Canvas keeps scores as doubles. Here a number is the shortest decimal text of the double nearest to the exact value, so
0.92 of 1.5 points is 1.38 and a third of ten points is 3.3333333333333335.
"""

import re
from decimal import Decimal
from fractions import Fraction

_DIGITS = r"[0-9]+(?:_[0-9]+)*"
# Canvas LTI 1.1 outcomes, section 4.1. A final point ("1.") is refused, as in Ruby up to 3.3.
_STRICT = re.compile(rf"[+-]?(?:{_DIGITS}(?:\.{_DIGITS})?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?")
_HEXADECIMAL = re.compile(r"[+-]?0[xX][0-9a-fA-F]+(?:_[0-9a-fA-F]+)*")
_LEADING = re.compile(r"\s*([+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)")
_BLANKS = " \t\n\v\f\r"


def nearest_double(value: Decimal | Fraction | int) -> Decimal:
    """Give the double nearest to the value as its shortest decimal; too large a value becomes an infinity."""
    try:
        return Decimal(repr(float(value)))
    except OverflowError:
        return Decimal("Infinity") if value > 0 else Decimal("-Infinity")


def parse_float(text: str) -> Decimal | None:
    """Read a number by the rules of Ruby's strict float conversion; None when it is not one.

    A number too large for a double becomes an infinity (Canvas LTI 1.1 outcomes, section 4.1).
    """
    bare = text.strip(_BLANKS)
    if _HEXADECIMAL.fullmatch(bare):
        return nearest_double(int(bare.replace("_", ""), 16))
    if not _STRICT.fullmatch(bare):
        return None
    return Decimal(repr(float(bare.replace("_", ""))))


def leading_number(text: str) -> Decimal:
    """Read the number a text begins with, 0 when there is none, as Ruby's lenient conversion does."""
    found = _LEADING.match(text)
    return Decimal(repr(float(found.group(1)))) if found else Decimal(0)


def shown(value: Decimal) -> str:
    """Write a number for people: no exponent, no needless zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def share(value: Decimal, of_maximum: Decimal, maximum: Decimal) -> Decimal:
    """Scale a value from one maximum to another exactly, then round once to a double. ``of_maximum`` is not zero."""
    return nearest_double(Fraction(value) * Fraction(maximum) / Fraction(of_maximum))
