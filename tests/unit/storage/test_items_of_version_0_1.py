"""What version 0.1 left in the table is read as what it was: items written by hand, as that version wrote them."""

from dataclasses import replace
from decimal import Decimal

import pytest

from chalicelib.delivery import line
from chalicelib.delivery.records import (
    Cell,
    CellKey,
    Delivery,
    DeliveryEvent,
    DeliveryState,
    KnownScore,
    NewestDelivery,
    PlaceInLine,
    Rank,
    SubmissionState,
)
from chalicelib.errors import StorageUnreadable
from chalicelib.lti11.messages import Answer, CodeMajor, ReplaceResult, ScoreScale, ToolScore
from chalicelib.storage import cells, deliveries
from chalicelib.storage.attributes import Item, decode_item, encode_item

AT = 1_772_366_400_000
KEY = CellKey("canvas", "https://canvas.example/api/lti/courses/1/line_items/2", "user-3")
NEWEST: dict[str, str | int | bool] = {
    "delivery_id": "d1",
    "consumer_key": "key",
    "body_digest": "digest",
    "received_at": AT,
    "sets_score": True,
    "sets_work": False,
}
CELL_ITEM: Item = {
    "pk": "cell#0123",
    "platform": KEY.platform,
    "line_item": KEY.line_item,
    "user_id": KEY.user_id,
    "version": 3,
    "newest_timestamp": AT + 1,
    "submission": "sent",
    "first_submitted_at": AT - 5,
    "first_delivery_id": "d0",
    "last_posted": {"score": "0.10", "maximum": "1"},
    "last_known": {"score": "0.3"},
    "newest": NEWEST,
    "under_way_id": "d1",
    "lease_until": AT + 12_000,
    "unsettled_id": "d0",
}
FREE_CELL_ITEM: Item = {
    **{name: value for name, value in CELL_ITEM.items() if name != "under_way_id"},
    "lease_until": 0,
}
DELIVERY_ITEM: Item = {
    "pk": "delivery#0123",
    "listing_kind": "delivery#2026-03-01",
    "listing_order": f"{AT:015d}#d1",
    "id": "d1",
    "platform": KEY.platform,
    "line_item": KEY.line_item,
    "user_id": KEY.user_id,
    "consumer_key": "key",
    "sourcedid_digest": "0123abcd",
    "context": "course 1",
    "operation": "replaceResult",
    "payload": '{"operation":"replaceResult","score":{"scale":"fraction","value":"0.9"},"data":null,'
    '"submitted_at":null,"prioritize_non_tool_grade":false,"needs_additional_review":false}',
    "received_at": AT,
    "timestamp": AT + 1,
    "reference": "1234567890",
    "body_digest": "digest",
    "receipt_key": "receipt",
    "state": "failed",
    "lease_until": 0,
    "previous": {**NEWEST, "delivery_id": "d0", "received_at": AT - 9, "sets_score": False, "sets_work": True},
    "tries": 1,
    "outcome_unknown": True,
    "answer": {"code": "failure", "description": "Not now", "error_code": "platform_unavailable"},
    "platform_words": "time-out",
    "warnings": ["one"],
    "events": [{"at": AT, "what": "try 1"}],
    "ended_at": AT + 9,
    "expires_at_ms": AT + 999,
    "expires_at": AT // 1000 + 1,
}
DELIVERY = Delivery(
    id="d1",
    cell=KEY,
    consumer_key="key",
    sourcedid_digest="0123abcd",
    context="course 1",
    operation="replaceResult",
    write=ReplaceResult(ToolScore(ScoreScale.FRACTION, Decimal("0.9"))),
    received_at=AT,
    timestamp=AT + 1,
    reference="1234567890",
    body_digest="digest",
    receipt_key="receipt",
    state=DeliveryState.FAILED,
    tries=1,
    outcome_unknown=True,
    answer=Answer(CodeMajor.FAILURE, "Not now", "platform_unavailable"),
    platform_words="time-out",
    warnings=("one",),
    events=(DeliveryEvent(AT, "try 1"),),
    ended_at=AT + 9,
    expires_at=AT + 999,
)


def stored(item: Item) -> Item:
    """The item as DynamoDB gives it back."""
    return decode_item(encode_item(item))


def test_a_free_cell_has_an_empty_line_and_is_not_listed() -> None:
    cell = cells.from_item(stored(FREE_CELL_ITEM))
    assert cell == Cell(
        key=KEY,
        version=3,
        newest_timestamp=AT + 1,
        submission=SubmissionState.SENT,
        first_submitted_at=AT - 5,
        first_delivery_id="d0",
        last_posted=KnownScore(Decimal("0.10"), Decimal(1)),
        last_known=KnownScore(Decimal("0.3"), None),
        settled=NewestDelivery("d1", "key", "digest", AT, score=Rank(AT)),
        unsettled=PlaceInLine("d0", 0),
    )
    assert "listing_kind" not in cells.to_item(cell)


def test_what_was_newest_covers_what_is_older_and_nothing_newer() -> None:
    """It did not know whether a score arrived; nothing was ever queued."""
    cell = cells.from_item(stored(FREE_CELL_ITEM))
    newest, write = line.newest(cell), DELIVERY.write
    assert newest is not None
    assert write is not None
    assert (newest.delivery_id, newest.consumer_key, newest.body_digest) == ("d1", "key", "digest")
    assert line.remainder(write, cell, Rank(AT - 1, cell.accepted + 1), takes_work=True) is None
    assert line.remainder(write, cell, Rank(AT, cell.accepted + 1), takes_work=True) == write
    assert line.remainder(write, cell, Rank(AT + 1, cell.accepted + 1), takes_work=True) == write


@pytest.mark.parametrize("item", [CELL_ITEM, FREE_CELL_ITEM], ids=["left behind", "failed for now"])
def test_what_had_not_arrived_is_still_to_be_sent(item: Item) -> None:
    """A crash left it behind, or the same request comes again after it failed."""
    cell, delivery = cells.from_item(stored(item)), deliveries.from_item(stored(DELIVERY_ITEM))
    assert delivery.write is not None
    number = cell.head.number if cell.head else delivery.number
    assert line.remainder(delivery.write, cell, Rank(AT, number), takes_work=True) == delivery.write


def test_the_delivery_that_was_under_way_is_the_head_of_the_line() -> None:
    """Its tool waited no longer than its lease."""
    cell = cells.from_item(stored(CELL_ITEM))
    assert cell.line == (PlaceInLine("d1", 0, 1, awaited_until=AT + 12_000),)
    assert (cell.lease_until, cell.generation, cell.graded_at) == (AT + 12_000, 0, None)


@pytest.mark.parametrize(
    ("sets_score", "sets_work", "score_at", "work_at"),
    [(True, True, AT, AT), (True, False, AT, None), (False, True, None, AT)],
)
def test_the_newest_set_what_it_set_when_it_was_received(
    sets_score: bool, sets_work: bool, score_at: int | None, work_at: int | None
) -> None:
    newest = {**NEWEST, "sets_score": sets_score, "sets_work": sets_work}
    read = cells.from_item(stored({**FREE_CELL_ITEM, "newest": newest})).settled
    score, work = (None if at is None else Rank(at) for at in (score_at, work_at))
    assert read == NewestDelivery("d1", "key", "digest", AT, score=score, work=work)


@pytest.mark.parametrize("item", [CELL_ITEM, FREE_CELL_ITEM], ids=["under way", "free"])
def test_a_cell_that_is_written_again_reads_the_same(item: Item) -> None:
    cell = cells.from_item(stored(item))
    assert cells.from_item(stored(cells.to_item(cell))) == cell


def test_a_delivery_is_what_it_was_and_its_tool_was_told_how_it_ended() -> None:
    assert deliveries.from_item(stored(DELIVERY_ITEM)) == DELIVERY


def test_what_is_kept_of_a_failed_one_is_read_from_its_own_item() -> None:
    delivery = deliveries.from_item(stored(DELIVERY_ITEM))
    assert deliveries.with_kept(delivery, None, AT) == DELIVERY


@pytest.mark.parametrize("state", [DeliveryState.ACCEPTED, DeliveryState.DELIVERED, DeliveryState.SUPERSEDED])
def test_every_state_that_it_wrote_is_known(state: DeliveryState) -> None:
    item = {**DELIVERY_ITEM, "state": str(state)}
    assert deliveries.from_item(stored(item)) == replace(DELIVERY, state=state)


@pytest.mark.parametrize(
    "damage",
    [
        {"line": "d1"},
        {"line": ["d1"]},
        {"line": [{"delivery_id": "d1"}]},
        {"due_at": "soon"},
        {"generation": "1"},
        {"graded_at": "never"},
        {"line": [], "settled": "d1"},
        {"line": [], "settled": {"delivery_id": "d1"}},
        {"line": [], "settled": {**NEWEST, "number": "1"}},
        {"line": [], "settled": {**NEWEST, "sets_score": False, "score_at": AT, "score_number": "1"}},
        {"line": [], "unsettled": "d1"},
        {"line": [], "unsettled": {"delivery_id": "d1"}},
        {"line": [], "accepted": "1"},
        {"posted_timestamp": "never"},
        {"posted_by": 1},
    ],
    ids=str,
)
def test_a_damaged_line_is_unreadable(damage: Item) -> None:
    with pytest.raises(StorageUnreadable):
        cells.from_item(stored({**FREE_CELL_ITEM, **damage}))
