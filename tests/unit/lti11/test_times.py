from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import OutcomeCode, OutcomeFailure
from chalicelib.lti11.times import check_not_ahead, parse_submitted_at

DAY = datetime(2017, 4, 16, tzinfo=UTC)
TEN = DAY + timedelta(hours=10)
EXACT = DAY + timedelta(hours=18, minutes=54, seconds=36)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2017-04-16", DAY),
        ("2017-4-6", datetime(2017, 4, 6, tzinfo=UTC)),
        ("2017-04-16T18:54", EXACT.replace(second=0)),
        ("2017-04-16T18:54:36", EXACT),
        ("2017-04-16 18:54:36", EXACT),
        ("2017-04-16t18:54:36z", EXACT),
        ("2017-04-16T18:54:36Z", EXACT),
        ("2017-04-16T18:54:36.736+00:00", EXACT + timedelta(milliseconds=736)),
        ("2017-04-16T18:54:36,5Z", EXACT + timedelta(milliseconds=500)),
        ("2017-04-16T18:54:36.1234567899999Z", EXACT + timedelta(microseconds=123456)),
        ("2017-04-16T18:54:36.9999999999999Z", EXACT + timedelta(microseconds=999999)),
        ("2017-04-16T20:54:36+0200", EXACT),
        ("2017-04-16T20:54:36+02", EXACT),
        ("2017-04-16T14:24:36-04:30", EXACT),
        ("2017-04-16T18:54:36-00:00", EXACT),
        ("2017-04-17T08:54:36+14:00", EXACT),
        ("2017-04-16 18:54:36 UTC", EXACT),
        ("2017-04-16 20:54:36 +0200", EXACT),
        ("20170416", DAY),
        ("20170416T185436Z", EXACT),
        ("20170416T185436.5", EXACT + timedelta(milliseconds=500)),
        ("20170416T1854+0000", EXACT.replace(second=0)),
        ("2017/04/16 10:00", TEN),
        ("2017/04/16", DAY),
        ("Sun, 16 Apr 2017 18:54:36 +0000", EXACT),
        ("16 Apr 2017 18:54:36 GMT", EXACT),
        ("Sun, 16 Apr 2017 14:54:36 -0400 (EDT)", EXACT),
        ("16 Apr 2017 14:54:36 EDT", EXACT),
        ("16 April 2017", DAY),
        ("April 16 2017 10:00", TEN),
        ("April 16, 2017 10:00", TEN),
        ("Apr 16, 2017, 10:00", TEN),
        ("apr. 16 2017", DAY),
        ("Sunday, April 16 2017 10:00:00 UTC", TEN),
        ("\n      2017-04-16T18:54:36Z\n    ", EXACT),
        ("April\n 16   2017\t10:00", TEN),
        ("2016-02-29", datetime(2016, 2, 29, tzinfo=UTC)),
        ("2017-04-16T24:00", DAY + timedelta(days=1)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("0001-01-01", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_the_forms_that_are_read(text: str, instant: datetime) -> None:
    assert parse_submitted_at(text) == instant


@pytest.mark.parametrize(
    "name",
    "January February March April May June July August September October November December".split(),  # noqa: SIM905 - reads better
)
def test_every_month_by_its_long_and_short_name(name: str) -> None:
    month = parse_submitted_at(f"{name} 2 2017")
    assert month is not None
    assert f"{month:%B %d}" == f"{name} 02"
    assert parse_submitted_at(f"2 {name[:3].upper()} 2017") == month


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
def test_blanks_alone_are_no_time(text: str) -> None:
    assert parse_submitted_at(text) is None


@pytest.mark.parametrize(
    "text",
    [
        *["yesterday", "now", "0", "1492368876", "18:54", "2017", "2017-04", "2017-W15-7", "OHAI", "-", "Apr 2017"],
        *[
            "2017-02-30",
            "2017-02-29",
            "2017-13-01",
            "2017-00-01",
            "2017-04-00",
            "2017-04-31",
            "0000-01-01",
            "12017-04-16",
        ],
        *["2017-04-16T25:00", "2017-04-16T24:01", "2017-04-16T18:60", "2017-04-16T18:54:61", "2017-04-16T24:00:00.1"],
        *[
            "2017-04-16T",
            "2017-04-16T18",
            "2017-04-16T18:54:36.",
            "2017-04-16T18:54:36+24:00",
            "2017-04-16T18:54+00:60",
        ],
        *["2017-04-16T18:54:36 CEST", "2017-04-16T18:54:36Z junk", "16/04/2017", "04/16/2017", "April 31 2017"],
        *[
            "9999-12-31T24:00",
            "9999-12-31T23:00-02:00",
            "0001-01-01T00:00+14:00",
            "٢٠١٧-04-16",
            "2017-04-16\x00",
            "\ud800",
        ],
    ],
)
def test_anything_else_is_not_parseable(text: str) -> None:
    with pytest.raises(OutcomeFailure) as caught:
        parse_submitted_at(text)
    assert caught.value.code is OutcomeCode.TIMESTAMP_NOT_PARSEABLE
    assert caught.value.description == "Invalid timestamp - timestamp not parseable"


@pytest.mark.parametrize("ahead", [timedelta(), timedelta(minutes=1), timedelta(days=-3000)])
def test_the_past_and_one_minute_ahead_are_fine(ahead: timedelta) -> None:
    check_not_ahead(DAY + ahead, DAY)


@pytest.mark.parametrize("ahead", [timedelta(minutes=1, microseconds=1), timedelta(days=3000)])
def test_more_than_a_minute_ahead_is_refused(ahead: timedelta) -> None:
    with pytest.raises(OutcomeFailure) as caught:
        check_not_ahead(DAY + ahead, DAY)
    assert caught.value.code is OutcomeCode.TIMESTAMP_IN_FUTURE
    assert caught.value.description == "Invalid timestamp - timestamp in future"


@pytest.mark.parametrize(
    "text",
    ["sun" + " " * 200_000 + "x", "2017-04-16T18:54:36." + "1" * 200_000 + "x", "2017-04-16 10:00 (" + "a" * 200_000],
)
def test_long_texts_are_refused_in_linear_time(text: str) -> None:
    with pytest.raises(OutcomeFailure):  # a quadratic reader would not come back within the run
        parse_submitted_at(text)


@given(st.text() | st.text(alphabet="0123456789-:/TZ+ .,aprmy()", max_size=40))
def test_any_text_gives_utc_nothing_or_the_one_failure(text: str) -> None:
    try:
        instant = parse_submitted_at(text)
    except OutcomeFailure as failure:
        assert failure.code is OutcomeCode.TIMESTAMP_NOT_PARSEABLE  # noqa: PT017 - reads, or this and nothing else
        return
    assert instant is None or instant.tzinfo is UTC


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1)),  # noqa: DTZ001 - the zone comes next
    st.integers(min_value=-14 * 60, max_value=14 * 60),
)
def test_whatever_python_writes_as_iso_comes_back(naive: datetime, minutes_east: int) -> None:
    instant = naive.replace(tzinfo=timezone(timedelta(minutes=minutes_east)))
    assert parse_submitted_at(instant.isoformat()) == instant
