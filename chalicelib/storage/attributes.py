"""Items as plain Python values, and as DynamoDB's typed attributes.

Scores travel as texts, so that no digit meets DynamoDB's limit of 38 (DynamoDB, naming rules and data types).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from chalicelib.errors import StorageUnreadable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

Value: TypeAlias = "str | int | bytes | Sequence[Value] | Mapping[str, Value] | None"
Item: TypeAlias = Mapping[str, Value]
Choice = TypeVar("Choice", bound=StrEnum)


def encode_item(item: Item) -> "dict[str, AttributeValueTypeDef]":
    """Give every value its DynamoDB type; an attribute that is None is left out."""
    return {name: encode(value) for name, value in item.items() if value is not None}


def encode(value: Value) -> "AttributeValueTypeDef":
    """Give one value its DynamoDB type.

    Raises
    ------
    TypeError
        If the value is of no type that items are made of (a float above all).
    """
    match value:
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": str(value)}
        case bytes():
            return {"B": value}
        case Mapping():
            return {"M": encode_item(value)}
        case list() | tuple():
            return {"L": [encode(element) for element in value]}
        case _:
            raise TypeError(f"{type(value).__name__} is not stored")


def decode_item(attributes: "Mapping[str, AttributeValueTypeDef]") -> Item:
    """Turn DynamoDB's attributes back into an item."""
    return {name: decode(attribute) for name, attribute in attributes.items()}


def decode(attribute: "AttributeValueTypeDef") -> Value:
    """Turn one DynamoDB attribute back into its value.

    Raises
    ------
    StorageUnreadable
        If it has a type that Passback never writes.
    """
    match attribute:
        case {"S": text}:
            return text
        case {"N": digits}:
            return _integer(digits)
        case {"BOOL": flag}:
            return flag
        case {"B": content}:
            return bytes(content)
        case {"M": members}:
            return decode_item(members)
        case {"L": elements}:
            return [decode(element) for element in elements]
        case _:
            raise StorageUnreadable(f"an attribute has the type {'/'.join(attribute)}, which Passback never writes")


def _integer(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:
        raise StorageUnreadable("a number is not whole") from None


class Fields:
    """Reads an item, or a map inside one, by name and type.

    Every reading method raises ``StorageUnreadable`` when the value is missing or of another type; those named
    ``..._or_none`` give None when it is missing.
    """

    def __init__(self, item: Item) -> None:
        self._item = item

    def text(self, name: str) -> str:
        """Read a text."""
        return _present(name, self.text_or_none(name))

    def text_or_none(self, name: str) -> str | None:
        """Read a text that may be missing."""
        value = self._item.get(name)
        if value is None or isinstance(value, str):
            return value
        raise _unreadable(name)

    def number(self, name: str) -> int:
        """Read a whole number."""
        return _present(name, self.number_or_none(name))

    def number_or_none(self, name: str) -> int | None:
        """Read a whole number that may be missing."""
        value = self._item.get(name)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise _unreadable(name)

    def flag(self, name: str) -> bool:
        """Read yes or no."""
        return _present(name, self.flag_or_none(name))

    def flag_or_none(self, name: str) -> bool | None:
        """Read yes or no, which may be missing."""
        value = self._item.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise _unreadable(name)

    def choice(self, name: str, choices: type[Choice]) -> Choice:
        """Read one of an enum's values."""
        try:
            return choices(self.text(name))
        except ValueError:
            raise _unreadable(name) from None

    def decimal_or_none(self, name: str) -> Decimal | None:
        """Read an exact decimal, stored as text."""
        text = self.text_or_none(name)
        try:
            return None if text is None else Decimal(text)
        except InvalidOperation:
            raise _unreadable(name) from None

    def moment_or_none(self, name: str) -> datetime | None:
        """Read an instant, stored as ISO 8601 text."""
        text = self.text_or_none(name)
        try:
            return None if text is None else datetime.fromisoformat(text)
        except ValueError:
            raise _unreadable(name) from None

    def moment(self, name: str) -> datetime:
        """Read an instant."""
        return _present(name, self.moment_or_none(name))

    def texts(self, name: str) -> tuple[str, ...]:
        """Read a list of texts."""
        texts = tuple(element for element in self._elements(name) if isinstance(element, str))
        if len(texts) != len(self._elements(name)):
            raise _unreadable(name)
        return texts

    def parts(self, name: str) -> "tuple[Fields, ...]":
        """Read a list of maps."""
        parts = tuple(Fields(element) for element in self._elements(name) if isinstance(element, Mapping))
        if len(parts) != len(self._elements(name)):
            raise _unreadable(name)
        return parts

    def part_or_none(self, name: str) -> "Fields | None":
        """Read a map that may be missing."""
        value = self._item.get(name)
        if value is None:
            return None
        if isinstance(value, Mapping):
            return Fields(value)
        raise _unreadable(name)

    @property
    def all(self) -> Item:
        """Return everything that is stored, for what is written back as it was."""
        return self._item

    def has(self, name: str) -> bool:
        """Tell whether something is stored under the name."""
        return self._item.get(name) is not None

    def _elements(self, name: str) -> Sequence[Value]:
        value = self._item.get(name)
        if isinstance(value, list | tuple):
            return value
        raise _unreadable(name)


def written_moment(instant: datetime | None) -> str | None:
    """Write an instant the way ``Fields.moment_or_none`` reads it, to the microsecond."""
    return None if instant is None else instant.isoformat()


Read = TypeVar("Read")


def _present(name: str, value: Read | None) -> Read:
    if value is None:
        raise _unreadable(name)
    return value


def _unreadable(name: str) -> StorageUnreadable:
    return StorageUnreadable(f"the attribute {name!r} is missing, or not what this version of Passback writes")
