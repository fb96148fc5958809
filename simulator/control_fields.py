"""Fields of the control door's JSON: each read once with its type, and none left over."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from simulator import exact_json
from simulator.ruby_numbers import nearest_double
from simulator.times import parse_time

Choice = TypeVar("Choice", bound=StrEnum)


class FieldError(ValueError):
    """A field is wrong; says which and why in one sentence."""


class Fields:
    """A JSON object whose fields are taken out one by one. A field sent as null counts as sent."""

    def __init__(self, value: object, where: str = "The body") -> None:
        if not isinstance(value, dict):
            raise FieldError(f"{where} must be a JSON object.")
        self._left = dict(value)

    @classmethod
    def read(cls, body: bytes) -> "Fields":
        """Read a request's body; an empty one is an empty object."""
        try:
            return cls(exact_json.decode(body) if body.strip() else {})
        except FieldError:
            raise
        except ValueError:
            raise FieldError("The body must be JSON.") from None

    def has(self, name: str) -> bool:
        """Tell whether a field was sent and not taken yet."""
        return name in self._left

    def finish(self) -> None:
        """Refuse what nobody asked for."""
        if self._left:
            names = ", ".join(sorted(self._left))
            raise FieldError(f"Unknown field: {names}.")

    def take(self, name: str, default: object = None) -> object:
        """Take a field of any type."""
        return self._left.pop(name, default)

    def text(self, name: str, default: str = "") -> str:
        """Take a text."""
        value = self.take(name, default)
        if not isinstance(value, str):
            raise FieldError(f"{name} must be a text.")
        return value

    def optional_text(self, name: str) -> str | None:
        """Take a text or null."""
        return None if self._left.get(name) is None and self.take(name) is None else self.text(name)

    def required_text(self, name: str) -> str:
        """Take a text that must be there and not be empty."""
        value = self.text(name)
        if not value:
            raise FieldError(f"{name} is required.")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Take true or false."""
        value = self.take(name, default)
        if not isinstance(value, bool):
            raise FieldError(f"{name} must be true or false.")
        return value

    def number(self, name: str, default: Decimal | None) -> Decimal | None:
        """Take a number or null."""
        value = self.take(name, default)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise FieldError(f"{name} must be a number or null.")
        number = nearest_double(value)
        if not number.is_finite():
            raise FieldError(f"{name} is too large.")
        return number

    def whole(self, name: str, default: int | None, lowest: int = 0) -> int | None:
        """Take a whole number or null."""
        value = self.take(name, default)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < lowest):
            raise FieldError(f"{name} must be a whole number of at least {lowest}, or null.")
        return value

    def time(self, name: str) -> datetime | None:
        """Take a time or null."""
        text = self.optional_text(name)
        moment = None if text is None else parse_time(text)
        if text is not None and moment is None:
            raise FieldError(f"{name} must be a time, ISO 8601.")
        return moment

    def word(self, name: str, words: Sequence[str], default: str) -> str:
        """Take one of these words."""
        value = self.text(name, default)
        if value not in words:
            raise FieldError(f"{name} must be one of {', '.join(words)}.")
        return value

    def choice(self, name: str, kind: type[Choice], default: Choice) -> Choice:
        """Take a member of an enumeration by its value."""
        return kind(self.word(name, [member.value for member in kind], default.value))
