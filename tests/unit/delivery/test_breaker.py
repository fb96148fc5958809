"""The breaker's rules; in the properties any sequence of troubles, answers, probes and pauses may have come before."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.delivery.breaker import (
    CLOCKS_APART,
    FIRST_PROBE,
    FIRST_SLOWING,
    LONGEST_PROBE,
    LONGEST_SLOWING,
    MOST_OF_ONE_COURSE,
    OPENS_AFTER,
    SAME_BURST,
    SLOWING_FORGOTTEN,
    WINDOW,
    NotedTrouble,
    Permission,
    PlatformHealth,
    after_answer,
    after_trouble,
    permission,
    probe_claimed,
)
from chalicelib.errors import Trouble

NOW = 1_772_366_400_000
DAY = 86_400_000
HEALTHY = PlatformHealth("school")
COUNTED = (Trouble.UNREACHABLE, Trouble.TOKEN)
ANSWERS = (Trouble.THROTTLED, Trouble.ERROR)


def always(number: float) -> Callable[[], float]:
    return lambda: number


least, most = always(0.0), always(0.999999)


def failed(
    courses: str, health: PlatformHealth = HEALTHY, trouble: Trouble = Trouble.UNREACHABLE, now: int = NOW
) -> PlatformHealth:
    """Fail once for every letter, each of which is a course."""
    for course in courses:
        health = after_trouble(health, trouble, course, now, least)
    return health


def throttled(health: PlatformHealth = HEALTHY, now: int = NOW) -> PlatformHealth:
    return after_trouble(health, Trouble.THROTTLED, "a", now, least)


OPEN = failed("aabbc")


@pytest.mark.parametrize("courses", ["abcde", "aabbc", "abcab", "aaabc", "aaaaaaabc"])
@pytest.mark.parametrize("trouble", COUNTED)
def test_several_troubles_over_three_courses_open_it(courses: str, trouble: Trouble) -> None:
    assert permission(failed(courses[:-1], trouble=trouble), NOW) is Permission.GO
    opened = failed(courses, trouble=trouble)
    assert permission(opened, NOW) is Permission.CLOSED_OFF
    assert (opened.opened_at, opened.probe_at, opened.troubles) == (NOW, NOW + FIRST_PROBE, ())


@pytest.mark.parametrize("courses", ["a" * 50, "ab" * 50, "abcd"])
def test_fewer_courses_or_troubles_do_not(courses: str) -> None:
    assert failed(courses).opened_at is None


@pytest.mark.parametrize("trouble", [*ANSWERS, Trouble.OURS])
def test_other_troubles_never_open_it(trouble: Trouble) -> None:
    assert failed("abcdefgh", trouble=trouble).opened_at is None


@pytest.mark.parametrize("trouble", ANSWERS)
def test_an_answer_that_is_no_success_begins_the_count_anew(trouble: Trouble) -> None:
    assert after_trouble(failed("abcd"), trouble, "e", NOW, least).troubles == ()
    assert permission(failed("e", after_answer(failed("abcd"), NOW)), NOW) is Permission.GO


def test_our_own_lack_of_time_changes_nothing() -> None:
    before = failed("abcd")
    assert after_trouble(before, Trouble.OURS, "e", NOW, least) is before
    assert after_trouble(OPEN, Trouble.OURS, "e", NOW, least) is OPEN


def test_troubles_long_ago_do_not_count() -> None:
    assert failed("e", failed("abcd"), now=NOW + WINDOW).opened_at is None
    assert failed("e", failed("abcd"), now=NOW + WINDOW - 1).opened_at is not None


def test_troubles_of_a_clock_far_ahead_do_not_count() -> None:
    assert failed("e", failed("abcd", now=NOW + DAY)).opened_at is None
    assert failed("e", failed("abcd", now=NOW + CLOCKS_APART)).opened_at is not None


def test_a_broken_course_is_written_down_a_few_times_only() -> None:
    noted = failed("a" * MOST_OF_ONE_COURSE)
    assert len(noted.troubles) == MOST_OF_ONE_COURSE
    assert failed("a", noted) is noted
    assert failed("a", noted, now=NOW + WINDOW).troubles == (NotedTrouble("a", NOW + WINDOW),)


def test_any_answer_closes_it() -> None:
    assert after_answer(OPEN, NOW) == HEALTHY
    assert after_trouble(OPEN, Trouble.ERROR, "a", NOW, least) == HEALTHY
    assert permission(throttled(OPEN), NOW) is Permission.SLOWED
    assert throttled(OPEN).opened_at is None


def test_an_answer_of_a_healthy_platform_is_nothing_to_write_down() -> None:
    assert HEALTHY.clean
    assert after_answer(HEALTHY, NOW) is HEALTHY
    assert not OPEN.clean
    assert not failed("a").clean


def test_a_slowing_lasts_its_time_whatever_is_answered() -> None:
    slowed = throttled()
    assert slowed.clean
    assert after_answer(slowed, NOW) is slowed
    assert after_answer(failed("a", slowed), NOW) == slowed


def test_a_trouble_while_it_is_open_is_nothing_to_write_down() -> None:
    assert failed("d", OPEN, now=NOW + 1000) is OPEN


def test_the_first_probe_is_due_after_15_seconds_and_claimed_by_one() -> None:
    assert permission(OPEN, NOW + FIRST_PROBE - 1) is Permission.CLOSED_OFF
    assert permission(OPEN, NOW + FIRST_PROBE) is Permission.PROBE
    claimed = probe_claimed(OPEN, NOW + FIRST_PROBE, least)
    assert permission(claimed, NOW + FIRST_PROBE) is Permission.CLOSED_OFF


@pytest.mark.parametrize(("chance", "pauses"), [(least, [22_500, 45_000, 45_000]), (most, [29_999, 59_999, 59_999])])
def test_probes_come_less_and_less_often_down_to_one_a_minute(chance: Callable[[], float], pauses: list[int]) -> None:
    health, now, found = OPEN, NOW + FIRST_PROBE, []
    for _ in pauses:
        health = probe_claimed(health, now, chance)
        found.append(health.probe_at - now)
        now = health.probe_at
        assert permission(health, now - 1) is Permission.CLOSED_OFF
        assert permission(health, now) is Permission.PROBE
    assert found == pauses


def test_an_outage_of_weeks_is_still_probed() -> None:
    health = probe_claimed(replace(OPEN, probes=10**6), NOW, most)
    assert NOW < health.probe_at <= NOW + LONGEST_PROBE


def test_a_probe_far_ahead_is_due_now() -> None:
    assert permission(replace(OPEN, probe_at=NOW + LONGEST_PROBE + CLOCKS_APART), NOW) is Permission.CLOSED_OFF
    assert permission(replace(OPEN, probe_at=NOW + LONGEST_PROBE + CLOCKS_APART + 1), NOW) is Permission.PROBE


def test_throttling_slows_for_5_seconds_at_first() -> None:
    slowed = throttled()
    assert slowed.slowed_until == NOW + FIRST_SLOWING
    assert permission(slowed, NOW + FIRST_SLOWING - 1) is Permission.SLOWED
    assert permission(slowed, NOW + FIRST_SLOWING) is Permission.GO
    assert after_trouble(HEALTHY, Trouble.THROTTLED, "a", NOW, most).slowed_until > NOW + FIRST_SLOWING * 1.4


def test_the_calls_of_one_burst_slow_once() -> None:
    slowed = throttled()
    assert throttled(slowed, NOW + SAME_BURST - 1) is slowed
    assert throttled(slowed, NOW + SAME_BURST).slowings == 2


def test_throttling_that_goes_on_slows_for_longer() -> None:
    health, now, lengths = HEALTHY, NOW, []
    for _ in range(6):
        health = throttled(health, now)
        lengths.append(health.slowed_until - now)
        now = health.slowed_until + SLOWING_FORGOTTEN
    assert lengths == [5_000, 10_000, 20_000, 40_000, LONGEST_SLOWING, LONGEST_SLOWING]
    assert throttled(health, now + 1).slowed_until == now + 1 + FIRST_SLOWING


def test_a_slowing_far_ahead_counts_for_nothing_and_is_replaced() -> None:
    ahead = replace(HEALTHY, slowed_until=NOW + DAY, slowings=9)
    assert permission(ahead, NOW) is Permission.GO
    assert throttled(ahead).slowed_until == NOW + FIRST_SLOWING


Step = tuple[str, str, int, float]
STEPS = st.lists(
    st.tuples(
        st.sampled_from([*Trouble, "answer", "probe"]),
        st.sampled_from("abcdef"),
        st.sampled_from([0, 1, 900, 3_000, 16_000, 61_000, 200_000, DAY]),
        st.floats(0, 1, exclude_max=True),
    ),
    max_size=40,
)


def lived(steps: Sequence[Step], course: str | None = None) -> tuple[PlatformHealth, int, int]:
    """Live through the steps, all of one course if one is named; tell how often it opened, and what time it is."""
    health, now, opened = HEALTHY, NOW, 0
    for what, where, pause, number in steps:
        now += pause
        before = health
        if what == "answer":
            health = after_answer(health, now)
        elif what == "probe":
            if permission(health, now) is Permission.PROBE:
                health = probe_claimed(health, now, always(number))
        else:
            health = after_trouble(health, Trouble(what), course or where, now, always(number))
        opened += before.opened_at is None and health.opened_at is not None
        assert len(health.troubles) < OPENS_AFTER + MOST_OF_ONE_COURSE
    return health, opened, now


@given(STEPS, st.sampled_from("abc"))
def test_one_course_never_opens_it(steps: list[Step], course: str) -> None:
    assert lived(steps, course)[1] == 0


@given(STEPS)
def test_it_opens_only_after_as_many_troubles_over_as_many_courses_since_the_last_answer(steps: list[Step]) -> None:
    for end in range(1, len(steps) + 1):
        if lived(steps[:end])[1] > lived(steps[: end - 1])[1]:
            courses: list[str] = []
            for what, course, _, _ in reversed(steps[:end]):
                if what in ("answer", *ANSWERS):
                    break
                if what in COUNTED:
                    courses.append(course)
            assert len(courses) >= 5
            assert len(set(courses)) >= 3


@given(STEPS)
def test_an_answer_always_closes_it(steps: list[Step]) -> None:
    health, _, now = lived(steps)
    assert permission(after_answer(health, now), now) in (Permission.GO, Permission.SLOWED)
    assert after_answer(health, now).clean


@given(STEPS, st.sampled_from(Trouble), st.integers(0, 100_000))
def test_a_trouble_never_shortens_a_slowing_or_the_wait_for_a_probe(
    steps: list[Step], trouble: Trouble, pause: int
) -> None:
    health, _, now = lived(steps)
    now += pause
    after = after_trouble(health, trouble, "a", now, least)
    assert after.slowed_until >= health.slowed_until
    assert after.opened_at is None or after.probe_at >= health.probe_at


@given(STEPS)
def test_nobody_is_kept_off_for_more_than_a_minute(steps: list[Step]) -> None:
    health, _, now = lived(steps)
    assert permission(health, now + 60_000) in (Permission.GO, Permission.PROBE)


@given(st.integers(-(2**62), 2**62), st.integers(-(2**62), 2**62), st.integers(0, 2**62), st.booleans())
def test_whatever_is_stored_nobody_is_kept_off_for_long(until: int, probe_at: int, probes: int, opened: bool) -> None:
    stored = PlatformHealth(
        "school",
        7,
        (),
        until if opened else None,
        probe_at=probe_at,
        probes=probes,
        slowed_until=until,
        slowings=probes,
    )
    later = NOW + max(LONGEST_PROBE, LONGEST_SLOWING) + CLOCKS_APART
    wait = {Permission.CLOSED_OFF: probe_at, Permission.SLOWED: until}.get(permission(stored, NOW), NOW)
    assert wait <= later
    assert probe_claimed(stored, NOW, most).probe_at <= NOW + LONGEST_PROBE
    assert throttled(stored).slowed_until <= later or throttled(stored) is stored
