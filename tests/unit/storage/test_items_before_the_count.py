"""What was stored before cells counted what they accept is read in its order, and worked on.

The items are as commit fdde735 wrote them: d1 and d2 delivered, d3 ended without anybody knowing how, and d4 to d6 in
line; all but d1 were received in one millisecond.
"""

from dataclasses import replace

import pytest

from chalicelib.delivery import line
from chalicelib.delivery.endings import Ending, ended_cell, settled_cell
from chalicelib.delivery.records import (
    Cell,
    CellKey,
    Delivery,
    DeliveryState,
    KnownScore,
    NewestDelivery,
    PlaceInLine,
    Rank,
    SubmissionState,
)
from chalicelib.lti11.messages import Answer, CodeMajor
from chalicelib.storage import cells, deliveries
from chalicelib.storage.attributes import Item, decode_item, encode_item

AT = 1_772_366_400_000
KEY = CellKey("canvas", "https://canvas.example/api/lti/courses/1/line_items/2", "user-3")
FREE_CELL_ITEM: Item = {
    "pk": "cell#d1f3ed423e82f78966c278a4cd2390c17110050f9ac5ee226a31aada259fc947",
    "platform": "canvas",
    "line_item": "https://canvas.example/api/lti/courses/1/line_items/2",
    "user_id": "user-3",
    "version": 8,
    "newest_timestamp": 1772366400000,
    "submission": "exists",
    "newest": {
        "delivery_id": "d3",
        "consumer_key": "tool",
        "body_digest": "body of d3",
        "received_at": 1772366400000,
        "score_at": 1772366400000,
        "score_by": "d3",
        "work_at": 1772366399991,
        "work_by": "d1",
    },
    "settled": {
        "delivery_id": "d3",
        "consumer_key": "tool",
        "body_digest": "body of d3",
        "received_at": 1772366400000,
        "score_at": 1772366400000,
        "score_by": "d2",
        "work_at": 1772366399991,
        "work_by": "d1",
    },
    "posted_timestamp": 1772366400000,
    "posted_by": "d3",
    "line": [],
    "lease_until": 0,
    "generation": 0,
    "unsettled_id": "d3",
}
PLACE: Item = {"received_at": 1772366400000, "sets_score": True, "sets_work": True, "awaited_until": 0}
CELL_ITEM: Item = {
    **FREE_CELL_ITEM,
    "listing_kind": "due#3#canvas",
    "listing_order": "001772366400005",
    "newest": {
        "delivery_id": "d6",
        "consumer_key": "tool",
        "body_digest": "body of d6",
        "received_at": 1772366400000,
        "score_at": 1772366400000,
        "score_by": "d6",
        "work_at": 1772366400000,
        "work_by": "d6",
    },
    "line": [{"delivery_id": "d4", **PLACE}, {"delivery_id": "d5", **PLACE}, {"delivery_id": "d6", **PLACE}],
    "due_at": 1772366400005,
}
DELIVERY_ITEM: Item = {
    "pk": "delivery#773ba22146050776e6063b9d106a6eff6e3480583497bb6c817506638be51ec7",
    "listing_kind": "delivery#2026-03-01",
    "listing_order": "001772366400000#d5",
    "id": "d5",
    "platform": "canvas",
    "line_item": "https://canvas.example/api/lti/courses/1/line_items/2",
    "user_id": "user-3",
    "consumer_key": "tool",
    "sourcedid_digest": "0123abcd",
    "context": "course 1",
    "operation": "replaceResult",
    "payload": '{"operation":"replaceResult","score":{"scale":"fraction","value":"0.5"},'
    '"data":{"kind":"text","value":"essay","document_name":""},"submitted_at":null,'
    '"prioritize_non_tool_grade":false,"needs_additional_review":false}',
    "received_at": 1772366400000,
    "timestamp": 1772366400000,
    "reference": "1234567890",
    "body_digest": "body of d5",
    "receipt_key": "receipt of d5",
    "state": "queued",
    "lease_until": 0,
    "previous": {
        "delivery_id": "d4",
        "consumer_key": "tool",
        "body_digest": "body of d4",
        "received_at": 1772366400000,
        "score_at": 1772366400000,
        "score_by": "d4",
        "work_at": 1772366400000,
        "work_by": "d4",
    },
    "tries": 0,
    "file_tries": 0,
    "queueable": True,
    "acknowledged": True,
    "forced": False,
    "outcome_unknown": False,
    "platform_words": "",
    "warnings": [],
    "events": [],
    "expires_at_ms": 1772366400099,
    "expires_at": 1772366401,
}
SUCCESS, NONE = Answer(CodeMajor.SUCCESS), KnownScore(None, None)


def stored(item: Item) -> Item:
    """The item as DynamoDB gives it back."""
    return decode_item(encode_item(item))


def read_cell(item: Item = CELL_ITEM) -> Cell:
    return cells.from_item(stored(item))


def read_delivery(name: str = "d5", number: int = 0) -> Delivery:
    """One of those in line, and with the number that it takes from its place when it is claimed."""
    item = {**DELIVERY_ITEM, "id": name, "body_digest": f"body of {name}"}
    return replace(deliveries.from_item(stored(item)), number=number)


def ended(cell: Cell, delivery: Delivery, state: DeliveryState) -> Cell:
    ending = Ending(state, SUCCESS, applied=state is DeliveryState.DELIVERED, timestamp=delivery.timestamp)
    return ended_cell(cell, delivery, ending, due_at=AT, now=AT)


def test_those_in_line_are_counted_from_its_head_on() -> None:
    assert read_cell() == Cell(
        KEY,
        version=8,
        accepted=3,
        newest_timestamp=AT,
        submission=SubmissionState.EXISTS,
        settled=NewestDelivery("d3", "tool", "body of d3", AT, score=Rank(AT), work=Rank(AT - 9)),
        posted_timestamp=AT,
        posted_by="d3",
        line=(
            PlaceInLine("d4", AT, 1, sets_work=True),
            PlaceInLine("d5", AT, 2, sets_work=True),
            PlaceInLine("d6", AT, 3, "tool", "body of d6", sets_work=True),
        ),
        due_at=AT + 5,
        unsettled=PlaceInLine("d3", AT, 0, "tool", "body of d3"),
    )


@pytest.mark.parametrize("item", [CELL_ITEM, FREE_CELL_ITEM], ids=["with a line", "free"])
def test_a_cell_that_is_written_again_reads_the_same(item: Item) -> None:
    cell = read_cell(item)
    assert cells.from_item(stored(cells.to_item(cell))) == cell


@pytest.mark.parametrize(("item", "name"), [(CELL_ITEM, "d6"), (FREE_CELL_ITEM, "d3")], ids=["with a line", "free"])
def test_the_newest_is_recognised_when_its_tool_signs_it_again(item: Item, name: str) -> None:
    newest = line.newest(read_cell(item))
    assert newest is not None
    assert (newest.delivery_id, newest.consumer_key, newest.body_digest) == (name, "tool", f"body of {name}")


def test_each_in_its_turn_brings_all_of_it() -> None:
    cell = replace(read_cell(), unsettled=None)
    for name in ("d4", "d5", "d6"):
        assert cell.head is not None
        delivery = read_delivery(name, cell.head.number)
        assert delivery.write is not None
        assert line.remainder(delivery.write, cell, delivery.rank, takes_work=True) == delivery.write
        cell = ended(cell, delivery, DeliveryState.DELIVERED)
    assert cell.settled == NewestDelivery("d6", "tool", "body of d6", AT, 3, Rank(AT, 3), Rank(AT, 3))


def test_one_before_another_that_was_delivered_brings_nothing() -> None:
    cell = ended(read_cell(), read_delivery("d6", 3), DeliveryState.DELIVERED)
    delivery = read_delivery("d5", 2)
    assert delivery.write is not None
    assert line.remainder(delivery.write, cell, delivery.rank, takes_work=True) is None


def test_when_the_newest_has_no_effect_the_one_before_it_in_line_is_the_newest() -> None:
    newest = line.newest(ended(read_cell(), read_delivery("d6", 3), DeliveryState.FAILED))
    assert newest is not None
    assert (newest.delivery_id, newest.rank, newest.score, newest.work) == ("d5", *[Rank(AT, 2)] * 3)


def test_who_comes_next_is_newer_than_all() -> None:
    cell = read_cell()
    comes = replace(read_delivery("d7"), number=cell.accepted + 1)
    newest = line.newest(line.entered(cell, comes, awaited_until=0, due_at=AT))
    assert newest is not None
    assert (newest.delivery_id, newest.number) == ("d7", 4)


@pytest.mark.parametrize("applied", [True, False])
def test_what_was_unsettled_is_settled_and_those_in_line_are_newer(applied: bool) -> None:
    delivery = read_delivery("d3")
    assert delivery.write is not None
    cell = settled_cell(read_cell(), delivery, delivery.write, shown=NONE, confirmed=None, applied=applied)
    assert cell.unsettled is None
    assert cell.settled is not None
    assert (cell.settled.score, cell.settled.work) == (Rank(AT), Rank(AT) if applied else Rank(AT - 9))
    after = read_delivery("d4", 1)
    assert after.write is not None
    assert line.remainder(after.write, cell, after.rank, takes_work=True) == after.write


def test_a_delivery_that_failed_then_is_still_to_be_sent_when_it_comes_again() -> None:
    """Whether those of its millisecond were accepted before or after it is not known: it is not given up for them."""
    delivery = read_delivery("d2")
    assert delivery.write is not None
    assert line.remainder(delivery.write, read_cell(FREE_CELL_ITEM), delivery.rank, takes_work=True) == delivery.write


def test_a_delivery_is_what_it_was_and_what_stood_before_it_is_not_kept() -> None:
    delivery = read_delivery()
    again = deliveries.to_item(delivery)
    assert (delivery.number, again["number"], "previous" in again) == (0, 0, False)
    assert {name for name, value in again.items() if value is not None} == set(DELIVERY_ITEM) - {"previous"} | {
        "number"
    }


@pytest.mark.parametrize("item", [CELL_ITEM, FREE_CELL_ITEM], ids=["with a line", "free"])
def test_the_version_that_wrote_it_finds_all_that_it_cannot_do_without(item: Item) -> None:
    """While a new version is deployed both are at work, and a deployment may be rolled back."""
    written = stored(cells.to_item(read_cell(item)))
    assert set(item) <= set(written)
    identity = {"delivery_id", "consumer_key", "body_digest", "received_at"}
    for name, needed in (("newest", identity), ("settled", identity | {"score_at", "work_at"})):
        before, after = item[name], written[name]
        assert isinstance(before, dict)
        assert isinstance(after, dict)
        assert {each: after[each] for each in needed} == {each: before[each] for each in needed}
    for before, after in zip(item["line"] or (), written["line"] or (), strict=True):  # type: ignore[arg-type]  # lists
        assert isinstance(before, dict)
        assert isinstance(after, dict)
        assert before.items() <= after.items()


def test_a_full_line_fits_into_an_item() -> None:
    """DynamoDB takes 400 KB; a consumer key has at most 255 characters, and each of them at most 4 bytes."""
    place = PlaceInLine("0" * 29, AT, 10**9, "\U0001f393" * 255, "b" * 64, sets_work=True, awaited_until=AT)
    cell = replace(read_cell(), line=(place,) * line.LONGEST, unsettled=place)
    assert len(str(encode_item(cells.to_item(cell))).encode()) < 200_000
