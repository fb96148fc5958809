from hypothesis import given
from hypothesis import strategies as st

from chalicelib.delivery.lots import (
    COUNTED_AGAIN_AFTER,
    LONGEST_SOURCEDID,
    WANTED_FOR,
    Lot,
    ParkedOutcome,
    asked,
    is_counted,
    period_of,
    with_parked,
    without_parked,
)
from passback import mapping_rows

LOT = Lot("key", "sourcedid")


def place(name: str, received_at: int, *, sets_score: bool = True) -> ParkedOutcome:
    return ParkedOutcome(name, received_at, sets_score=sets_score, body_digest=name)


def test_a_new_lot_holds_nothing_and_was_never_counted() -> None:
    assert (LOT.version, LOT.parked, LOT.newest_score) == (0, (), None)
    assert not is_counted(LOT, 0)


def test_it_remembers_when_it_was_asked_for_first_and_last() -> None:
    lot = asked(asked(LOT, 1000), 5000)
    assert (lot.version, lot.wanted, lot.first_seen, lot.last_seen) == (2, 2, 1000, 5000)
    assert asked(lot, 4000).last_seen == 5000


def test_it_is_not_counted_again_within_a_minute() -> None:
    lot = asked(LOT, 1000)
    assert is_counted(lot, 1000 + COUNTED_AGAIN_AFTER - 1)
    assert not is_counted(lot, 1000 + COUNTED_AGAIN_AFTER)


def test_it_is_forgotten_only_when_nothing_is_parked() -> None:
    lot = with_parked(LOT, place("d", 1), 1000)
    assert lot.expires_at is None
    assert without_parked(lot, "d").expires_at == 1000 + WANTED_FOR


def test_to_park_is_to_ask() -> None:
    lot = with_parked(LOT, place("d", 1), 1000)
    assert (lot.wanted, lot.last_seen, lot.version) == (1, 1000, 1)
    assert without_parked(lot, "d").wanted == 1


def test_what_was_received_at_one_time_stays_in_the_order_it_came() -> None:
    lot = LOT
    for name in "cab":
        lot = with_parked(lot, place(name, 7), 1000)
    assert [each.delivery_id for each in lot.parked] == ["c", "a", "b"]


@given(st.lists(st.integers(0, 50), max_size=20), st.data())
def test_what_is_parked_stays_in_the_order_of_its_receipt(times: list[int], data: st.DataObject) -> None:
    lot = LOT
    for number, received_at in enumerate(times):
        lot = with_parked(lot, place(str(number), received_at, sets_score=data.draw(st.booleans())), 1000)
    assert [each.received_at for each in lot.parked] == sorted(times)
    assert lot.version == lot.wanted == len(times)
    scores = [each for each in lot.parked if each.sets_score]
    assert lot.newest_score == (scores[-1] if scores else None)
    if times:
        gone = data.draw(st.sampled_from(lot.parked))
        rest = without_parked(lot, gone.delivery_id)
        assert rest.parked == tuple(each for each in lot.parked if each != gone)
        assert rest.version == lot.version + 1


def test_periods_follow_one_another() -> None:
    assert [period_of(now) for now in (0, WANTED_FOR - 1, WANTED_FOR)] == [0, 0, 1]


def test_what_cannot_be_mapped_is_not_kept_and_all_that_can_is() -> None:
    assert mapping_rows.LONGEST_SOURCEDID == LONGEST_SOURCEDID
