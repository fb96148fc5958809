"""Numbers, times, JSON and the saved state."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest

from simulator import exact_json
from simulator.codec import from_json, to_json
from simulator.model import Generation, World
from simulator.platform_state import new_world
from simulator.ruby_numbers import leading_number, nearest_double, parse_float, share, shown
from simulator.times import iso_milliseconds, iso_seconds, parse_time


@pytest.mark.parametrize(
    ("text", "value"),
    [("12abc", "12"), (" 1.5e1x", "15"), ("abc", "0"), ("", "0"), (".5", "0.5"), ("-3", "-3"), ("1.x", "1")],
)
def test_a_leading_number_counts(text: str, value: str) -> None:
    assert leading_number(text) == Decimal(value)


def test_numbers_beyond_a_double_are_infinite() -> None:
    assert nearest_double(10**400) == Decimal("Infinity")
    assert nearest_double(-(10**400)) == Decimal("-Infinity")
    assert parse_float("1e999") == Decimal("Infinity")


def test_a_share_is_rounded_once() -> None:
    assert share(Decimal("0.1"), Decimal(3), Decimal("0.3")) == Decimal("0.01")
    assert nearest_double(Fraction(1, 3)) == Decimal("0.3333333333333333")


@pytest.mark.parametrize(("value", "text"), [("10.0", "10"), ("10", "10"), ("1.380", "1.38"), ("1E+2", "100")])
def test_numbers_are_shown_without_needless_zeros(value: str, text: str) -> None:
    assert shown(Decimal(value)) == text


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-02-03T10:15:30.123Z", "2026-02-03T10:15:30.123Z"),
        ("2026-02-03T10:15:30.1234567Z", "2026-02-03T10:15:30.123Z"),
        ("2026-02-03t10:15:30+0130", "2026-02-03T08:45:30.000Z"),
        ("2026-02-03 10:15 -05", "2026-02-03T15:15:00.000Z"),
        ("2026-02-03T10:15:30,5 UTC", "2026-02-03T10:15:30.500Z"),
        ("20260203T101530Z", "2026-02-03T10:15:30.000Z"),
        ("2026/02/03 10:15", "2026-02-03T10:15:00.000Z"),
        ("3 February 2026", "2026-02-03T00:00:00.000Z"),
        ("Feb. 3, 2026, 10:15", "2026-02-03T10:15:00.000Z"),
        ("Tue, 03 Feb 2026 10:15:30 +0000", "2026-02-03T10:15:30.000Z"),
        ("03 Feb 2026 10:15:30 -0000", "2026-02-03T10:15:30.000Z"),
    ],
)
def test_times_are_read_in_many_forms(text: str, moment: str) -> None:
    found = parse_time(text)
    assert found is not None
    assert iso_milliseconds(found) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "soon",
        "17",
        "1700000000",
        "1700000000123",
        "2026-13-01",
        "2026-02-30",
        "2026-02-03T25:00:00Z",
        "2026-02-03T10:00:00+99:00",
        "Foo 3 2026",
        "3 Foo 2026 10:00",
        "0001-01-01T00:00:00+10:00",
    ],
)
def test_other_texts_are_no_times(text: str) -> None:
    assert parse_time(text) is None


def test_seconds_are_written_without_decimals() -> None:
    assert iso_seconds(datetime(2026, 2, 3, 10, 0, 0, 999, tzinfo=UTC)) == "2026-02-03T10:00:00Z"


def test_json_keeps_every_digit() -> None:
    text = '{"a": [0.1000, 12345678901234567890, null, true, "\\"é"], "b": 100.0}'
    assert exact_json.encode(exact_json.decode(text)) == text
    assert exact_json.encode(Decimal("1E-7")) == "0.0000001"


def test_a_world_survives_its_json() -> None:
    world = new_world()
    world.switches.generation = Generation.OLD
    world.nonces["1:x"] = datetime(2026, 2, 3, 10, 0, 0, 123456, tzinfo=UTC)
    assert from_json(World, exact_json.decode(exact_json.encode(to_json(world)))) == world


@dataclass
class Shelf:
    books: list[int]


@pytest.mark.parametrize("value", [[], {"books": 3}, {"books": ["x"]}, {"other": 1}, {}, None])
def test_json_of_something_else_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"not a|invalid literal"):
        from_json(Shelf, value)


def test_json_of_a_scalar_is_no_record() -> None:
    with pytest.raises(ValueError, match="not a Decimal"):
        from_json(Decimal, "x")
