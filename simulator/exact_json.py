"""JSON whose numbers are decimals, read and written digit for digit."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import NoReturn


def encode(value: object) -> str:
    """Write JSON; a Decimal becomes a number with exactly its digits and no exponent."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {encode(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(encode(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def decode(text: str | bytes) -> object:
    """Read JSON; fractions become Decimals.

    Raises
    ------
    ValueError
        when the text is not JSON. ``NaN`` and ``Infinity`` are refused, as Ruby's parser does.
    """

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is not JSON")

    try:
        return json.loads(text, parse_float=Decimal, parse_constant=refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
