"""The table in memory, for tests that need thousands of requests. The contract test holds it against a real engine.

Items go through the same encoding as on the wire, so that what cannot be stored fails here too.
"""

import re
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from chalicelib.errors import StorageConflict
from chalicelib.storage.attributes import Item, decode_item, encode_item
from chalicelib.storage.conditions import Condition, Put, Remove, Write
from chalicelib.storage.table import PAGE, Page, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

Stored = dict[str, "AttributeValueTypeDef"]

_TERM = re.compile(
    r"attribute_not_exists\(#(?P<absent>\w+)\)|attribute_exists\(#(?P<present>\w+)\)"
    r"|#(?P<name>\w+) (?P<sign>=|<=) :(?P<value>\w+)"
)


def _nothing(_operation: str) -> None:
    pass


class MemoryTable(Table):
    """Keeps items in a dictionary; every operation is announced before and after, as botocore announces requests."""

    def __init__(
        self, name: str = "passback", before: Callable[[str], None] = _nothing, after: Callable[[str], None] = _nothing
    ) -> None:
        self.name = name
        self._before = before
        self._after = after
        self._items: dict[str, Stored] = {}
        self._lock = threading.Lock()

    def get(self, pk: str) -> Item | None:
        found = self._announced("GetItem", lambda: self._items.get(pk))
        return None if found is None else decode_item(found)

    def get_many(self, pks: Iterable[str]) -> dict[str, Item]:
        keys = list(dict.fromkeys(pks))
        found = self._announced("BatchGetItem", lambda: {pk: self._items[pk] for pk in keys if pk in self._items})
        return {pk: decode_item(item) for pk, item in found.items()}

    def put(self, item: Item, condition: Condition | None = None, *, kind: str = "item") -> None:
        puts = [Put(kind, item, condition or Condition("", ()))]
        self._announced("PutItem", lambda: self._write(puts))

    def update(self, pk: str, changes: Item, condition: Condition, *, kind: str = "item") -> None:
        def write() -> None:
            if not _holds(condition, self._items.get(pk)):
                raise StorageConflict(frozenset({kind}))
            self._items[pk] = {**self._items.get(pk, {"pk": {"S": pk}}), **encode_item(changes)}

        self._announced("UpdateItem", write)

    def add(
        self,
        pk: str,
        name: str,
        by: int,
        *,
        at_most: int | None = None,
        also: Item | None = None,
        kind: str = "item",
    ) -> int | None:
        def write() -> int | None:
            stored = self._items.get(pk, {"pk": {"S": pk}})
            total = int(stored.get(name, {"N": "0"})["N"]) + by
            if at_most is not None and total > at_most:
                return None
            self._items[pk] = {**stored, **encode_item({name: total, **(also or {})})}
            return total

        total: int | None = self._announced("UpdateItem", write)
        return total

    def put_many(self, items: Iterable[Item]) -> None:
        for item in items:
            self.put(item)

    def delete(self, pk: str) -> bool:
        return bool(self._announced("DeleteItem", lambda: self._items.pop(pk, None) is not None))

    def transact(self, writes: Sequence[Write]) -> None:
        self._announced("TransactWriteItems", lambda: self._write(writes))

    def query_listing(
        self,
        kind: str,
        *,
        limit: int = PAGE,
        start: tuple[str, str] | None = None,
        reverse: bool = False,
        before: str | None = None,
    ) -> Page:
        def listed() -> list[tuple[tuple[str, str], Stored]]:
            rows = [
                ((item["listing_order"]["S"], pk), item)
                for pk, item in self._items.items()
                if item.get("listing_kind", {}).get("S") == kind and "listing_order" in item
            ]
            return sorted(rows, key=lambda row: row[0], reverse=reverse)

        rows = [row for row in self._announced("Query", listed) if before is None or row[0][0] < before]
        if start is not None:
            rows = [row for row in rows if (row[0] < start if reverse else row[0] > start)]
        page = rows[:limit]
        following = page[-1][0] if len(rows) > limit else None
        return Page(tuple(decode_item(item) for _, item in page), following)

    def _write(self, writes: Sequence[Write]) -> None:
        encoded = {write.item["pk"]: encode_item(write.item) for write in writes if isinstance(write, Put)}
        keys = [str(write.item["pk"]) if isinstance(write, Put) else write.pk for write in writes]
        if len(set(keys)) != len(keys):
            raise ValueError("a transaction names an item twice")
        failed = {
            write.kind
            for write, key in zip(writes, keys, strict=True)
            if not isinstance(write, Remove) and not _holds(write.condition, self._items.get(key))
        }
        if failed:
            raise StorageConflict(frozenset(failed))
        for write, key in zip(writes, keys, strict=True):
            if isinstance(write, Put):
                self._items[key] = encoded[key]
            if isinstance(write, Remove):
                self._items.pop(key, None)

    def _announced(self, operation: str, work: Callable[[], Any]) -> Any:
        self._before(operation)
        with self._lock:
            done = work()
        self._after(operation)
        return done


def _holds(condition: Condition, item: Stored | None) -> bool:
    """Evaluate the few forms of condition that the table code writes; another form is an error, not a guess."""
    if not condition.expression:
        return True
    stored: Stored = item or {}
    values = encode_item({"pk": "", **condition.values})
    if " OR " in condition.expression:
        return any(_term(term, stored, values) for term in condition.expression.split(" OR "))
    return all(_term(term, stored, values) for term in condition.expression.split(" AND "))


def _term(term: str, stored: Stored, values: Stored) -> bool:
    read = _TERM.fullmatch(term)
    if read is None:
        raise ValueError(f"a condition of another form: {term}")
    if read["absent"]:
        return read["absent"] not in stored
    if read["present"]:
        return read["present"] in stored
    found, wanted = stored.get(read["name"]), values[read["value"]]
    if found is None or read["sign"] == "=":
        return found == wanted
    return "N" in found and int(found["N"]) <= int(wanted["N"])
