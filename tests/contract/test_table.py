import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.httpsession import URLLib3Session
from engine import free_port
from memory_table import MemoryTable
from moto import mock_aws

from chalicelib.config import Settings
from chalicelib.errors import StorageConflict, StorageUnavailable
from chalicelib.storage.attributes import Item
from chalicelib.storage.clients import make_client
from chalicelib.storage.conditions import ABSENT, Check, Put, Remove, absent_or_expired, lifetime, unchanged
from chalicelib.storage.table import Table, create

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

EVERY_TYPE: Item = {
    "pk": "a",
    "text": "\U0001f393 é \u0000 \n",
    "empty": "",
    "number": -(10**20),
    "yes": True,
    "no": False,
    "zero": 0,
    "content": b"\x00\xff",
    "map": {"inside": {"deeper": "1"}, "nothing": {}},
    "list": ["x", 1, True, {"a": "b"}],
    "empty_list": [],
}


@pytest.fixture(params=["memory", "moto", pytest.param("ministack", marks=pytest.mark.engine)])
def any_table(request: pytest.FixtureRequest, make_table: "Callable[[DynamoDBClient], Table]") -> Iterator[Table]:
    """Each engine, and the table in memory that other tests use in its place."""
    if request.param == "memory":
        yield MemoryTable()
    elif request.param == "moto":
        with mock_aws():
            yield make_table(request.getfixturevalue("moto_client"))
    else:
        yield make_table(request.getfixturevalue("shared_engine_client"))


def race(number: int, attempt: Callable[[int], object]) -> list[int]:
    """Let so many threads try at the same time; tell which of them met no conflict."""
    barrier = threading.Barrier(number)

    def contend(each: int) -> int | None:
        barrier.wait()
        try:
            attempt(each)
        except StorageConflict:
            return None
        return each

    with ThreadPoolExecutor(number) as pool:
        return [winner for winner in pool.map(contend, range(number)) if winner is not None]


def test_an_item_comes_back_with_every_value_and_type(table: Table) -> None:
    table.put(EVERY_TYPE)
    assert table.get("a") == EVERY_TYPE


def test_a_missing_item_is_none(table: Table) -> None:
    assert table.get("nothing") is None


def test_many_items_come_with_one_request_and_missing_ones_are_left_out(table: Table, operations: list[str]) -> None:
    table.put_many({"pk": str(number), "n": number} for number in range(100))
    operations.clear()
    found = table.get_many([*(str(number) for number in range(99)), "0", "missing"])
    assert operations == ["BatchGetItem"]
    assert {pk: item["n"] for pk, item in found.items()} == {str(number): number for number in range(99)}


def test_items_are_read_as_they_are_now_and_not_as_they_were(table: Table, client: "DynamoDBClient") -> None:
    # Neither engine here shows an old state; AWS may, unless it is asked not to.
    asked: list[object] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        tables = params.get("RequestItems", {table.name: params})
        asked.append(tables[table.name].get("ConsistentRead"))

    client.meta.events.register("provide-client-params.dynamodb", note)
    try:
        table.get("a")
        table.get_many(["a", "b"])
    finally:
        client.meta.events.unregister("provide-client-params.dynamodb", note)
    assert asked == [True, True]


def test_a_batch_over_the_limit_is_refused_before_it_is_sent(table: Table, operations: list[str]) -> None:
    with pytest.raises(ValueError, match="at most 100"):
        table.get_many(str(number) for number in range(101))
    assert operations == []


def test_many_items_are_written_25_at_a_time_and_the_later_of_two_counts(table: Table, operations: list[str]) -> None:
    numbered: list[Item] = [{"pk": str(number), "n": number} for number in range(58)]
    table.put_many([{"pk": "twice", "n": 1}, {"pk": "twice", "n": 2}, *numbered])
    assert operations == ["BatchWriteItem"] * 3
    assert table.get("twice") == {"pk": "twice", "n": 2}
    assert table.get("57") == {"pk": "57", "n": 57}


def test_an_absent_item_is_written_once(table: Table) -> None:
    table.put({"pk": "a", "n": 1}, ABSENT, kind="cell")
    with pytest.raises(StorageConflict) as conflict:
        table.put({"pk": "a", "n": 2}, ABSENT, kind="cell")
    assert conflict.value.kinds == {"cell"}
    assert (table.get("a") or {})["n"] == 1


def test_the_same_item_is_not_taken_for_our_own_earlier_write(table: Table) -> None:
    table.put({"pk": "a"}, ABSENT)
    with pytest.raises(StorageConflict):
        table.put({"pk": "a"}, ABSENT)


def test_an_item_is_replaced_only_as_it_was_seen(table: Table) -> None:
    table.put({"pk": "a", "state": "x", "n": 1})
    with pytest.raises(StorageConflict):
        table.put({"pk": "a", "state": "y", "n": 2}, unchanged(state="x", n=2))
    table.put({"pk": "a", "state": "y", "n": 2}, unchanged(state="x", n=1))
    assert (table.get("a") or {})["state"] == "y"


def test_a_missing_item_is_not_unchanged(table: Table) -> None:
    with pytest.raises(StorageConflict):
        table.put({"pk": "a"}, unchanged(n=1))
    with pytest.raises(StorageConflict):
        table.update("a", {"n": 2}, unchanged(n=1))
    assert table.get("a") is None


@pytest.mark.parametrize(("now", "written"), [(1999, False), (2000, True), (2001, True)])
def test_an_expired_item_may_be_replaced_though_it_is_still_there(table: Table, now: int, written: bool) -> None:
    table.put({"pk": "a", "n": 1, **lifetime(2000)})
    try:
        table.put({"pk": "a", "n": 2}, absent_or_expired(now))
    except StorageConflict:
        assert not written
    assert (table.get("a") or {})["n"] == (2 if written else 1)


def test_an_update_changes_some_attributes_and_keeps_the_others(table: Table) -> None:
    table.put({"pk": "a", "kept": "k", "n": 1})
    table.update("a", {"n": 2, "name": "new"}, unchanged(n=1), kind="token")
    stored = dict(table.get("a") or {})
    del stored["write_token"]
    assert stored == {"pk": "a", "kept": "k", "n": 2, "name": "new"}
    with pytest.raises(StorageConflict) as conflict:
        table.update("a", {"n": 3}, unchanged(n=1), kind="token")
    assert conflict.value.kinds == {"token"}


def test_a_number_that_is_missing_counts_from_nought(any_table: Table) -> None:
    assert any_table.add("a", "n", 2) == 2
    assert any_table.add("a", "n", 3) == 5
    assert any_table.add("a", "other", -1) == -1
    assert any_table.get("a") == {"pk": "a", "n": 5, "other": -1}


def test_a_number_grows_to_its_limit_and_not_above(any_table: Table) -> None:
    assert [any_table.add("a", "n", 2, at_most=5) for _ in range(4)] == [2, 4, None, None]
    assert any_table.add("a", "n", 1, at_most=5) == 5
    assert any_table.get("a") == {"pk": "a", "n": 5}


@pytest.mark.parametrize(("by", "at_most"), [(1, 0), (6, 5), (0, -1), (-1, -2)])
def test_a_first_step_above_the_limit_writes_nothing(any_table: Table, by: int, at_most: int) -> None:
    assert any_table.add("a", "n", by, at_most=at_most, also={"name": "new"}) is None
    assert any_table.get("a") is None


def test_a_number_above_its_limit_may_only_fall_to_it(any_table: Table) -> None:
    any_table.put({"pk": "a", "n": 7})
    assert any_table.add("a", "n", 0, at_most=5) is None
    assert any_table.add("a", "n", -1, at_most=5) is None
    assert any_table.add("a", "n", -2, at_most=5) == 5


def test_attributes_are_set_along_with_a_number_and_others_are_kept(any_table: Table) -> None:
    any_table.put({"pk": "a", "kept": "k", "expires_at": 1})
    along: Item = {"expires_at": 2, "listing_kind": "kind", "listing_order": "1", "left_out": None}
    assert any_table.add("a", "n", 1, at_most=1, also=along) == 1
    assert any_table.add("a", "n", 1, at_most=1, also={"expires_at": 3}) is None
    stored = {"pk": "a", "kept": "k", "n": 1, "expires_at": 2, "listing_kind": "kind", "listing_order": "1"}
    assert any_table.get("a") == stored
    assert list(any_table.listing("kind")) == [stored]


def test_adding_takes_one_request(table: Table, operations: list[str]) -> None:
    table.add("a", "n", 1, at_most=5)
    assert operations == ["UpdateItem"]


def test_deleting_tells_whether_something_was_there(table: Table) -> None:
    table.put({"pk": "a"})
    assert table.delete("a") is True
    assert table.delete("a") is False
    assert table.get("a") is None


def test_a_transaction_writes_all(table: Table, operations: list[str]) -> None:
    table.transact([Put("cell", {"pk": "a"}, ABSENT), Put("receipt", {"pk": "b"}, absent_or_expired(1))])
    assert operations == ["TransactWriteItems"]
    assert set(table.get_many(["a", "b"])) == {"a", "b"}


def test_a_transaction_writes_nothing_and_names_what_conflicts(table: Table) -> None:
    table.put({"pk": "b", "n": 1})
    table.put({"pk": "c", "n": 1})
    with pytest.raises(StorageConflict) as conflict:
        table.transact(
            [
                Put("receipt", {"pk": "a"}, ABSENT),
                Put("cell", {"pk": "b", "n": 2}, unchanged(n=7)),
                Put("delivery", {"pk": "c"}, ABSENT),
            ]
        )
    assert conflict.value.kinds == {"cell", "delivery"}
    assert table.get("a") is None
    assert table.get("b") == {"pk": "b", "n": 1}


def test_a_transaction_puts_checks_and_removes_together(any_table: Table) -> None:
    any_table.put({"pk": "checked", "n": 1})
    any_table.put({"pk": "removed", "n": 1})
    any_table.transact(
        [
            Put("cell", {"pk": "a"}, ABSENT),
            Check("delivery", "checked", unchanged(n=1)),
            Check("mapping", "missing", ABSENT),
            Remove("parked", "removed"),
            Remove("parked", "never stored"),
        ]
    )
    assert any_table.get_many(["a", "checked", "missing", "removed", "never stored"]) == {
        "a": {"pk": "a"},
        "checked": {"pk": "checked", "n": 1},
    }


def test_a_check_that_fails_is_named_and_nothing_is_put_or_removed(any_table: Table) -> None:
    any_table.put({"pk": "checked", "n": 1})
    any_table.put({"pk": "removed"})
    with pytest.raises(StorageConflict) as conflict:
        any_table.transact(
            [
                Put("cell", {"pk": "a"}, ABSENT),
                Check("delivery", "checked", unchanged(n=2)),
                Check("mapping", "checked too", unchanged(n=1)),
                Check("receipt", "missing", ABSENT),
                Remove("parked", "removed"),
            ]
        )
    assert conflict.value.kinds == {"delivery", "mapping"}
    assert set(any_table.get_many(["a", "checked", "removed"])) == {"checked", "removed"}


def test_a_put_that_fails_keeps_what_would_be_removed(any_table: Table) -> None:
    any_table.put({"pk": "a"})
    any_table.put({"pk": "removed"})
    with pytest.raises(StorageConflict) as conflict:
        any_table.transact([Remove("parked", "removed"), Put("cell", {"pk": "a"}, ABSENT)])
    assert conflict.value.kinds == {"cell"}
    assert any_table.get("removed") == {"pk": "removed"}


def listed(number: int) -> dict[str, str]:
    return {"pk": f"item {number}", "listing_kind": "kind", "listing_order": f"{number:03d}"}


def test_a_listing_comes_in_order_page_by_page(table: Table, operations: list[str]) -> None:
    table.put_many([listed(number) for number in range(250)])
    table.put({"pk": "other", "listing_kind": "other", "listing_order": "1"})
    table.put({"pk": "not listed"})
    operations.clear()
    assert [item["listing_order"] for item in table.listing("kind")] == [f"{number:03d}" for number in range(250)]
    assert operations == ["Query"] * 3
    assert [item["listing_order"] for item in table.listing("kind", reverse=True)][:2] == ["249", "248"]


def test_a_page_continues_where_the_last_one_ended(table: Table) -> None:
    table.put_many([listed(number) for number in range(5)])
    first = table.query_listing("kind", limit=2, reverse=True)
    second = table.query_listing("kind", limit=2, reverse=True, start=first.following)
    assert [item["pk"] for item in (*first.items, *second.items)] == ["item 4", "item 3", "item 2", "item 1"]


def test_items_with_one_order_are_all_listed(table: Table) -> None:
    table.put_many([{**listed(1), "pk": str(number)} for number in range(7)])
    first = table.query_listing("kind", limit=3)
    rest = table.query_listing("kind", limit=10, start=first.following)
    assert {item["pk"] for item in (*first.items, *rest.items)} == {str(number) for number in range(7)}


@pytest.mark.parametrize(("before", "found"), [("000", 0), ("002", 2), ("0020", 3), ("002é", 3), ("9", 5), (None, 5)])
def test_a_listing_ends_before_an_order(any_table: Table, before: str | None, found: int) -> None:
    any_table.put_many([listed(number) for number in range(5)])
    any_table.put({"pk": "other", "listing_kind": "other", "listing_order": "000"})
    orders = [f"{number:03d}" for number in range(found)]
    assert [item["listing_order"] for item in any_table.listing("kind", before=before)] == orders
    assert [item["listing_order"] for item in any_table.listing("kind", before=before, reverse=True)] == orders[::-1]


@pytest.mark.parametrize("reverse", [False, True])
def test_pages_of_a_listing_all_end_before_an_order(any_table: Table, reverse: bool) -> None:
    any_table.put_many([listed(number) for number in range(250)])
    orders = [f"{number:03d}" for number in range(230)]
    whole = [item["listing_order"] for item in any_table.listing("kind", before="230", reverse=reverse)]
    assert whole == (orders[::-1] if reverse else orders)
    first = any_table.query_listing("kind", limit=2, before="003", reverse=reverse)
    second = any_table.query_listing("kind", limit=2, before="003", reverse=reverse, start=first.following)
    numbers = [item["listing_order"] for item in (*first.items, *second.items)]
    assert sorted(str(number) for number in numbers) == ["000", "001", "002"]
    assert second.following is None


def test_an_empty_listing_is_empty(table: Table) -> None:
    assert table.query_listing("kind").items == ()
    assert table.query_listing("kind").following is None


def test_making_the_table_again_keeps_what_is_in_it(client: "DynamoDBClient", table: Table) -> None:
    table.put({"pk": "a"})
    create(client, table.name)
    assert table.get("a") == {"pk": "a"}


def test_the_table_is_paid_by_request_and_expires_by_its_attribute(client: "DynamoDBClient", table: Table) -> None:
    described = client.describe_table(TableName=table.name)["Table"]
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert described["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    [index] = described["GlobalSecondaryIndexes"]
    assert index["Projection"]["ProjectionType"] == "ALL"
    time_to_live = client.describe_time_to_live(TableName=table.name)["TimeToLiveDescription"]
    assert time_to_live == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires_at"}


def test_a_missing_table_is_unavailable(client: "DynamoDBClient") -> None:
    missing = Table(client, "nowhere")
    with pytest.raises(StorageUnavailable, match="ResourceNotFoundException"):
        missing.get("a")
    with pytest.raises(StorageUnavailable):
        missing.get_many(["a"])
    with pytest.raises(StorageUnavailable):
        missing.put({"pk": "a"})
    with pytest.raises(StorageUnavailable):
        missing.put({"pk": "a"}, ABSENT)
    with pytest.raises(StorageUnavailable):
        missing.put_many([{"pk": "a"}])
    with pytest.raises(StorageUnavailable):
        missing.transact([Put("cell", {"pk": "a"}, ABSENT), Put("cell", {"pk": "b"}, ABSENT)])
    with pytest.raises(StorageUnavailable):
        missing.query_listing("kind")
    with pytest.raises(StorageUnavailable):
        missing.delete("a")
    with pytest.raises(StorageUnavailable):
        missing.add("a", "n", 1, at_most=1)


def test_an_item_that_is_too_large_is_a_failure(table: Table) -> None:
    with pytest.raises(StorageUnavailable):
        table.put({"pk": "a", "text": "x" * 410_000}, ABSENT)
    assert table.get("a") is None


def test_a_dead_port_is_unavailable_within_seconds() -> None:
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    table = Table(make_client(Settings(), environment), "passback")
    began = time.monotonic()
    with pytest.raises(StorageUnavailable, match="EndpointConnectionError") as unavailable:
        table.put({"pk": "a"}, ABSENT)
    assert unavailable.value.retryable
    assert time.monotonic() - began < 8


@pytest.mark.engine
class TestRaces:
    def test_of_twenty_conditional_puts_one_wins(self, engine_table: Table) -> None:
        winners = race(20, lambda each: engine_table.put({"pk": "a", "who": each}, ABSENT))
        assert len(winners) == 1
        assert (engine_table.get("a") or {})["who"] == winners[0]

    def test_of_twenty_transactions_one_wins(self, engine_table: Table) -> None:
        def attempt(each: int) -> None:
            engine_table.transact(
                [
                    Put("cell", {"pk": "cell", "who": each}, ABSENT),
                    Put("delivery", {"pk": f"delivery {each}", "who": each}, ABSENT),
                ]
            )

        winners = race(20, attempt)
        assert len(winners) == 1
        assert (engine_table.get("cell") or {})["who"] == winners[0]
        assert set(engine_table.get_many(f"delivery {each}" for each in range(20))) == {f"delivery {winners[0]}"}

    def test_a_counter_under_optimistic_locks_loses_no_count(self, engine_table: Table) -> None:
        engine_table.put({"pk": "a", "n": 0})

        def add(_: int) -> None:
            while True:
                seen = (engine_table.get("a") or {})["n"]
                assert isinstance(seen, int)
                try:
                    engine_table.put({"pk": "a", "n": seen + 1}, unchanged(n=seen))
                except StorageConflict:
                    continue
                return

        race(8, add)
        assert (engine_table.get("a") or {})["n"] == 8

    def test_adding_at_the_same_time_loses_no_count_and_keeps_to_the_limit(self, engine_table: Table) -> None:
        sums: list[int | None] = []
        race(20, lambda _: sums.append(engine_table.add("a", "n", 1, at_most=15)))
        assert sorted(each for each in sums if each is not None) == list(range(1, 16))
        assert sums.count(None) == 5


class Body(BytesIO):
    def stream(self, **_: object) -> "list[bytes]":
        return [self.read()]


class LostAnswer:
    """Lets the first request through to the engine, and answers it with a 500."""

    def __init__(self, client: "DynamoDBClient") -> None:
        self.sent = 0
        events: Any = client.meta.events  # its stubs know no handler that answers
        events.register_first("before-send.dynamodb", self.answer)

    def answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        self.sent += 1
        if self.sent > 1:
            return None
        assert URLLib3Session().send(request).status_code == 200
        error = Body(b'{"__type": "InternalServerError"}')
        return AWSResponse(str(request.url), 500, HTTPHeaders(), error)


@pytest.mark.engine
class TestLostAnswers:
    """The client sends again when an answer is lost; what the first request wrote is ours and no conflict."""

    def test_a_conditional_put(self, engine_client: "DynamoDBClient", engine_table: Table) -> None:
        lost = LostAnswer(engine_client)
        engine_table.put({"pk": "a", "n": 1}, ABSENT)
        assert lost.sent == 2
        assert (engine_table.get("a") or {})["n"] == 1

    def test_a_conditional_update(self, engine_client: "DynamoDBClient", engine_table: Table) -> None:
        engine_table.put({"pk": "a", "n": 1})
        lost = LostAnswer(engine_client)
        engine_table.update("a", {"n": 2}, unchanged(n=1))
        assert lost.sent == 2

    def test_a_sum_counts_twice(self, engine_client: "DynamoDBClient", engine_table: Table) -> None:
        lost = LostAnswer(engine_client)
        assert engine_table.add("a", "n", 1) == 2
        assert lost.sent == 2

    def test_a_transaction(self, engine_client: "DynamoDBClient", engine_table: Table) -> None:
        lost = LostAnswer(engine_client)
        engine_table.transact([Put("cell", {"pk": "a"}, ABSENT), Put("delivery", {"pk": "b"}, ABSENT)])
        assert lost.sent == 2
        assert set(engine_table.get_many(["a", "b"])) == {"a", "b"}
