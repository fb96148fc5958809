"""The table in memory behaves as the engine does, for any sequence of what the table code asks of it."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from memory_table import MemoryTable

from chalicelib.errors import StorageConflict
from chalicelib.storage.attributes import Item
from chalicelib.storage.conditions import ABSENT, ALWAYS, Check, Condition, Put, Remove, absent_or_expired, unchanged
from chalicelib.storage.table import Table

KEYS = st.sampled_from(["a", "b", "c"])
NUMBERS = st.integers(0, 2)
CONDITIONS = st.one_of(
    st.just(ABSENT),
    st.just(ALWAYS),
    st.builds(lambda version: unchanged(version=version), NUMBERS),
    st.builds(lambda version, state: unchanged(version=version, state=state), NUMBERS, st.sampled_from(["x", "y"])),
    st.builds(absent_or_expired, NUMBERS),
)
ITEMS = st.fixed_dictionaries(
    {"pk": KEYS, "version": NUMBERS, "state": st.sampled_from(["x", "y"])},
    optional={
        "expires_at_ms": NUMBERS,
        "listing_kind": st.just("kind"),
        "listing_order": st.text("012é", min_size=1, max_size=3),
    },
)
WRITES = st.one_of(
    st.builds(lambda item, condition: Put(item["pk"], item, condition), ITEMS, CONDITIONS),
    st.builds(lambda pk, condition: Check(pk, pk, condition), KEYS, CONDITIONS),
    st.builds(lambda pk: Remove(pk, pk), KEYS),
)
"""Each names its item as its kind."""
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), ITEMS, st.none() | CONDITIONS),
        st.tuples(st.just("update"), KEYS, CONDITIONS),
        st.tuples(st.just("add"), st.tuples(KEYS, st.integers(-1, 2), st.none() | st.integers(-1, 3)), st.none()),
        st.tuples(st.just("delete"), KEYS, st.none()),
        st.tuples(
            st.just("transact"),
            st.lists(WRITES, min_size=2, max_size=3, unique_by=lambda write: write.kind),
            st.none(),
        ),
    ),
    max_size=12,
)


def _do(table: Table, step: tuple[str, Any, Condition | None]) -> object:
    what, target, condition = step
    try:
        if what == "put":
            table.put(target, condition)
        if what == "update":
            table.update(target, {"version": 2}, condition or ABSENT)
        if what == "add":
            pk, by, at_most = target
            return table.add(pk, "version", by, at_most=at_most, also={"state": "x"})
        if what == "delete":
            return table.delete(target)
        if what == "transact":
            table.transact(target)
    except StorageConflict as conflict:
        return conflict.kinds
    return None


def _without_token(item: Item | None) -> Item | None:
    return None if item is None else {name: value for name, value in item.items() if name != "write_token"}


@pytest.mark.engine
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(steps=STEPS)
def test_the_same_steps_end_in_the_same_items(
    engine_client: Any, make_table: Callable[[Any], Table], steps: Any
) -> None:
    real, memory = make_table(engine_client), MemoryTable()
    for step in steps:
        assert _do(memory, step) == _do(real, step), step
    for pk in ("a", "b", "c"):
        assert _without_token(memory.get(pk)) == _without_token(real.get(pk))
    assert {pk: _without_token(item) for pk, item in memory.get_many("abc").items()} == {
        pk: _without_token(item) for pk, item in real.get_many("abc").items()
    }
    for reverse, before in product((False, True), (None, "1", "1é")):
        listed = [
            [_without_token(item) for item in table.listing("kind", reverse=reverse, before=before)]
            for table in (memory, real)
        ]
        assert listed[0] == listed[1]
