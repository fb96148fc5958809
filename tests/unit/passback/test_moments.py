from datetime import UTC, datetime, timedelta

import click
import pytest

from chalicelib.clock import to_milliseconds
from passback.moments import Moment, distance, instant, milliseconds

NOW = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("90m", NOW - timedelta(minutes=90)),
        ("5 min", NOW - timedelta(minutes=5)),
        ("3d", NOW - timedelta(days=3)),
        ("1w", NOW - timedelta(weeks=1)),
        ("2026-02-01", datetime(2026, 2, 1, tzinfo=UTC)),
        ("2026-02-01T08:30", datetime(2026, 2, 1, 8, 30, tzinfo=UTC)),
        ("2026-02-01T08:30:00+02:00", datetime(2026, 2, 1, 6, 30, tzinfo=UTC)),
        ("2026-02-01T08:30:00Z", datetime(2026, 2, 1, 8, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_read(typed: str, meant: datetime) -> None:
    assert milliseconds(Moment().convert(typed, None, None), NOW) == to_milliseconds(meant)


@pytest.mark.parametrize("typed", ["", "h", "2 fortnights", "-2h", "2026-02-30", "12:00"])
def test_what_is_no_time_is_refused(typed: str) -> None:
    with pytest.raises(click.BadParameter):
        Moment().convert(typed, None, None)


@pytest.mark.parametrize("typed", ["999999w", "0001-01-01T00:00:00+23:59", "1890-01-01"])
def test_what_lies_before_all_deliveries_means_all_of_them(typed: str) -> None:
    assert milliseconds(Moment().convert(typed, None, None), NOW) == 0


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "now"),
        (0.4, "now"),
        (59, "in 59 s"),
        (60, "in 1 min"),
        (-3600, "1 h ago"),
        (86_400 * 3, "in 3 d"),
    ],
)
def test_distances_are_for_people(seconds: float, said: str) -> None:
    now = to_milliseconds(NOW)
    assert distance(now + int(seconds * 1000), now) == said


def test_no_instant_is_none() -> None:
    assert instant(None) is None
    assert instant(to_milliseconds(NOW)) == "2026-02-03T10:00:00.000Z"
