"""The one table: a partition key, a sparse listing index and a TTL attribute. Nothing here knows what an item means.

Attributes of the table itself: ``pk`` (partition key), ``listing_kind`` and ``listing_order`` (keys of the index
``listing``, only on items that are listed), ``expires_at`` (TTL, epoch seconds), ``write_token`` (see ``Table.put``).
"""

import random
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.errors import StorageConflict, StorageUnavailable
from chalicelib.storage.attributes import Fields, Item, decode_item, encode_item
from chalicelib.storage.clients import make_client, unavailable_when_refused
from chalicelib.storage.conditions import Condition, Put, Write
from chalicelib.storage.schema import LISTING, create
from chalicelib.storage.writes import (
    add_request,
    cancellation_codes,
    conditionally,
    kinds_with,
    put_request,
    transaction_part,
    update_request,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        KeysAndAttributesUnionTypeDef,
        QueryInputTypeDef,
        WriteRequestUnionTypeDef,
    )

__all__ = ["Page", "Table", "create", "make_client"]

GET_BATCH = 100
PUT_BATCH = 25
"""Most items of one BatchGetItem and one BatchWriteItem (DynamoDB, service quotas)."""
TRIES = 5
FIRST_PAUSE = 0.05
"""Seconds; doubled with each try, and shortened at random so that those who wait do not return together."""
PAGE = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Some items of a listing. ``following`` is where the next page starts; None: there is none."""

    items: tuple[Item, ...]
    following: tuple[str, str] | None


class Table:
    """Reads and writes items. Everything is read consistently, except listings, which lag by a moment.

    Every method raises ``StorageUnavailable`` when DynamoDB cannot be reached, is throttling or refuses the call.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        name: str,
        *,
        pause: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
        token: Callable[[], str] = secrets.token_urlsafe,
    ) -> None:
        self._client = client
        self.name = name
        self._pause = pause
        self._chance = chance
        self._token = token

    def get(self, pk: str) -> Item | None:
        """Read one item."""
        with unavailable_when_refused("GetItem"):
            response = self._client.get_item(TableName=self.name, Key={"pk": {"S": pk}}, ConsistentRead=True)
        return decode_item(response["Item"]) if "Item" in response else None

    def get_many(self, pks: Iterable[str]) -> dict[str, Item]:
        """Read up to 100 items with one BatchGetItem, by key; those that are not stored are left out.

        Raises
        ------
        StorageUnavailable
            Also if DynamoDB leaves keys unprocessed again and again.
        """
        keys: list[dict[str, AttributeValueTypeDef]] = [{"pk": {"S": pk}} for pk in dict.fromkeys(pks)]
        if len(keys) > GET_BATCH:
            raise ValueError(f"at most {GET_BATCH} items are read at once")
        request: dict[str, KeysAndAttributesUnionTypeDef] = {self.name: {"Keys": keys, "ConsistentRead": True}}
        found: dict[str, Item] = {}
        for _ in self._tries():
            with unavailable_when_refused("BatchGetItem"):
                response = self._client.batch_get_item(RequestItems=request)
            for attributes in response["Responses"].get(self.name, []):
                found[attributes["pk"]["S"]] = decode_item(attributes)
            left = response.get("UnprocessedKeys", {}).get(self.name)
            if not left:
                return found
            request = {self.name: left}
        raise StorageUnavailable("BatchGetItem leaves keys unprocessed")

    def put(self, item: Item, condition: Condition | None = None, *, kind: str = "item") -> None:
        """Write one item, under a condition if there is one.

        The client sends a request again when its answer is lost. The first one may have been applied, and then the
        second fails its own condition; the item that is stored by then carries this call's ``write_token``.

        Raises
        ------
        StorageConflict
            If the condition does not hold, naming ``kind``.
        """
        if condition is None:
            with unavailable_when_refused("PutItem"):
                self._client.put_item(TableName=self.name, Item=encode_item(item))
            return
        token = self._token()
        request = put_request(self.name, Put(kind, {**item, "write_token": token}, condition))
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        self._while_busy(lambda: conditionally(kind, token, "PutItem", lambda: self._client.put_item(**request)))

    def update(self, pk: str, changes: Item, condition: Condition, *, kind: str = "item") -> None:
        """Set some attributes of one item under a condition; as ``put`` in everything else."""
        token = self._token()
        request = update_request(self.name, pk, {**changes, "write_token": token}, condition)
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        self._while_busy(lambda: conditionally(kind, token, "UpdateItem", lambda: self._client.update_item(**request)))

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
        """Add to a number of one item in one request, and set attributes ``also``; a missing number counts as 0.

        Returns the new number; None if it would be above ``at_most``, and then nothing is written. An item whose time
        is over counts for as long as it is stored.

        The client sends a request again when its answer is lost, and then the number is added twice: made for limits,
        where counting one too many does no harm, and not for counts that must be right.

        Raises
        ------
        StorageConflict
            If transactions kept the item busy, naming ``kind``.
        """
        request = add_request(self.name, pk, name, by, at_most=at_most, settings=also or {})
        sums: list[int] = []

        def send() -> None:
            changed = self._client.update_item(**request)["Attributes"]
            sums.append(Fields(decode_item(changed)).number(name))

        def send_unless_above() -> frozenset[str]:
            with suppress(StorageConflict):
                return conditionally(kind, self._token(), "UpdateItem", send)
            return frozenset()

        self._while_busy(send_unless_above)
        return sums[0] if sums else None

    def put_many(self, items: Iterable[Item]) -> None:
        """Write any number of items without conditions, 25 in a request; of two with one key the later one counts.

        Raises
        ------
        StorageUnavailable
            Also if DynamoDB leaves items unprocessed again and again. Some are written by then.
        """
        remaining = iter(items)
        while chunk := list(islice(remaining, PUT_BATCH)):
            by_key = {item["pk"]: item for item in chunk}
            self._put_batch([{"PutRequest": {"Item": encode_item(item)}} for item in by_key.values()])

    def delete(self, pk: str) -> bool:
        """Delete one item; tell whether there was one."""
        with unavailable_when_refused("DeleteItem"):
            response = self._client.delete_item(TableName=self.name, Key={"pk": {"S": pk}}, ReturnValues="ALL_OLD")
        return "Attributes" in response

    def transact(self, writes: Sequence[Write]) -> None:
        """Put, check and remove all items or none, in one TransactWriteItems.

        Raises
        ------
        StorageConflict
            If conditions do not hold, naming the kinds of those items; or if other transactions kept items busy.
        """
        self._while_busy(lambda: self._transact_once(writes))

    def query_listing(
        self,
        kind: str,
        *,
        limit: int = PAGE,
        start: tuple[str, str] | None = None,
        reverse: bool = False,
        before: str | None = None,
    ) -> Page:
        """Read one page of a listing, ordered by ``listing_order``, from behind ``start`` (a page's ``following``).

        With ``before``, only items whose order is below it. Pages that follow one another have the same ``before``:
        DynamoDB refuses to start outside of what is asked for.
        """
        query: QueryInputTypeDef = {
            "TableName": self.name,
            "IndexName": LISTING,
            "KeyConditionExpression": "listing_kind = :kind",
            "ExpressionAttributeValues": {":kind": {"S": kind}},
            "ScanIndexForward": not reverse,
            "Limit": limit,
        }
        if before is not None:
            query["KeyConditionExpression"] = "listing_kind = :kind AND listing_order < :before"
            query["ExpressionAttributeValues"] = {":kind": {"S": kind}, ":before": {"S": before}}
        if start is not None:
            order, pk = start
            query["ExclusiveStartKey"] = {"listing_kind": {"S": kind}, "listing_order": {"S": order}, "pk": {"S": pk}}
        with unavailable_when_refused("Query"):
            response = self._client.query(**query)
        last = response.get("LastEvaluatedKey")
        following = (last["listing_order"]["S"], last["pk"]["S"]) if last else None
        return Page(tuple(decode_item(attributes) for attributes in response["Items"]), following)

    def listing(
        self, kind: str, *, reverse: bool = False, before: str | None = None, start: tuple[str, str] | None = None
    ) -> Iterator[Item]:
        """Read a listing (``before``, ``start``: as ``query_listing``), page by page, as far as the caller goes."""
        page = self.query_listing(kind, reverse=reverse, before=before, start=start)
        yield from page.items
        while page.following is not None:
            page = self.query_listing(kind, reverse=reverse, before=before, start=page.following)
            yield from page.items

    def _tries(self) -> Iterator[int]:
        for attempt in range(TRIES):
            if attempt:
                self._pause(FIRST_PAUSE * 2 ** (attempt - 1) * self._chance())
            yield attempt

    def _while_busy(self, write: Callable[[], frozenset[str]]) -> None:
        """Repeat a write that other transactions stand in the way of; it tells which kinds are busy."""
        busy: frozenset[str] = frozenset()
        for _ in self._tries():
            busy = write()
            if not busy:
                return
        raise StorageConflict(busy)

    def _transact_once(self, writes: Sequence[Write]) -> frozenset[str]:
        parts = [transaction_part(self.name, write) for write in writes]
        with unavailable_when_refused("TransactWriteItems"):
            try:
                self._client.transact_write_items(TransactItems=parts)
            except ClientError as error:
                reasons = cancellation_codes(error)
                failed = kinds_with(writes, reasons, "ConditionalCheckFailed")
                if failed:
                    raise StorageConflict(failed) from None
                busy = kinds_with(writes, reasons, "TransactionConflict")
                if not busy:
                    raise
                return busy
        return frozenset()

    def _put_batch(self, requests: "list[WriteRequestUnionTypeDef]") -> None:
        left = requests
        for _ in self._tries():
            with unavailable_when_refused("BatchWriteItem"):
                response = self._client.batch_write_item(RequestItems={self.name: left})
            left = list(response.get("UnprocessedItems", {}).get(self.name, []))
            if not left:
                return
        raise StorageUnavailable("BatchWriteItem leaves items unprocessed")
