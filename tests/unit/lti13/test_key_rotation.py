"""A key's life by the clock: published, in use, replaced, retired; and what a key held by hand changes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import SetupError
from chalicelib.lti13.key_rotation import (
    OVERLAP,
    ChosenKey,
    KeyState,
    awaited_key,
    chosen_key,
    published_keys,
    published_until,
    replaced_at_once,
    rotated,
    signing_key,
    state_of,
)
from chalicelib.lti13.keys import SigningKey, jwks

from .builders import CANVAS_SCHOOL

NOW = datetime(2026, 2, 3, 10, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


def keys_made(*ages: timedelta) -> list[SigningKey]:
    return [SigningKey(f"k{index}", "", NOW - age) for index, age in enumerate(ages)]


def names(keys: Sequence[SigningKey]) -> list[str]:
    return [key.kid for key in keys]


def test_a_new_key_signs_only_after_a_day() -> None:
    keys = keys_made(30 * DAY, DAY - timedelta(seconds=1))
    assert signing_key(keys, NOW).kid == "k0"
    assert signing_key(keys, NOW + timedelta(seconds=1)).kid == "k1"


def test_the_very_first_key_signs_at_once() -> None:
    assert signing_key(keys_made(timedelta(0)), NOW).kid == "k0"


def test_a_new_key_is_published_at_once_beside_the_one_in_use() -> None:
    assert names(published_keys(keys_made(30 * DAY, timedelta(0)), NOW)) == ["k1", "k0"]


def test_a_replaced_key_is_published_for_one_more_day() -> None:
    keys = keys_made(30 * DAY, 2 * DAY - timedelta(seconds=1))
    assert names(published_keys(keys, NOW)) == ["k1", "k0"]
    assert names(published_keys(keys, NOW + timedelta(seconds=1))) == ["k1"]


def test_no_keys_make_an_empty_set() -> None:
    assert jwks(published_keys([], NOW)) == {"keys": []}


@given(ages=st.lists(st.integers(0, 96), min_size=1, max_size=5), cached_for=st.integers(0, 24))
def test_whoever_fetched_the_key_set_up_to_a_day_ago_knows_the_key_in_use(ages: list[int], cached_for: int) -> None:
    """Also when rotations follow each other faster than they should; but the set must have been there to fetch."""
    keys = keys_made(*(timedelta(hours=age) for age in ages))
    fetched = NOW - timedelta(hours=cached_for)
    there = [key for key in keys if key.created_at <= fetched]
    if there:
        assert signing_key(keys, NOW) in published_keys(there, fetched)


@given(ages=st.lists(st.integers(0, 96), min_size=1, max_size=5))
def test_what_was_signed_within_the_last_day_can_be_checked_by_who_fetches_now(ages: list[int]) -> None:
    keys = keys_made(*(timedelta(hours=age) for age in ages))
    for hours in range(24):
        then = NOW - timedelta(hours=hours)
        there = [key for key in keys if key.created_at <= then]
        if there:
            assert signing_key(there, then) in published_keys(keys, NOW)


def test_each_key_says_where_it_is() -> None:
    keys = keys_made(30 * DAY, 1.5 * DAY, timedelta(hours=1))
    assert [state_of(key, keys, NOW) for key in keys] == [KeyState.REPLACED, KeyState.IN_USE, KeyState.COMING]
    later = NOW + 2 * DAY
    assert [state_of(key, keys, later) for key in keys] == [KeyState.RETIRED, KeyState.RETIRED, KeyState.IN_USE]
    assert [published_until(key, keys) for key in keys] == [NOW + DAY / 2, NOW - timedelta(hours=1) + 2 * DAY, None]


def test_a_key_leaves_the_set_when_it_says() -> None:
    keys = keys_made(30 * DAY, timedelta(hours=1))
    end = published_until(keys[0], keys)
    assert end is not None
    assert keys[0] in published_keys(keys, end - SECOND)
    assert keys[0] not in published_keys(keys, end)


class TestRotation:
    def test_the_new_key_joins_and_what_is_retired_goes(self) -> None:
        keys = keys_made(60 * DAY, 30 * DAY)
        new = SigningKey("new", "", NOW)
        assert names(rotated(keys, new, NOW, held=())) == ["k1", "new"]

    def test_a_retired_key_that_a_platform_holds_stays(self) -> None:
        keys = keys_made(60 * DAY, 30 * DAY)
        assert names(rotated(keys, SigningKey("new", "", NOW), NOW, held={"k0"})) == ["k0", "k1", "new"]

    def test_a_withdrawn_key_goes_once_no_platform_holds_it(self) -> None:
        keys = keys_made(60 * DAY, 30 * DAY)
        keys = [replace(keys[0], withdrawn=True), keys[1]]
        new = SigningKey("new", "", NOW)
        assert names(rotated(keys, new, NOW, held={"k0"})) == ["k0", "k1", "new"]
        assert names(rotated(keys, new, NOW, held=())) == ["k1", "new"]

    def test_at_once_the_new_key_alone_is_published_and_signs(self) -> None:
        keys = replaced_at_once(keys_made(60 * DAY, timedelta(hours=3)), SigningKey("new", "", NOW), NOW, held=())
        assert names(keys) == ["new"]
        assert chosen_key(keys, CANVAS_SCHOOL, NOW) == ChosenKey(keys[0], settled=False)
        assert chosen_key(keys, CANVAS_SCHOOL, NOW + DAY).settled is True

    def test_at_once_a_key_that_a_platform_holds_signs_for_it_alone_and_is_not_published(self) -> None:
        keys = replaced_at_once(keys_made(60 * DAY), SigningKey("new", "", NOW), NOW, held={"k0"})
        held = replace(CANVAS_SCHOOL, held_kid="k0")
        assert names(published_keys(keys, NOW)) == ["new"]
        assert chosen_key(keys, held, NOW).key.kid == "k0"
        assert chosen_key(keys, CANVAS_SCHOOL, NOW).key.kid == "new"
        assert [state_of(key, keys, NOW) for key in keys] == [KeyState.WITHDRAWN, KeyState.IN_USE]
        assert published_until(keys[0], keys) is None


class TestPlatformsThatHoldAKey:
    HELD = replace(CANVAS_SCHOOL, held_kid="k0")

    def test_they_get_that_key_until_they_have_another(self) -> None:
        keys = keys_made(30 * DAY, 10 * DAY)
        assert chosen_key(keys, self.HELD, NOW) == ChosenKey(keys[0], settled=False)
        assert chosen_key(keys, replace(self.HELD, held_kid="k1"), NOW) == ChosenKey(keys[1], settled=True)

    def test_a_new_key_is_used_for_them_as_soon_as_they_have_it(self) -> None:
        keys = keys_made(30 * DAY, timedelta(0))
        assert chosen_key(keys, replace(self.HELD, held_kid="k1"), NOW).key.kid == "k1"
        assert chosen_key(keys, CANVAS_SCHOOL, NOW).key.kid == "k0"

    def test_what_they_wait_for_is_the_newest(self) -> None:
        keys = keys_made(30 * DAY, 10 * DAY, timedelta(0))
        assert awaited_key(keys, self.HELD) == keys[2]
        assert awaited_key(keys, replace(self.HELD, held_kid="k2")) is None
        assert awaited_key(keys, CANVAS_SCHOOL) is None
        assert awaited_key([], self.HELD) is None

    def test_a_key_that_is_gone_is_replaced_by_the_one_in_use(self) -> None:
        keys = keys_made(30 * DAY)
        assert chosen_key(keys, replace(self.HELD, held_kid="gone"), NOW).key == keys[0]


def test_without_a_key_the_operator_is_told_what_to_do() -> None:
    with pytest.raises(SetupError, match="passback key show"):
        chosen_key([], CANVAS_SCHOOL, NOW)


def test_the_overlap_is_a_day() -> None:
    assert OVERLAP == DAY
