"""How platforms are, as all containers share it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from chalicelib.clock import SystemClock, to_milliseconds
from chalicelib.delivery.breaker import NotedTrouble, PlatformHealth
from chalicelib.delivery.gate import Gate
from chalicelib.errors import PlatformUnavailable, StorageConflict, Trouble
from chalicelib.storage.health import HealthStore, from_item, health_key, to_item
from chalicelib.storage.table import Table

from .records import NOW_MS, fields_left_at_default

HEALTH = PlatformHealth(
    platform="school é",
    version=1,
    troubles=(NotedTrouble("course é", NOW_MS), NotedTrouble("other", NOW_MS + 1)),
    opened_at=NOW_MS + 2,
    probe_at=NOW_MS + 3,
    probes=4,
    slowed_until=NOW_MS + 5,
    slowings=6,
)
CONTAINERS = 8


def test_a_health_comes_back_as_it_was(table: Table) -> None:
    store = HealthStore(table)
    nothing = store.get(HEALTH.platform)
    assert nothing == PlatformHealth(HEALTH.platform)
    assert store.put(nothing, HEALTH) == HEALTH
    assert store.get(HEALTH.platform) == HEALTH
    assert store.get("other") == PlatformHealth("other")
    assert fields_left_at_default(HEALTH) == []


def test_each_write_builds_on_the_one_before(table: Table) -> None:
    store = HealthStore(table)
    first = store.put(PlatformHealth("school"), PlatformHealth("school", slowings=1))
    second = store.put(first, replace(first, slowings=2))
    assert (first.version, second.version) == (1, 2)
    for late in (PlatformHealth("school"), first):
        with pytest.raises(StorageConflict) as raised:
            store.put(late, replace(late, slowings=9))
        assert raised.value.kinds == {"health"}
    assert store.get("school") == second


def test_a_state_that_cannot_be_read_counts_for_nothing_and_can_be_replaced(table: Table) -> None:
    table.put({**to_item(HEALTH), "troubles": "none"})
    store = HealthStore(table)
    bare = store.get(HEALTH.platform)
    assert bare == PlatformHealth(HEALTH.platform, version=1)
    assert from_item(table.get(health_key(HEALTH.platform)) or {}) == bare
    store.put(bare, HEALTH)
    assert store.get(HEALTH.platform) == replace(HEALTH, version=2)


@pytest.mark.engine
def test_of_several_containers_that_claim_a_probe_one_gets_it(engine_table: Table) -> None:
    store, clock = HealthStore(engine_table), SystemClock()
    now = to_milliseconds(clock.now())
    seen = store.put(PlatformHealth("school"), PlatformHealth("school", opened_at=now - 15_000, probe_at=now))
    together = Barrier(CONTAINERS, timeout=20)

    def container(_: int) -> bool:
        gate = Gate(store, clock, lambda: 0.5)
        together.wait()
        return gate.admit("school", seen).probe

    with ThreadPoolExecutor(CONTAINERS) as pool:
        assert list(pool.map(container, range(CONTAINERS))).count(True) == 1
    assert store.get("school").probes == 1


@pytest.mark.engine
def test_troubles_that_several_containers_note_at_once_open_it(engine_table: Table) -> None:
    store, clock = HealthStore(engine_table), SystemClock()
    together = Barrier(CONTAINERS, timeout=20)

    def container(number: int) -> None:
        gate = Gate(store, clock, lambda: 0.5)
        together.wait()
        for _ in range(2):
            problem = PlatformUnavailable("down", maybe_applied=False, cause=Trouble.UNREACHABLE)
            gate.trouble("school", f"course {number}", problem)

    with ThreadPoolExecutor(CONTAINERS) as pool:
        list(pool.map(container, range(CONTAINERS)))
    assert store.get("school").opened_at is not None
