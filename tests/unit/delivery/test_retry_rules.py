"""When a delivery that failed for now is tried again, and when it is given up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.delivery.records import CellKey, Delivery
from chalicelib.delivery.retries import FILE_WAITS, RetryRules, next_file_try
from chalicelib.translation.refusals import FILE_TRIES

NOW = 1_770_113_730_123
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
RULES = RetryRules()
CHANCES = st.floats(0, 1, exclude_max=True)
"""What ``random.random`` gives."""


def a_delivery(received_at: int, retried_at: int | None = None) -> Delivery:
    return Delivery(
        "d1", CellKey("p", "l", "u"), "k", "", "", "", None, received_at, received_at, "", "", "", retried_at=retried_at
    )


def longest(tries: int, rules: RetryRules = RULES) -> int:
    return rules.next_try(tries, 0, lambda: 1.0)


def test_the_wait_doubles_from_a_minute_to_an_hour_and_stays() -> None:
    minutes = [longest(tries) / MINUTE for tries in range(1, 10)]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60, 60]


@pytest.mark.parametrize("tries", [31, 200, 10**9])
def test_however_often_it_was_tried_it_is_tried_again_within_the_hour(tries: int) -> None:
    assert longest(tries) == HOUR


def test_the_shortest_possible_wait_is_none() -> None:
    """Full jitter: from nothing to the longest."""
    assert RULES.next_try(9, NOW, lambda: 0.0) == NOW
    assert RULES.next_try(9, NOW, lambda: 0.5) == NOW + HOUR // 2


@given(st.integers(0, 1000), CHANCES, st.integers(1, DAY), st.integers(1, DAY))
def test_a_next_try_is_never_before_now_nor_later_than_the_longest_wait(
    tries: int, chance: float, first_wait: int, longest_wait: int
) -> None:
    rules = RetryRules(first_wait=first_wait, longest_wait=longest_wait)
    due_at = rules.next_try(tries, NOW, lambda: chance)
    assert isinstance(due_at, int)
    assert NOW <= due_at <= NOW + longest_wait
    assert due_at <= NOW + first_wait * 2 ** max(tries - 1, 0)


@given(st.integers(1, 60), CHANCES)
def test_with_the_same_luck_no_wait_is_shorter_than_the_one_before(tries: int, chance: float) -> None:
    assert RULES.next_try(tries, NOW, lambda: chance) <= RULES.next_try(tries + 1, NOW, lambda: chance)


@given(st.integers(1, 60), CHANCES, CHANCES)
def test_two_that_failed_together_come_apart(tries: int, one: float, other: float) -> None:
    apart = RULES.next_try(tries, NOW, lambda: one) - RULES.next_try(tries, NOW, lambda: other)
    assert abs(apart - longest(tries) * (one - other)) <= 1


def test_an_outage_of_three_days_is_survived() -> None:
    delivery = a_delivery(NOW)
    assert not RULES.gives_up(delivery, NOW + 3 * DAY)
    assert not RULES.gives_up(delivery, NOW + 7 * DAY)
    assert RULES.gives_up(delivery, NOW + 7 * DAY + 1)


def test_what_an_operator_put_back_in_line_has_the_whole_time_again() -> None:
    delivery = a_delivery(NOW - 100 * DAY, retried_at=NOW)
    assert not RULES.gives_up(delivery, NOW + 7 * DAY)
    assert RULES.gives_up(delivery, NOW + 7 * DAY + 1)


@pytest.mark.parametrize(
    ("give_up_after", "told"),
    [
        (7 * DAY, "7 days"),
        (DAY, "1 day"),
        (3 * DAY + HOUR, "3 days"),
        (DAY - 1, "23 hours"),
        (HOUR, "1 hour"),
        (2 * MINUTE, "2 minutes"),
        (30_000, "30 seconds"),
        (0, "0 seconds"),
    ],
)
def test_how_long_it_was_tried_is_told_in_whole_units(give_up_after: int, told: str) -> None:
    assert RetryRules(give_up_after=give_up_after).patience == told


def test_the_next_message_for_one_delivery_waits_longer_than_a_worker_holds_one() -> None:
    assert RULES.look_again >= 5 * MINUTE


@given(st.lists(CHANCES, min_size=FILE_TRIES - 1, max_size=FILE_TRIES - 1))
def test_all_tries_of_a_file_fall_within_the_hour(chances: list[float]) -> None:
    """Row "Files" of the design: five tries within the hour, with the schedule's minute before each of them."""
    now = NOW
    for file_tries, chance in enumerate(chances, start=1):
        due_at = next_file_try(file_tries, now, lambda chance=chance: chance)  # type: ignore[misc]  # bound at once
        assert now < due_at <= now + FILE_WAITS[file_tries - 1]
        assert due_at - now >= FILE_WAITS[file_tries - 1] // 2
        now = due_at + MINUTE
    assert now <= NOW + HOUR


def test_the_longest_waits_for_a_file_fit_into_the_hour_too() -> None:
    waits = [next_file_try(file_tries, 0, lambda: 1.0) for file_tries in range(1, FILE_TRIES)]
    assert sum(waits) + len(waits) * MINUTE <= HOUR


def test_each_wait_for_a_file_is_longer_than_the_one_before() -> None:
    waits = [next_file_try(file_tries, 0, lambda: 0.5) for file_tries in range(1, FILE_TRIES)]
    assert waits == sorted(set(waits))
    assert waits[0] >= MINUTE


def test_a_file_tried_too_often_waits_no_longer() -> None:
    assert next_file_try(99, 0, lambda: 1.0) == FILE_WAITS[-1]
