"""Counts what DynamoDB would charge for requests: read and write request units, by its published rules.

A strongly consistent read of an item is one unit for each 4 KB begun, also of one that is not there; a query of an
index half of that for all it returns. A write is one unit for each 1 KB begun of the larger of old and new item, twice
that in a transaction (DynamoDB, "Read and write operations"). An index entry is written once more when it is new, gone
or its item has changed, and twice when its key has (DynamoDB, "Global Secondary Indexes", write costs). The sizes are
those of "DynamoDB item sizes and formats". The engines at hand do not tell: their numbers leave the index out.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from memory_table import MemoryTable, Stored

from chalicelib.storage.attributes import Item, encode_item
from chalicelib.storage.conditions import Condition, Put, Write
from chalicelib.storage.table import Page

READ_BYTES, WRITE_BYTES = 4096, 1024
LISTED = ("listing_kind", "listing_order")


class MeteredTable(MemoryTable):
    """A table in memory that adds units up, in ``reads`` and ``writes``."""

    reads = 0.0
    writes = 0

    def get(self, pk: str) -> Item | None:
        self._read(pk)
        return super().get(pk)

    def get_many(self, pks: Iterable[str]) -> dict[str, Item]:
        keys = list(dict.fromkeys(pks))
        for pk in keys:
            self._read(pk)
        return super().get_many(keys)

    def put(self, item: Item, condition: Condition | None = None, *, kind: str = "item") -> None:
        self._written([str(item["pk"])], lambda: super(MeteredTable, self).put(item, condition, kind=kind), 1)

    def update(self, pk: str, changes: Item, condition: Condition, *, kind: str = "item") -> None:
        self._written([pk], lambda: super(MeteredTable, self).update(pk, changes, condition, kind=kind), 1)

    def add(self, pk: str, name: str, by: int, **options: Any) -> int | None:
        total: int | None = self._written([pk], lambda: super(MeteredTable, self).add(pk, name, by, **options), 1)
        return total

    def delete(self, pk: str) -> bool:
        return bool(self._written([pk], lambda: super(MeteredTable, self).delete(pk), 1))

    def transact(self, writes: Sequence[Write]) -> None:
        keys = [str(write.item["pk"]) if isinstance(write, Put) else write.pk for write in writes]
        self._written(keys, lambda: super(MeteredTable, self).transact(writes), 2)

    def query_listing(self, kind: str, **options: Any) -> Page:
        page = super().query_listing(kind, **options)
        self.reads += max(1, -(-sum(item_size(encode_item(item)) for item in page.items) // READ_BYTES)) / 2
        return page

    def _read(self, pk: str) -> None:
        self.reads += max(1, -(-item_size(self._items.get(pk, {})) // READ_BYTES))

    def _written(self, pks: Sequence[str], write: Callable[[], Any], times: int) -> Any:
        before = [self._items.get(pk) for pk in pks]
        done = write()
        for pk, old in zip(pks, before, strict=True):
            new = self._items.get(pk)
            units = max(1, -(-max(item_size(old or {}), item_size(new or {})) // WRITE_BYTES))
            self.writes += times * units + units * _index_writes(old, new)
        return done


def item_size(item: Stored) -> int:
    """Tell the bytes of an item: its names and its values."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Any) -> int:
    match value:
        case {"S": text}:
            return len(text.encode())
        case {"N": digits}:
            return (len(digits.lstrip("-").strip("0.")) + 1) // 2 + 1
        case {"B": content}:
            return len(content)
        case {"M": members}:
            return 3 + sum(1 + len(name.encode()) + _value_size(each) for name, each in members.items())
        case {"L": elements}:
            return 3 + sum(1 + _value_size(each) for each in elements)
        case _:
            return 1


def _index_writes(old: Stored | None, new: Stored | None) -> int:
    keys = [
        None if item is None or "listing_kind" not in item else [item[name] for name in LISTED] for item in (old, new)
    ]
    if old == new or keys == [None, None]:
        return 0
    return 2 if None not in keys and keys[0] != keys[1] else 1
