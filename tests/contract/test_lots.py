from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.delivery.lots import WANTED_FOR, Lot, ParkedOutcome, asked, with_parked, without_parked
from chalicelib.errors import StorageConflict
from chalicelib.storage import lots as lot_items
from chalicelib.storage.conditions import ALWAYS
from chalicelib.storage.ledger import Change, Ledger
from chalicelib.storage.lots import TENTHS, LotStore, lot_key, tenth_of
from chalicelib.storage.mappings import MappingStore, mapping_keys
from chalicelib.storage.table import Table

from .records import DELIVERY, MAPPING, MOODLE_SOURCEDID, NOW, NOW_MS, TOOL

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PLACE = ParkedOutcome("d1", NOW_MS, sets_score=True, body_digest="digest")
LOT = Lot(TOOL.consumer_key, MOODLE_SOURCEDID)
HOLDING = with_parked(LOT, PLACE, NOW_MS)


@pytest.fixture
def store(table: Table) -> LotStore:
    return LotStore(table)


def write(ledger: Ledger, before: Lot, after: Lot) -> Lot:
    ledger.commit(NOW, lot=Change(before, after))
    return after


def item(client: "DynamoDBClient", table: Table, lot: Lot) -> dict[str, Any]:
    key = lot_key(lot.consumer_key, lot.sourcedid)
    return dict(client.get_item(TableName=table.name, Key={"pk": {"S": key}})["Item"])


def listed(lots: Iterable[Lot]) -> list[str]:
    return [lot.sourcedid for lot in lots]


def test_a_lot_comes_back_as_it_was_written(store: LotStore, ledger: Ledger) -> None:
    full = replace(
        with_parked(HOLDING, ParkedOutcome("d2", NOW_MS + 1, sets_score=False, body_digest="other"), NOW_MS + 1),
        counted_in=7,
    )
    assert store.get(LOT.consumer_key, LOT.sourcedid) == LOT
    write(ledger, LOT, replace(full, version=1))
    assert store.get(LOT.consumer_key, LOT.sourcedid) == replace(full, version=1)
    assert store.get(LOT.consumer_key, "another") == Lot(LOT.consumer_key, "another")
    assert store.get("another", LOT.sourcedid) == Lot("another", LOT.sourcedid)


def test_the_ledger_reads_it_along_with_the_mapping(ledger: Ledger, table: Table, operations: list[str]) -> None:
    write(ledger, LOT, HOLDING)
    operations.clear()
    where = ledger.whereabouts(LOT.consumer_key, LOT.sourcedid)
    assert (where.pointing, where.lot, operations) == (None, HOLDING, ["BatchGetItem"])
    MappingStore(table).put(MAPPING)
    where = ledger.whereabouts(LOT.consumer_key, LOT.sourcedid)
    assert (where.pointing is not None, where.lot) == (True, HOLDING)
    padded = f" {LOT.sourcedid} "
    where = ledger.whereabouts(LOT.consumer_key, padded)
    assert (where.pointing is not None, where.lot) == (True, Lot(LOT.consumer_key, padded))


def test_a_lot_that_somebody_else_changed_is_a_conflict(ledger: Ledger) -> None:
    write(ledger, LOT, HOLDING)
    for before in (LOT, replace(HOLDING, version=2)):
        with pytest.raises(StorageConflict) as raised:
            write(ledger, before, asked(before, NOW_MS))
        assert raised.value.kinds == {"lot"}


@pytest.mark.parametrize("sourcedid", [MOODLE_SOURCEDID, f"\n{MOODLE_SOURCEDID} "])
def test_nothing_is_parked_when_there_is_a_mapping(
    ledger: Ledger, store: LotStore, table: Table, sourcedid: str
) -> None:
    lot = Lot(TOOL.consumer_key, sourcedid)
    MappingStore(table).put(MAPPING)
    with pytest.raises(StorageConflict) as raised:
        ledger.commit(
            NOW,
            delivery=Change(None, DELIVERY),
            lot=Change(lot, with_parked(lot, PLACE, NOW_MS)),
            unmapped=(lot.consumer_key, lot.sourcedid),
        )
    assert raised.value.kinds == {"mapping"}
    assert (store.get(lot.consumer_key, sourcedid), ledger.delivery(DELIVERY.id, NOW)) == (lot, None)


def test_without_a_mapping_delivery_and_lot_are_written_together(ledger: Ledger, store: LotStore) -> None:
    ledger.commit(
        NOW,
        delivery=Change(None, DELIVERY),
        lot=Change(LOT, HOLDING),
        unmapped=(LOT.consumer_key, LOT.sourcedid),
    )
    assert store.get(LOT.consumer_key, LOT.sourcedid) == HOLDING
    assert ledger.delivery(DELIVERY.id, NOW) is not None


def test_what_holds_something_never_expires_and_what_is_wanted_does(
    ledger: Ledger, client: "DynamoDBClient", table: Table
) -> None:
    write(ledger, LOT, HOLDING)
    assert "expires_at" not in item(client, table, LOT)
    write(ledger, HOLDING, without_parked(HOLDING, "d1"))
    assert int(item(client, table, LOT)["expires_at"]["N"]) == -(-(NOW_MS + WANTED_FOR) // 1000)


def test_lots_that_hold_something_are_listed_by_tenths_the_longest_parked_first(
    ledger: Ledger, store: LotStore
) -> None:
    lots = [Lot(TOOL.consumer_key, f"s{number}") for number in range(40)]
    for number, lot in enumerate(lots):
        if number % 4:
            write(ledger, lot, with_parked(lot, replace(PLACE, received_at=NOW_MS - number), NOW_MS))
        else:
            write(ledger, lot, asked(lot, NOW_MS))
    for tenth in range(TENTHS):
        expected = [lot.sourcedid for n, lot in enumerate(lots) if n % 4 and tenth_of(lot) == tenth]
        assert listed(store.holding(tenth)) == expected[::-1]
    assert sorted(listed(store.list(NOW_MS))) == sorted(lot.sourcedid for lot in lots)
    assert sorted(listed(store.list(NOW_MS + WANTED_FOR))) == sorted(
        lot.sourcedid for n, lot in enumerate(lots) if n % 4
    )
    assert listed(store.list(NOW_MS, "another tool")) == []


def test_a_damaged_lot_hides_no_other(ledger: Ledger, store: LotStore, table: Table) -> None:
    other = next(each for each in (Lot("key", f"s{n}") for n in range(999)) if tenth_of(each) == tenth_of(LOT))
    write(ledger, LOT, HOLDING)
    write(ledger, other, with_parked(other, PLACE, NOW_MS))
    table.update(lot_key(LOT.consumer_key, LOT.sourcedid), {"wanted": "many"}, ALWAYS)
    assert listed(store.holding(tenth_of(LOT))) == [other.sourcedid]


def test_mappings_are_looked_up_for_many_lots_at_once(store: LotStore, table: Table, operations: list[str]) -> None:
    padded = Lot(MAPPING.consumer_key, f" {MAPPING.sourcedid}\n")
    lots = [Lot(MAPPING.consumer_key, f" s{number}") for number in range(60)]
    MappingStore(table).put(MAPPING)
    operations.clear()
    found = dict(store.with_mappings(iter([*lots, LOT, padded])))
    assert operations == ["BatchGetItem"] * 2
    assert len(found) == 62
    assert {lot for lot, mapping in found.items() if mapping is not None} == {LOT, padded}
    assert found[padded] == MAPPING


def test_a_damaged_mapping_hides_no_other(store: LotStore, table: Table) -> None:
    damaged = replace(MAPPING, sourcedid="damaged")
    MappingStore(table).put_many([MAPPING, damaged])
    table.update(mapping_keys(damaged.consumer_key, "damaged")[0], {"submitted": "perhaps"}, ALWAYS)
    lots = [Lot(damaged.consumer_key, "damaged"), LOT]
    assert list(store.with_mappings(iter(lots))) == [(LOT, MAPPING)]


def test_places_are_counted_and_given_back(store: LotStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lot_items, "MOST_OF_A_TENTH", 2)
    assert [store.reserve(LOT) for _ in range(3)] == [True, True, False]
    assert store.reserve(replace(LOT, consumer_key="another"))
    [count] = [each for each in store.counts(tenth_of(LOT)) if each.consumer_key == LOT.consumer_key]
    assert count.number == 2
    store.give_back(LOT)
    assert store.reserve(LOT)
    assert not store.reserve(LOT)
    store.correct(count, 0)
    assert store.reserve(LOT)
    store.correct(count, 0)  # as it was read it is no more
    [count] = [each for each in store.counts(tenth_of(LOT)) if each.consumer_key == LOT.consumer_key]
    assert count.number == 1


def test_wanted_sourcedids_are_limited_by_period(store: LotStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lot_items, "MOST_WANTED", 2)
    assert [store.reserve_wanted("key", 7) for _ in range(3)] == [True, True, False]
    assert store.reserve_wanted("key", 8)
    assert store.reserve_wanted("another", 7)


def test_a_lot_can_be_removed(store: LotStore, ledger: Ledger) -> None:
    write(ledger, LOT, HOLDING)
    assert store.remove(LOT)
    assert not store.remove(LOT)
    assert store.get(LOT.consumer_key, LOT.sourcedid) == LOT
