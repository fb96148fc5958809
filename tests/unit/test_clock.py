"""Times as platforms take them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from chalicelib.clock import from_milliseconds, to_iso, to_milliseconds

YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "written"),
    [
        (datetime(2026, 2, 3, 10, 15, 30, 123999, tzinfo=UTC), "2026-02-03T10:15:30.123Z"),
        (datetime(2026, 2, 3, 10, 15, tzinfo=UTC), "2026-02-03T10:15:00.000Z"),
        (datetime(2026, 2, 3, 0, 15, tzinfo=timezone(timedelta(hours=2))), "2026-02-02T22:15:00.000Z"),
    ],
)
def test_an_instant_is_written_in_utc_with_milliseconds_cut_off(instant: datetime, written: str) -> None:
    assert to_iso(instant) == written


def test_a_year_has_four_digits_in_any_century() -> None:
    """Some tools send the year 1 when they have no time."""
    assert to_iso(YEAR_ONE) == "0001-01-01T00:00:00.000Z"


@pytest.mark.parametrize("instant", [YEAR_ONE, datetime(1969, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)])
def test_times_before_1970_survive_as_milliseconds(instant: datetime) -> None:
    assert from_milliseconds(to_milliseconds(instant)) == instant
