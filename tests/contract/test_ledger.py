import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.records import (
    Cell,
    CellKey,
    Delivery,
    DeliveryState,
    PlaceInLine,
    Receipt,
    SubmissionState,
)
from chalicelib.errors import StorageConflict, StorageUnavailable
from chalicelib.lti11.messages import DataKind, DeleteResult, ReplaceResult, ResultData
from chalicelib.mapping.model import Submitted
from chalicelib.storage.cells import DUE_LISTINGS, cell_key
from chalicelib.storage.deliveries import delivery_key, kept_key
from chalicelib.storage.ledger import Change, Ledger, Opening
from chalicelib.storage.mappings import MappingStore
from chalicelib.storage.platforms import PlatformStore
from chalicelib.storage.receipts import receipt_key
from chalicelib.storage.sealing import KeyFileSealer
from chalicelib.storage.table import Table
from chalicelib.storage.tools import ToolStore

from .records import (
    CELL,
    CELL_KEY,
    DELIVERY,
    HELD,
    MAPPING,
    MOODLE_SOURCEDID,
    NOW,
    NOW_MS,
    PLATFORM,
    RECEIPT,
    TOOL,
    WRITE,
    fields_left_at_default,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NEW_CELL = Cell(CELL_KEY)
AFTER_EXPIRY = NOW + timedelta(hours=2)


@pytest.fixture
def mappings(table: Table) -> MappingStore:
    return MappingStore(table)


@pytest.fixture
def mapped(table: Table, mappings: MappingStore) -> None:
    PlatformStore(table).add(PLATFORM)
    mappings.put(MAPPING)


def attributes(client: "DynamoDBClient", table: Table, pk: str) -> dict[str, Any]:
    """Read an item as it is stored."""
    return client.get_item(TableName=table.name, Key={"pk": {"S": pk}}, ConsistentRead=True)["Item"]


class TestOpening:
    def test_tool_and_receipt_come_with_one_request(
        self, ledger: Ledger, tools: ToolStore, operations: list[str]
    ) -> None:
        tools.add(TOOL)
        ledger.commit(NOW, receipt=Change(None, RECEIPT))
        operations.clear()
        assert ledger.opening(TOOL.consumer_key, RECEIPT.key, NOW) == Opening(TOOL, RECEIPT)
        assert operations == ["BatchGetItem"]

    def test_an_unknown_tool_and_a_new_request_are_none(self, ledger: Ledger) -> None:
        assert ledger.opening("unknown", "new", NOW) == Opening(None, None)

    def test_an_expired_receipt_is_none_though_it_is_still_stored(self, ledger: Ledger, table: Table) -> None:
        ledger.commit(NOW, receipt=Change(None, replace(RECEIPT, expires_at=NOW_MS + 1)))
        assert ledger.opening("unknown", RECEIPT.key, NOW).receipt is not None
        assert ledger.opening("unknown", RECEIPT.key, NOW + timedelta(milliseconds=1)).receipt is None
        assert ledger.receipt(RECEIPT.key, NOW) is not None
        assert ledger.receipt(RECEIPT.key, NOW + timedelta(milliseconds=1)) is None
        assert table.get(receipt_key(RECEIPT.key)) is not None


@pytest.mark.usefixtures("mapped")
class TestPointing:
    def test_the_first_time_takes_two_requests_and_later_times_one(self, ledger: Ledger, operations: list[str]) -> None:
        ledger.commit(NOW, cell=Change(None, CELL))
        operations.clear()
        first = ledger.pointing(TOOL.consumer_key, MOODLE_SOURCEDID)
        assert operations == ["BatchGetItem"] * 2
        operations.clear()
        assert ledger.pointing(TOOL.consumer_key, MOODLE_SOURCEDID) == first
        assert operations == ["BatchGetItem"]
        assert first is not None
        assert (first.mapping, first.platform, first.cell) == (MAPPING, PLATFORM, replace(CELL, version=1))

    def test_a_sourcedid_that_is_not_mapped_is_none(self, ledger: Ledger) -> None:
        assert ledger.pointing(TOOL.consumer_key, "unknown") is None

    def test_another_tools_sourcedid_is_not_mapped(self, ledger: Ledger) -> None:
        assert ledger.pointing("other", MOODLE_SOURCEDID) is None

    def test_an_unregistered_platform_is_none(self, ledger: Ledger, mappings: MappingStore) -> None:
        mappings.put(replace(MAPPING, platform="gone"))
        pointing = ledger.pointing(TOOL.consumer_key, MOODLE_SOURCEDID)
        assert pointing is not None
        assert pointing.platform is None
        assert pointing.cell.key.platform == "gone"

    def test_a_mapping_that_moved_is_followed_though_the_old_target_is_remembered(
        self, ledger: Ledger, mappings: MappingStore
    ) -> None:
        ledger.pointing(TOOL.consumer_key, MOODLE_SOURCEDID)
        moved = replace(MAPPING, user_id="somebody else")
        mappings.put(moved)
        key = CellKey(moved.platform, moved.line_item, moved.user_id)
        ledger.commit(NOW, cell=Change(None, replace(CELL, key=key)))
        pointing = ledger.pointing(TOOL.consumer_key, MOODLE_SOURCEDID)
        assert pointing is not None
        assert (pointing.mapping, pointing.cell) == (moved, replace(CELL, key=key, version=1))

    def test_a_mapping_that_was_removed_points_nowhere_at_once(self, ledger: Ledger, mappings: MappingStore) -> None:
        ledger.pointing(TOOL.consumer_key, MOODLE_SOURCEDID)
        mappings.remove(TOOL.consumer_key, MOODLE_SOURCEDID)
        assert ledger.pointing(TOOL.consumer_key, MOODLE_SOURCEDID) is None

    def test_a_sourcedid_with_blanks_around_is_found_trimmed(self, ledger: Ledger, operations: list[str]) -> None:
        for requests in (2, 1):
            operations.clear()
            pointing = ledger.pointing(TOOL.consumer_key, f"\n {MOODLE_SOURCEDID}\t")
            assert pointing is not None
            assert pointing.mapping == MAPPING
            assert len(operations) == requests

    def test_a_sourcedid_counts_as_it_is_before_it_is_trimmed(self, ledger: Ledger, mappings: MappingStore) -> None:
        padded = f" {MOODLE_SOURCEDID} "
        ledger.pointing(TOOL.consumer_key, padded)
        mappings.put(replace(MAPPING, sourcedid=padded, user_id="padded"))
        pointing = ledger.pointing(TOOL.consumer_key, padded)
        assert pointing is not None
        assert pointing.mapping.user_id == "padded"

    @pytest.mark.parametrize(
        ("submitted", "state"),
        [
            (Submitted.YES, SubmissionState.EXISTS),
            (Submitted.NO, SubmissionState.NONE),
            (Submitted.UNKNOWN, SubmissionState.UNKNOWN),
        ],
    )
    def test_a_cell_without_history_starts_with_what_the_import_said(
        self, ledger: Ledger, mappings: MappingStore, submitted: Submitted, state: SubmissionState
    ) -> None:
        mappings.put(replace(MAPPING, submitted=submitted))
        pointing = ledger.pointing(TOOL.consumer_key, MOODLE_SOURCEDID)
        assert pointing is not None
        assert pointing.cell == Cell(CELL_KEY, submission=state)
        ledger.commit(NOW, cell=Change(None, NEW_CELL))
        stored = ledger.pointing(TOOL.consumer_key, MOODLE_SOURCEDID)
        assert stored is not None
        assert stored.cell == Cell(CELL_KEY, version=1, submission=state)

    def test_what_a_cell_knows_counts_more_than_the_import(self, ledger: Ledger) -> None:
        ledger.commit(NOW, cell=Change(None, replace(NEW_CELL, submission=SubmissionState.NONE)))
        pointing = ledger.pointing(TOOL.consumer_key, MOODLE_SOURCEDID)
        assert pointing is not None
        assert pointing.cell.submission is SubmissionState.NONE


class TestRecords:
    @pytest.mark.parametrize(
        "record",
        [CELL, CELL.settled, RECEIPT, DELIVERY, MAPPING, PLATFORM, TOOL, WRITE],
    )
    def test_the_records_of_these_tests_fill_every_field(self, record: object) -> None:
        assert fields_left_at_default(record) == []

    def test_the_places_of_these_tests_fill_every_field(self) -> None:
        left = [set(fields_left_at_default(place)) for place in CELL.line]
        assert set.intersection(*left) == set()

    def test_full_records_come_back_as_they_were(self, ledger: Ledger) -> None:
        stored = ledger.commit(
            NOW, receipt=Change(None, RECEIPT), cell=Change(None, CELL), delivery=Change(None, DELIVERY)
        )
        assert stored == replace(CELL, version=1)
        assert ledger.cell(CELL_KEY) == stored
        assert ledger.receipt(RECEIPT.key, NOW) == RECEIPT
        assert ledger.delivery(DELIVERY.id, NOW) == DELIVERY

    def test_empty_records_come_back_as_they_were(self, ledger: Ledger) -> None:
        receipt = replace(RECEIPT, answer=None)
        delivery = Delivery(
            "d2", CELL_KEY, "", "", "", "deleteResult", DeleteResult(), NOW_MS, NOW_MS, "", "", receipt.key
        )
        stored = ledger.commit(
            NOW, receipt=Change(None, receipt), cell=Change(NEW_CELL, NEW_CELL), delivery=Change(None, delivery)
        )
        assert ledger.cell(CELL_KEY) == stored == replace(NEW_CELL, version=1)
        assert ledger.receipt(receipt.key, NOW) == receipt
        assert ledger.delivery("d2", NOW) == delivery

    def test_what_is_not_stored_is_new_or_none(self, ledger: Ledger) -> None:
        assert ledger.cell(CELL_KEY) == NEW_CELL
        assert ledger.receipt("none", NOW) is None
        assert ledger.delivery("none", NOW) is None

    def test_a_payload_that_ended_is_gone(self, ledger: Ledger, table: Table) -> None:
        ledger.commit(NOW, delivery=Change(None, DELIVERY))
        ledger.commit(NOW, delivery=Change(DELIVERY, replace(DELIVERY, write=None)))
        assert "payload" not in (table.get(delivery_key(DELIVERY.id)) or {})

    @pytest.mark.parametrize("unit", ["x", '"', "\n", "é", "\U0001f393", "ab\\"])
    def test_a_text_of_250_kib_is_kept(self, ledger: Ledger, unit: str) -> None:
        text = unit * (250 * 1024 // len(unit))
        delivery = replace(DELIVERY, write=ReplaceResult(None, ResultData(DataKind.TEXT, text)))
        ledger.commit(NOW, cell=Change(None, CELL), delivery=Change(None, delivery))
        assert ledger.delivery(DELIVERY.id, NOW) == delivery

    def test_expiry_is_given_to_dynamodb_in_whole_seconds_rounded_up(
        self, client: "DynamoDBClient", table: Table, ledger: Ledger
    ) -> None:
        ledger.commit(NOW, receipt=Change(None, RECEIPT), delivery=Change(None, replace(DELIVERY, expires_at=None)))
        assert attributes(client, table, receipt_key(RECEIPT.key))["expires_at"] == {
            "N": str(RECEIPT.expires_at // 1000 + 1)
        }
        assert "expires_at" not in attributes(client, table, delivery_key(DELIVERY.id))

    def test_a_cell_never_expires(self, client: "DynamoDBClient", table: Table, ledger: Ledger) -> None:
        ledger.commit(NOW, cell=Change(None, CELL))
        assert "expires_at" not in attributes(client, table, cell_key(CELL_KEY))


class TestKeptPayloads:
    """What a student wrote is kept apart, for 30 days, of what ended and may be wanted after all."""

    DAY = 86_400_000
    END = NOW + timedelta(days=30)

    def ended(self, ledger: Ledger, state: DeliveryState = DeliveryState.HELD) -> Delivery:
        ended = replace(HELD, state=state)
        ledger.commit(NOW, delivery=Change(None, DELIVERY), also=Change(None, ended))
        return ended

    @pytest.mark.parametrize("state", [DeliveryState.HELD, DeliveryState.FAILED, DeliveryState.REFUSED])
    def test_it_comes_back_with_its_delivery(self, ledger: Ledger, state: DeliveryState) -> None:
        ended = self.ended(ledger, state)
        assert ledger.delivery(ended.id, NOW) == ended

    def test_it_is_not_in_the_deliverys_own_item(self, ledger: Ledger, table: Table) -> None:
        ended = self.ended(ledger)
        assert "payload" not in (table.get(delivery_key(ended.id)) or {})
        assert "payload" in (table.get(kept_key(ended.id)) or {})
        assert "payload" in (table.get(delivery_key(DELIVERY.id)) or {})
        assert table.get(kept_key(DELIVERY.id)) is None

    def test_it_is_gone_after_30_days_and_the_story_stays(self, ledger: Ledger) -> None:
        ended = self.ended(ledger)
        assert ledger.delivery(ended.id, self.END - timedelta(milliseconds=1)) == ended
        assert ledger.delivery(ended.id, self.END) == replace(ended, write=None)

    def test_its_expiry_is_given_to_dynamodb(self, ledger: Ledger, table: Table) -> None:
        kept = table.get(kept_key(self.ended(ledger).id)) or {}
        assert (kept["expires_at_ms"], kept["expires_at"]) == (NOW_MS + 30 * self.DAY, NOW_MS // 1000 + 30 * 86_400)

    def test_its_removal_by_dynamodb_leaves_the_story(self, ledger: Ledger, table: Table) -> None:
        ended = self.ended(ledger)
        table.delete(kept_key(ended.id))
        assert ledger.delivery(ended.id, NOW) == replace(ended, write=None)

    def test_it_is_removed_when_it_is_delivered_after_all(self, ledger: Ledger, table: Table) -> None:
        ended = self.ended(ledger)
        delivered = replace(ended, state=DeliveryState.DELIVERED, write=None)
        ledger.commit(NOW, delivery=Change(ended, delivered))
        assert table.get(kept_key(ended.id)) is None
        assert ledger.delivery(ended.id, NOW) == delivered

    def test_it_goes_back_into_the_delivery_that_goes_back_in_line(self, ledger: Ledger, table: Table) -> None:
        ended = self.ended(ledger)
        again = replace(ended, state=DeliveryState.QUEUED, ended_at=None)
        ledger.commit(NOW, cell=Change(None, CELL), delivery=Change(ended, again))
        assert table.get(kept_key(ended.id)) is None
        assert "payload" in (table.get(delivery_key(ended.id)) or {})
        assert ledger.delivery(ended.id, NOW) == again

    def test_it_is_kept_when_it_fails_again_for_30_days_more(self, ledger: Ledger) -> None:
        ended = self.ended(ledger)
        again = replace(ended, state=DeliveryState.FAILED, ended_at=NOW_MS + self.DAY)
        ledger.commit(NOW, delivery=Change(ended, again))
        assert ledger.delivery(ended.id, self.END) == again
        assert ledger.delivery(ended.id, self.END + timedelta(days=1)) == replace(again, write=None)

    def test_it_is_written_only_together_with_its_delivery(self, ledger: Ledger, table: Table) -> None:
        ended = self.ended(ledger)
        other = replace(ended, write=DeleteResult(), ended_at=NOW_MS + self.DAY)
        with pytest.raises(StorageConflict) as conflict:
            ledger.commit(NOW, delivery=Change(replace(ended, tries=9), other))
        assert conflict.value.kinds == {"delivery"}
        assert ledger.delivery(ended.id, NOW) == ended

    def test_what_is_delivered_is_read_with_one_request(
        self, ledger: Ledger, client: "DynamoDBClient", operations: list[str]
    ) -> None:
        delivered = replace(HELD, state=DeliveryState.DELIVERED, write=None)
        ledger.commit(NOW, delivery=Change(None, delivered))
        operations.clear()
        assert ledger.delivery(delivered.id, NOW) == delivered
        assert operations == ["GetItem"]


class TestDueCells:
    """Cells with something undelivered stand in a listing of their platform, the longest due first."""

    def add(self, ledger: Ledger, user: str, due_at: int | None, course: int = 1, platform: str = "canvas") -> Cell:
        key = CellKey(platform, f"https://canvas.example/api/lti/courses/{course}/line_items/2", user)
        line = () if due_at is None else (PlaceInLine(user, NOW_MS),)
        stored = ledger.commit(NOW, cell=Change(None, Cell(key, line=line, due_at=due_at)))
        assert stored is not None
        return stored

    def due(self, ledger: Ledger, now: datetime = NOW, platform: str = "canvas") -> list[list[Cell]]:
        return [list(listing) for listing in ledger.due_cells(platform, now)]

    def test_the_longest_due_comes_first_in_each_course(self, ledger: Ledger) -> None:
        for user, due_at in (("b", NOW_MS - 5), ("c", NOW_MS), ("a", NOW_MS - 90_000)):
            self.add(ledger, user, due_at)
        [listing] = [[cell.key.user_id for cell in cells] for cells in self.due(ledger) if cells]
        assert listing == ["a", "b", "c"]

    def test_they_come_back_whole(self, ledger: Ledger) -> None:
        stored = ledger.commit(NOW, cell=Change(None, CELL))
        found = [cell for cells in self.due(ledger, AFTER_EXPIRY) for cell in cells]
        assert found == [stored]

    def test_what_is_due_now_is_due_and_what_is_due_later_is_not(self, ledger: Ledger) -> None:
        self.add(ledger, "later", NOW_MS + 1)
        assert sum(map(len, self.due(ledger))) == 0
        assert sum(map(len, self.due(ledger, NOW + timedelta(milliseconds=1)))) == 1

    def test_an_empty_line_is_not_listed(self, ledger: Ledger, table: Table) -> None:
        cell = self.add(ledger, "a", NOW_MS)
        ledger.commit(NOW, cell=Change(cell, replace(cell, line=(), due_at=None)))
        assert sum(map(len, self.due(ledger))) == 0
        assert "listing_kind" not in (table.get(cell_key(cell.key)) or {})
        self.add(ledger, "never in line", None)
        assert sum(map(len, self.due(ledger))) == 0

    def test_a_cell_that_is_due_later_by_now_is_listed_by_its_new_time(self, ledger: Ledger) -> None:
        cell = self.add(ledger, "a", NOW_MS)
        ledger.commit(NOW, cell=Change(cell, replace(cell, due_at=NOW_MS + 60_000)))
        assert sum(map(len, self.due(ledger))) == 0
        assert sum(map(len, self.due(ledger, NOW + timedelta(minutes=1)))) == 1

    def test_each_platform_has_its_own(self, ledger: Ledger) -> None:
        self.add(ledger, "a", NOW_MS)
        self.add(ledger, "b", NOW_MS, platform="moodle")
        self.add(ledger, "c", NOW_MS, platform="canvas#1")
        for platform, user in (("canvas", "a"), ("moodle", "b"), ("canvas#1", "c")):
            found = [cell.key.user_id for cells in self.due(ledger, platform=platform) for cell in cells]
            assert found == [user]

    def test_the_courses_of_a_platform_are_spread_over_all_its_listings(self, ledger: Ledger) -> None:
        for course in range(40):
            self.add(ledger, f"u{course}", NOW_MS, course)
        counts = [len(cells) for cells in self.due(ledger)]
        assert (len(counts), sum(counts)) == (DUE_LISTINGS, 40)
        assert min(counts) > 0

    def test_what_is_undelivered_comes_listing_by_listing_whenever_it_is_due(self, ledger: Ledger) -> None:
        for course in range(40):
            self.add(ledger, f"late{course}", NOW_MS + 90_000 + course, course)
            self.add(ledger, f"early{course}", NOW_MS - course, course)
        self.add(ledger, "delivered", None)
        self.add(ledger, "other", NOW_MS, platform="moodle")
        listings = [list(listing) for listing in ledger.undelivered_listings("canvas")]
        assert (len(listings), sum(map(len, listings))) == (DUE_LISTINGS, 80)
        for listing in listings:
            times = [cell.due_at or 0 for cell in listing]
            assert times == sorted(times)
        assert list(ledger.undelivered_cells("canvas")) == [cell for listing in listings for cell in listing]


class TestCommit:
    def test_three_records_are_written_with_one_request(self, ledger: Ledger, operations: list[str]) -> None:
        ledger.commit(NOW, receipt=Change(None, RECEIPT), cell=Change(None, CELL), delivery=Change(None, DELIVERY))
        assert operations == ["TransactWriteItems"]

    def test_one_record_is_written_with_one_put(self, ledger: Ledger, operations: list[str]) -> None:
        ledger.commit(NOW, delivery=Change(None, DELIVERY))
        assert operations == ["PutItem"]

    def test_a_commit_of_nothing_is_refused(self, ledger: Ledger) -> None:
        with pytest.raises(ValueError, match="changes something"):
            ledger.commit(NOW)

    def test_the_cells_version_grows_whatever_the_caller_says(self, ledger: Ledger) -> None:
        first = ledger.commit(NOW, cell=Change(None, replace(CELL, version=40)))
        assert first is not None
        assert first.version == 1
        second = ledger.commit(NOW, cell=Change(first, replace(first, version=0, lease_until=0)))
        assert second == replace(first, version=2, lease_until=0)
        assert ledger.cell(CELL_KEY) == second

    def test_without_a_cell_none_is_returned(self, ledger: Ledger) -> None:
        assert ledger.commit(NOW, receipt=Change(None, RECEIPT)) is None

    @pytest.mark.parametrize("alone", [True, False])
    def test_a_receipt_that_is_there_conflicts(self, ledger: Ledger, alone: bool) -> None:
        ledger.commit(NOW, receipt=Change(None, RECEIPT))
        with pytest.raises(StorageConflict) as conflict:
            ledger.commit(NOW, receipt=Change(None, RECEIPT), cell=None if alone else Change(None, CELL))
        assert conflict.value.kinds == {"receipt"}
        assert ledger.cell(CELL_KEY) == NEW_CELL

    def test_an_expired_receipt_is_replaced(self, ledger: Ledger) -> None:
        ledger.commit(NOW, receipt=Change(None, RECEIPT))
        later = replace(RECEIPT, digest="new", expires_at=to_milliseconds(AFTER_EXPIRY) + 1)
        ledger.commit(AFTER_EXPIRY, receipt=Change(None, later), cell=Change(None, CELL))
        assert ledger.receipt(RECEIPT.key, AFTER_EXPIRY) == later

    @pytest.mark.parametrize(
        "seen", [replace(RECEIPT, delivery_id="other"), replace(RECEIPT, deadline=RECEIPT.deadline + 1)]
    )
    def test_a_receipt_of_another_try_conflicts(self, ledger: Ledger, seen: Receipt) -> None:
        ledger.commit(NOW, receipt=Change(None, RECEIPT))
        with pytest.raises(StorageConflict) as conflict:
            ledger.commit(NOW, receipt=Change(seen, replace(RECEIPT, answer=None)))
        assert conflict.value.kinds == {"receipt"}

    def test_a_receipt_is_answered_by_its_own_try(self, ledger: Ledger) -> None:
        in_progress = replace(RECEIPT, answer=None)
        ledger.commit(NOW, receipt=Change(None, in_progress))
        ledger.commit(NOW, receipt=Change(in_progress, RECEIPT))
        assert ledger.receipt(RECEIPT.key, NOW) == RECEIPT

    @pytest.mark.parametrize("before", [None, NEW_CELL, replace(CELL, version=7)])
    def test_a_cell_of_another_version_conflicts(self, ledger: Ledger, before: Cell | None) -> None:
        ledger.commit(NOW, cell=Change(None, CELL))
        with pytest.raises(StorageConflict) as conflict:
            ledger.commit(NOW, cell=Change(before, NEW_CELL), receipt=Change(None, RECEIPT))
        assert conflict.value.kinds == {"cell"}
        assert ledger.cell(CELL_KEY) == replace(CELL, version=1)
        assert ledger.receipt(RECEIPT.key, NOW) is None

    def test_a_delivery_that_is_there_conflicts(self, ledger: Ledger) -> None:
        ledger.commit(NOW, delivery=Change(None, DELIVERY))
        with pytest.raises(StorageConflict) as conflict:
            ledger.commit(NOW, delivery=Change(None, replace(DELIVERY, tries=9)))
        assert conflict.value.kinds == {"delivery"}
        assert ledger.delivery(DELIVERY.id, NOW) == DELIVERY

    @pytest.mark.parametrize(
        "seen",
        [replace(DELIVERY, state=DeliveryState.ACCEPTED), replace(DELIVERY, lease_until=DELIVERY.lease_until - 1)],
    )
    def test_a_delivery_in_another_state_or_lease_conflicts(self, ledger: Ledger, seen: Delivery) -> None:
        ledger.commit(NOW, delivery=Change(None, DELIVERY))
        with pytest.raises(StorageConflict) as conflict:
            ledger.commit(NOW, delivery=Change(seen, DELIVERY), cell=Change(None, CELL))
        assert conflict.value.kinds == {"delivery"}
        assert ledger.cell(CELL_KEY) == NEW_CELL

    def test_another_delivery_changes_with_it_or_not_at_all(self, ledger: Ledger) -> None:
        other = replace(DELIVERY, id="d2")
        ledger.commit(NOW, delivery=Change(None, DELIVERY), also=Change(None, other))
        changed = replace(other, state=DeliveryState.FAILED)
        with pytest.raises(StorageConflict) as conflict:
            ledger.commit(NOW, delivery=Change(None, DELIVERY), also=Change(other, changed))
        assert conflict.value.kinds == {"delivery"}
        assert ledger.delivery("d2", NOW) == other
        ledger.commit(NOW, delivery=Change(DELIVERY, DELIVERY), also=Change(other, changed))
        assert ledger.delivery("d2", NOW) == changed

    def test_all_that_conflict_are_named(self, ledger: Ledger) -> None:
        ledger.commit(NOW, receipt=Change(None, RECEIPT), cell=Change(None, CELL), delivery=Change(None, DELIVERY))
        with pytest.raises(StorageConflict) as conflict:
            ledger.commit(NOW, receipt=Change(None, RECEIPT), cell=Change(None, CELL), delivery=Change(None, DELIVERY))
        assert conflict.value.kinds == {"receipt", "cell", "delivery"}


@pytest.mark.engine
@pytest.mark.parametrize("alone", [True, False])
def test_of_twenty_commits_to_one_cell_exactly_one_is_kept(
    engine_table: Table, sealer: KeyFileSealer, alone: bool
) -> None:
    ledger = Ledger(engine_table, ToolStore(engine_table, sealer))
    barrier = threading.Barrier(20)

    def attempt(number: int) -> str | frozenset[str]:
        name = f"d{number}"
        delivery = None if alone else Change(None, replace(DELIVERY, id=name))
        barrier.wait()
        try:
            ledger.commit(
                NOW, cell=Change(NEW_CELL, replace(CELL, line=(PlaceInLine(name, NOW_MS),))), delivery=delivery
            )
        except StorageConflict as conflict:
            return conflict.kinds
        return name

    with ThreadPoolExecutor(20) as pool:
        ends = list(pool.map(attempt, range(20)))
    [winner] = [end for end in ends if isinstance(end, str)]
    assert ends.count(frozenset({"cell"})) == 19
    assert ledger.cell(CELL_KEY) == replace(CELL, version=1, line=(PlaceInLine(winner, NOW_MS),))
    kept = [f"d{number}" for number in range(20) if ledger.delivery(f"d{number}", NOW)]
    assert kept == ([] if alone else [winner])


def test_without_a_table_nothing_is_told_as_done(client: "DynamoDBClient", tools: ToolStore) -> None:
    ledger = Ledger(Table(client, "nowhere"), tools)
    with pytest.raises(StorageUnavailable):
        ledger.commit(NOW, receipt=Change(None, RECEIPT), cell=Change(None, CELL))
    with pytest.raises(StorageUnavailable):
        ledger.commit(NOW, cell=Change(None, CELL))
    with pytest.raises(StorageUnavailable):
        ledger.opening("key", "receipt", NOW)
    with pytest.raises(StorageUnavailable):
        ledger.pointing("key", "sourcedid")


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=2000)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(consumer_key=ANY_TEXT, sourcedid=ANY_TEXT, user_id=ANY_TEXT)
def test_any_text_can_be_a_sourcedid(
    ledger: Ledger, mappings: MappingStore, consumer_key: str, sourcedid: str, user_id: str
) -> None:
    mapping = replace(MAPPING, consumer_key=consumer_key, sourcedid=sourcedid, user_id=user_id)
    mappings.put(mapping)
    pointing = ledger.pointing(consumer_key, sourcedid)
    assert pointing is not None
    assert pointing.mapping == mapping
    assert mappings.get(consumer_key, sourcedid) == mapping


def test_a_sourcedid_of_2000_astral_characters_is_kept(ledger: Ledger, mappings: MappingStore) -> None:
    mapping = replace(MAPPING, sourcedid="\U0001f393" * 2000)
    mappings.put(mapping)
    pointing = ledger.pointing(mapping.consumer_key, mapping.sourcedid)
    assert pointing is not None
    assert pointing.mapping == mapping
