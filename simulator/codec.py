"""Records to JSON and back, by their own type hints."""

from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


def to_json(value: object) -> object:
    """Turn a record into what JSON can carry; Decimals stay, for a writer that keeps their digits."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def from_json(kind: type[Record], value: object) -> Record:
    """Make a record of a class from its JSON.

    Raises
    ------
    ValueError
        when the JSON does not fit the class
    """
    try:
        record = _build(kind, value)
    except (AttributeError, TypeError, KeyError, ArithmeticError) as error:
        raise ValueError(f"not a {kind.__name__}: {error}") from error
    if not isinstance(record, kind):
        raise ValueError(f"not a {kind.__name__}")
    return record


def _build(hint: Any, value: Any) -> object:  # type hints are of any kind
    if hint is object:
        return value
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return _optional(hint, value)
    if origin is list:
        return [_build(get_args(hint)[0], item) for item in value]
    if origin is dict:
        key_hint, item_hint = get_args(hint)
        return {_build(key_hint, key): _build(item_hint, item) for key, item in value.items()}
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint)
        return hint(**{name: _build(hints[name], item) for name, item in value.items()})
    return _scalar(hint, value)


def _optional(hint: Any, value: object) -> object:
    if value is None:
        return None
    (inner,) = (argument for argument in get_args(hint) if argument is not NoneType)
    return _build(inner, value)


def _scalar(hint: Any, value: Any) -> object:
    if hint is datetime:
        return datetime.fromisoformat(value)
    if hint is Decimal or hint is int or issubclass(hint, Enum):
        return hint(value)
    return value
