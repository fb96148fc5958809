"""The listing of due cells is ordered by text: an earlier time must be the smaller text."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.storage.cells import DUE_LISTINGS, due_listings, due_order

TIMES = st.integers(0, 10**15 - 1)
"""Milliseconds, until the year 33658."""


@given(TIMES, TIMES)
def test_an_earlier_time_comes_first(one: int, other: int) -> None:
    assert (due_order(one) < due_order(other)) is (one < other)


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_two_platforms_share_a_listing(one: str, other: str) -> None:
    assert len(set(due_listings(one))) == DUE_LISTINGS
    assert one == other or not set(due_listings(one)) & set(due_listings(other))
