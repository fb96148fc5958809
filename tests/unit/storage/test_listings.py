"""Several listings are read in turn, and several of them at once."""

import threading
import time
from collections.abc import Iterator
from itertools import islice

import pytest
from memory_table import MemoryTable

from chalicelib.errors import StorageUnavailable
from chalicelib.storage.listings import AT_ONCE, in_turn
from chalicelib.storage.table import PAGE

KINDS = [f"day {number:03d}" for number in range(40)]


class Watch:
    """Counts the requests to the table, and how many ran at one time."""

    def __init__(self) -> None:
        self.requests = 0
        self.at_once = 0
        self.fails = False
        self._running = 0
        self._lock = threading.Lock()

    def before(self, operation: str) -> None:
        if operation != "Query":
            return
        with self._lock:
            self.requests += 1
            self._running += 1
            self.at_once = max(self.at_once, self._running)
            if self.fails and self.requests > 5:
                raise StorageUnavailable("Query was refused")
        time.sleep(0.005)  # as on a network: so that requests can meet

    def after(self, operation: str) -> None:
        if operation == "Query":
            with self._lock:
                self._running -= 1


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def table(watch: Watch) -> MemoryTable:
    return MemoryTable(before=watch.before, after=watch.after)


def fill(table: MemoryTable, kind: str, number: int) -> list[str]:
    names = [f"{kind}, {each:04d}" for each in range(number)]
    for name in names:
        table.put({"pk": name, "listing_kind": kind, "listing_order": name})
    return names


def read(table: MemoryTable, *, reverse: bool = False) -> Iterator[str]:
    return (str(item["pk"]) for item in in_turn(table, KINDS, reverse=reverse))


@pytest.mark.parametrize("reverse", [False, True])
def test_the_order_is_that_of_the_listings_and_within_each_its_own(table: MemoryTable, reverse: bool) -> None:
    expected = []
    for kind, number in ((KINDS[0], 3), (KINDS[5], 2 * PAGE + 1), (KINDS[6], 1), (KINDS[39], PAGE)):
        names = fill(table, kind, number)
        expected += names[::-1] if reverse else names
    assert list(read(table, reverse=reverse)) == expected


def test_empty_ones_are_asked_for_together_but_never_more_than_a_client_has_connections(
    table: MemoryTable, watch: Watch
) -> None:
    fill(table, KINDS[-1], 1)
    assert len(list(read(table))) == 1
    assert watch.requests == len(KINDS)
    assert 2 <= watch.at_once <= AT_ONCE < 10


def test_who_finds_enough_in_the_first_asks_for_no_other(table: MemoryTable, watch: Watch) -> None:
    fill(table, KINDS[0], PAGE + 5)
    assert len(list(islice(read(table), PAGE))) == PAGE
    assert watch.requests == 1
    assert len(list(islice(read(table), PAGE + 5))) == PAGE + 5
    assert watch.requests == 3


def test_who_stops_has_asked_for_few_in_vain(table: MemoryTable, watch: Watch) -> None:
    for kind in KINDS:
        fill(table, kind, 1)
    assert len(list(islice(read(table), 6))) == 6
    assert watch.requests == 1 + 2 + 4


def test_a_table_that_is_away_is_told(table: MemoryTable, watch: Watch) -> None:
    watch.fails = True
    with pytest.raises(StorageUnavailable):
        list(read(table))
