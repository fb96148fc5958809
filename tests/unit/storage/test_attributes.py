from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import StorageUnreadable
from chalicelib.storage.attributes import Fields, Item, decode, decode_item, encode, encode_item, written_moment

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.one_of(TEXT, st.integers(-(10**37), 10**37), st.booleans(), st.binary()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(TEXT, inner)),
    max_leaves=20,
)


class Colour(StrEnum):
    RED = "red"


@given(st.dictionaries(TEXT, VALUES))
def test_what_is_encoded_comes_back(item: dict[str, Any]) -> None:
    assert decode_item(encode_item(item)) == item


def test_yes_and_one_are_told_apart() -> None:
    assert encode(True) == {"BOOL": True}
    assert encode(1) == {"N": "1"}


def test_none_is_left_out_at_every_level() -> None:
    assert encode_item({"a": None, "b": {"c": None}}) == {"b": {"M": {}}}


def test_an_enum_is_stored_as_its_text() -> None:
    assert encode(Colour.RED) == {"S": "red"}


@pytest.mark.parametrize("value", [0.5, Decimal("0.5"), object(), {"a"}])
def test_what_items_are_not_made_of_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="is not stored"):
        encode(value)


@pytest.mark.parametrize("attribute", [{"NULL": True}, {"SS": ["a"]}, {"N": "1.5"}, {}])
def test_what_passback_never_writes_is_unreadable(attribute: Any) -> None:
    with pytest.raises(StorageUnreadable):
        decode(attribute)


@pytest.mark.parametrize(
    ("method", "item"),
    [
        ("text", {}),
        ("text", {"x": 1}),
        ("text_or_none", {"x": 1}),
        ("number", {}),
        ("number", {"x": "1"}),
        ("number_or_none", {"x": True}),
        ("flag", {}),
        ("flag", {"x": 1}),
        ("decimal_or_none", {"x": "much"}),
        ("moment", {}),
        ("moment_or_none", {"x": "yesterday"}),
        ("texts", {}),
        ("texts", {"x": "abc"}),
        ("texts", {"x": ["a", 1]}),
        ("parts", {"x": [{}, "a"]}),
        ("part_or_none", {"x": "a"}),
    ],
)
def test_a_missing_or_wrong_attribute_is_named(method: str, item: Item) -> None:
    with pytest.raises(StorageUnreadable, match="'x'"):
        getattr(Fields(item), method)("x")


def test_a_choice_must_be_one_of_those_that_are() -> None:
    assert Fields({"x": "red"}).choice("x", Colour) is Colour.RED
    with pytest.raises(StorageUnreadable, match="'x'"):
        Fields({"x": "blue"}).choice("x", Colour)


@pytest.mark.parametrize(
    "method", ["text_or_none", "number_or_none", "decimal_or_none", "moment_or_none", "part_or_none"]
)
def test_what_may_be_missing_is_none(method: str) -> None:
    assert getattr(Fields({}), method)("x") is None


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])))
def test_an_instant_is_kept_to_the_microsecond(instant: datetime) -> None:
    assert Fields({"x": written_moment(instant)}).moment("x") == instant


def test_no_instant_is_none() -> None:
    assert written_moment(None) is None
