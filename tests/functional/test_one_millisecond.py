"""Outcomes of one millisecond, and others that come late: which one is the newest whatever becomes of the others."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pox import read_result, replace_result, signed_headers
from stage import OUTCOME_URL, Seat, Stage, ToolAnswer, open_stage

from chalicelib.delivery.records import Delivery
from chalicelib.lti11.tools import OnDelay, Tool
from chalicelib.mapping.model import Mapping
from chalicelib.storage.attributes import Item
from chalicelib.storage.cells import cell_key
from chalicelib.storage.deliveries import delivery_key
from chalicelib.translation import answers

from .queueing import QUEUED, cell_of, deliveries, nothing_is_left, signed, states

THROTTLED = {"path": "score", "kind": "throttle_403"}
NO = {"path": "score", "kind": "status", "status": 422, "body": '{"errors":{"message":"no"}}', "count": 1}
OTHER_TOOL, OTHER_SECRET = "other tool", "other secret"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as opened:
        yield opened


def queued(stage: Stage, seat: Seat, score: str, received: datetime, **brings: Any) -> Delivery:
    """An outcome that was received then and is left to the queue."""
    body = replace_result(seat.sourcedid, score, **brings)
    answer = stage.deliver(OUTCOME_URL, signed(stage, body), body, received=received)
    assert answer.description == QUEUED
    return max(deliveries(stage), key=lambda each: each.number)


def sent_by_other_tool(stage: Stage, seat: Seat, score: str, received: datetime) -> ToolAnswer:
    stage.services.tools.add(Tool(OTHER_TOOL, (OTHER_SECRET,), on_delay=OnDelay.QUEUE))
    line_item, user_id = seat.prepared["line_item"], seat.prepared["user_id"]
    stage.services.mappings.put(Mapping(OTHER_TOOL, "its own", seat.platform, line_item, user_id))
    body = replace_result("its own", score)
    at = int(stage.clock.now().timestamp())
    headers = signed_headers(OUTCOME_URL, body, OTHER_TOOL, OTHER_SECRET, timestamp=at)
    return stage.deliver(OUTCOME_URL, headers, body, received=received)


def test_the_third_is_delivered_when_the_tool_of_the_second_is_removed(stage: Stage) -> None:
    """The third came after the second; the first, which it did not know of, is no newer for that."""
    seat, received = stage.seat(points=10), stage.clock.now()
    stage.faults(THROTTLED)
    queued(stage, seat, "0.1", received)
    assert sent_by_other_tool(stage, seat, "0.5", received).description == QUEUED
    queued(stage, seat, "0.9", received)
    stage.clock.move(30)
    done = stage.services.abandoning.line_of(cell_of(stage, seat).key, answers.never_mapped(), consumer_key=OTHER_TOOL)
    assert (done.failed, done.busy) == (1, 0)
    stage.faults()
    stage.minutes(10)
    assert stage.state(seat)["score"] == Decimal(9)
    assert sorted(states(stage)) == ["delivered", "delivered", "failed"]
    nothing_is_left(stage, seat)


def test_a_late_one_that_stands_in_line_is_recognised_once_the_newest_is_refused(stage: Stage) -> None:
    """Signed again it is no second attempt, whatever became of the newest."""
    seat, received = stage.seat(points=10), stage.clock.now()
    stage.clock.move(1)
    stage.faults(THROTTLED)
    newest = queued(stage, seat, "0.9", stage.clock.now(), data={"text": "newer"})
    late = queued(stage, seat, "0.4", received, data={"text": "late"})
    stage.faults(NO, THROTTLED)
    stage.clock.move(40)
    stage.services.schedule.run()
    stage.work()
    assert [each.state for each in deliveries(stage) if each.id == newest.id] == ["refused"]
    assert stage.send(replace_result(seat.sourcedid, "0.4", data={"text": "late"})).description == QUEUED
    assert [place.delivery_id for place in cell_of(stage, seat).line] == [late.id]
    stage.faults()
    stage.minutes(10)
    state = stage.state(seat)
    assert (state["score"], state["body"], state["attempt"]) == (Decimal(4), "late", 1)
    nothing_is_left(stage, seat)


def test_a_read_tells_the_score_that_will_stand_and_not_a_late_one_that_stands_behind_it(stage: Stage) -> None:
    seat, received = stage.seat(points=10), stage.clock.now()
    stage.clock.move(1)
    stage.faults(THROTTLED)
    queued(stage, seat, "0.9", stage.clock.now())
    late = queued(stage, seat, "0.4", received)
    assert stage.send(read_result(seat.sourcedid)).score == "0.9"
    stage.faults()
    stage.minutes(10)
    assert stage.send(read_result(seat.sourcedid)).score == "0.9"
    assert [each.state for each in deliveries(stage) if each.id == late.id] == ["superseded"]


def test_a_read_tells_an_older_score_that_an_operator_sends_over_all(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.faults({**THROTTLED, "count": 1}, NO)
    older = queued(stage, seat, "0.4", stage.clock.now())
    stage.minutes(5)
    assert states(stage) == ["refused"]
    stage.faults(THROTTLED)
    newer = queued(stage, seat, "0.9", stage.clock.now())
    assert stage.services.requeue.again(older.id, force=True) is None
    assert [place.delivery_id for place in cell_of(stage, seat).line] == [newer.id, older.id]
    assert stage.send(read_result(seat.sourcedid)).score == "0.4"
    stage.faults()
    stage.minutes(10)
    assert stage.send(read_result(seat.sourcedid)).score == "0.4"


def test_what_the_version_before_the_count_left_in_line_is_delivered_in_its_order(stage: Stage) -> None:
    seat, received = stage.seat(points=10), stage.clock.now()
    stage.faults(THROTTLED)
    for score in ("0.1", "0.5"):
        queued(stage, seat, score, received, data={"text": score})
    without_numbers(stage, seat)
    third = queued(stage, seat, "0.9", received, data={"text": "0.9"})
    assert third.number == 3
    without_numbers(stage, seat)
    stage.faults()
    stage.minutes(10)
    state = stage.state(seat)
    assert (state["score"], state["body"]) == (Decimal(9), "0.9")
    assert [post["scoreGiven"] for post in stage.scores_posted()[-3:]] == [
        Decimal("0.1"),
        Decimal("0.5"),
        Decimal("0.9"),
    ]
    assert states(stage) == ["delivered"] * 3
    assert sorted(each.number for each in deliveries(stage)) == [1, 2, 3]
    nothing_is_left(stage, seat)


def without_numbers(stage: Stage, seat: Seat) -> None:
    """Put the cell and its deliveries into the form in which they were stored before cells counted."""
    cell = cell_of(stage, seat)
    stored = stage.services.table.get(cell_key(cell.key))
    assert stored is not None
    places: Any = stored["line"]
    uncounted = [without(place, "number", "consumer_key", "body_digest") for place in places]
    stage.services.table.put({**without(stored, "accepted"), "line": uncounted})
    for place in cell.line:
        item = stage.services.table.get(delivery_key(place.delivery_id))
        assert item is not None
        stage.services.table.put(without(item, "number"))


def without(item: Item, *names: str) -> Item:
    return {name: value for name, value in item.items() if name not in names}
