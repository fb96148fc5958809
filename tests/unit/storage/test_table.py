"""What engines do not do when asked: leave things unprocessed, throttle, and be busy."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from chalicelib.config import Settings
from chalicelib.errors import StorageConflict, StorageUnavailable
from chalicelib.storage.clients import make_client
from chalicelib.storage.conditions import ABSENT, Check, Put, Remove
from chalicelib.storage.table import TRIES, Table, create

ENVIRONMENT = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
}
PUTS = [Put("receipt", {"pk": "a"}, ABSENT), Put("cell", {"pk": "b"}, ABSENT), Put("delivery", {"pk": "c"}, ABSENT)]


class Stubbed:
    """A table over a real client whose answers are written beforehand."""

    def __init__(self) -> None:
        client = make_client(Settings(), ENVIRONMENT)
        self.client = client
        self.answers = Stubber(client)
        self.pauses: list[float] = []
        self.table = Table(client, "passback", pause=self.pauses.append, chance=lambda: 0.5, token=lambda: "ours")

    def cancelled(self, *codes: str) -> None:
        self.answers.add_client_error(
            "transact_write_items",
            "TransactionCanceledException",
            modeled_fields={"CancellationReasons": [{"Code": code} for code in codes]},
        )

    def batch_get(self, found: list[str], left: list[str]) -> None:
        answer: dict[str, Any] = {"Responses": {"passback": [{"pk": {"S": pk}} for pk in found]}, "UnprocessedKeys": {}}
        if left:
            answer["UnprocessedKeys"] = {"passback": {"Keys": [{"pk": {"S": pk}} for pk in left]}}
        self.answers.add_response("batch_get_item", answer)

    def batch_write(self, left: list[str]) -> None:
        unprocessed = {"passback": [{"PutRequest": {"Item": {"pk": {"S": pk}}}} for pk in left]} if left else {}
        self.answers.add_response("batch_write_item", {"UnprocessedItems": unprocessed})


@pytest.fixture
def stubbed() -> Iterator[Stubbed]:
    stubbed = Stubbed()
    with stubbed.answers:
        yield stubbed
        stubbed.answers.assert_no_pending_responses()


def test_keys_left_unprocessed_are_asked_again_after_a_pause(stubbed: Stubbed) -> None:
    stubbed.batch_get(["a"], ["b", "c"])
    stubbed.batch_get(["b"], ["c"])
    stubbed.batch_get(["c"], [])
    assert set(stubbed.table.get_many(["a", "b", "c"])) == {"a", "b", "c"}
    assert stubbed.pauses == [0.025, 0.05]


def test_keys_left_unprocessed_again_and_again_are_not_taken_for_missing(stubbed: Stubbed) -> None:
    for _ in range(TRIES):
        stubbed.batch_get([], ["a"])
    with pytest.raises(StorageUnavailable, match="unprocessed"):
        stubbed.table.get_many(["a"])
    assert len(stubbed.pauses) == TRIES - 1


def test_items_left_unprocessed_are_written_again(stubbed: Stubbed) -> None:
    stubbed.batch_write(["b"])
    stubbed.batch_write([])
    stubbed.table.put_many([{"pk": "a"}, {"pk": "b"}])
    assert len(stubbed.pauses) == 1


def test_items_left_unprocessed_again_and_again_are_a_failure(stubbed: Stubbed) -> None:
    for _ in range(TRIES):
        stubbed.batch_write(["a"])
    with pytest.raises(StorageUnavailable, match="unprocessed"):
        stubbed.table.put_many([{"pk": "a"}])


def test_a_transaction_in_the_way_is_waited_for(stubbed: Stubbed) -> None:
    stubbed.cancelled("None", "TransactionConflict", "None")
    stubbed.answers.add_response("transact_write_items", {})
    stubbed.table.transact(PUTS)
    assert len(stubbed.pauses) == 1


def test_a_transaction_that_stays_in_the_way_is_a_conflict_of_its_items(stubbed: Stubbed) -> None:
    for _ in range(TRIES):
        stubbed.cancelled("None", "TransactionConflict", "TransactionConflict")
    with pytest.raises(StorageConflict) as conflict:
        stubbed.table.transact(PUTS)
    assert conflict.value.kinds == {"cell", "delivery"}
    assert conflict.value.retryable


def test_checked_and_removed_items_that_stay_busy_are_named_as_well(stubbed: Stubbed) -> None:
    for _ in range(TRIES):
        stubbed.cancelled("None", "TransactionConflict", "TransactionConflict")
    with pytest.raises(StorageConflict) as conflict:
        stubbed.table.transact([PUTS[0], Check("cell", "b", ABSENT), Remove("parked", "c")])
    assert conflict.value.kinds == {"cell", "parked"}


def test_a_failed_condition_is_told_at_once_even_beside_a_busy_item(stubbed: Stubbed) -> None:
    stubbed.cancelled("ConditionalCheckFailed", "TransactionConflict", "None")
    with pytest.raises(StorageConflict) as conflict:
        stubbed.table.transact(PUTS)
    assert conflict.value.kinds == {"receipt"}
    assert stubbed.pauses == []


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded", "ValidationError"])
def test_a_transaction_cancelled_for_another_reason_is_unavailable(stubbed: Stubbed, code: str) -> None:
    stubbed.cancelled("None", code, "None")
    with pytest.raises(StorageUnavailable):
        stubbed.table.transact(PUTS)


def test_a_put_waits_for_a_transaction_in_the_way(stubbed: Stubbed) -> None:
    stubbed.answers.add_client_error("put_item", "TransactionConflictException")
    stubbed.answers.add_response("put_item", {})
    stubbed.table.put({"pk": "a"}, ABSENT, kind="cell")
    assert len(stubbed.pauses) == 1


def test_a_put_that_waits_in_vain_is_a_conflict(stubbed: Stubbed) -> None:
    for _ in range(TRIES):
        stubbed.answers.add_client_error("put_item", "TransactionConflictException")
    with pytest.raises(StorageConflict) as conflict:
        stubbed.table.put({"pk": "a"}, ABSENT, kind="cell")
    assert conflict.value.kinds == {"cell"}


def test_adding_waits_for_a_transaction_in_the_way(stubbed: Stubbed) -> None:
    stubbed.answers.add_client_error("update_item", "TransactionConflictException")
    stubbed.answers.add_response("update_item", {"Attributes": {"n": {"N": "3"}}})
    assert stubbed.table.add("a", "n", 1, at_most=5) == 3
    assert len(stubbed.pauses) == 1


def test_adding_in_vain_is_a_conflict_and_not_the_limit(stubbed: Stubbed) -> None:
    for _ in range(TRIES):
        stubbed.answers.add_client_error("update_item", "TransactionConflictException")
    with pytest.raises(StorageConflict) as conflict:
        stubbed.table.add("a", "n", 1, at_most=5, kind="cap")
    assert conflict.value.kinds == {"cap"}


def test_a_sum_above_the_limit_is_asked_once(stubbed: Stubbed) -> None:
    stubbed.answers.add_client_error("update_item", "ConditionalCheckFailedException")
    assert stubbed.table.add("a", "n", 1, at_most=5) is None
    assert stubbed.pauses == []


@pytest.mark.parametrize(("stored", "conflicts"), [("ours", False), ("theirs", True)])
def test_a_condition_that_fails_on_our_own_write_is_no_conflict(stubbed: Stubbed, stored: str, conflicts: bool) -> None:
    stubbed.answers.add_client_error(
        "put_item",
        "ConditionalCheckFailedException",
        modeled_fields={"Item": {"pk": {"S": "a"}, "write_token": {"S": stored}}},
    )
    if conflicts:
        with pytest.raises(StorageConflict):
            stubbed.table.put({"pk": "a"}, ABSENT)
    else:
        stubbed.table.put({"pk": "a"}, ABSENT)


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError", "AccessDeniedException"])
def test_a_refused_put_is_unavailable(stubbed: Stubbed, code: str) -> None:
    stubbed.answers.add_client_error("put_item", code)
    with pytest.raises(StorageUnavailable, match=code):
        stubbed.table.put({"pk": "a"}, ABSENT)


def test_a_table_that_cannot_be_made_is_a_failure(stubbed: Stubbed) -> None:
    stubbed.answers.add_client_error("create_table", "LimitExceededException")
    with pytest.raises(StorageUnavailable, match="CreateTable was refused"):
        create(stubbed.client, "passback")
