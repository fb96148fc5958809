"""An operator tries again what was ended while it was parked: it goes to where its sourcedid points by now."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pox import replace_result
from stage import CONSUMER_KEY, SECRET, Seat, Stage, open_stage

from chalicelib.lti11.tools import OnDelay, Tool, Unmapped
from chalicelib.mapping.model import Submitted
from functional.queueing import cell_of
from functional.test_delivery_commands import Desk

KEPT_PARKED_DAYS = 91


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as stage:
        yield Desk(stage)


def register(stage: Stage) -> None:
    stage.services.tools.add(Tool(CONSUMER_KEY, (SECRET,), unmapped=Unmapped.PARK))


def parked(desk: Desk, seat: Seat, *, sourcedid: str | None = None, score: str = "0.7") -> str:
    """Park an outcome of a seat that is not mapped yet; returns its delivery's id."""
    stage = desk.stage
    stage.services.tools.remove(CONSUMER_KEY)
    register(stage)
    stage.services.mappings.remove(CONSUMER_KEY, seat.sourcedid)
    assert stage.send(replace_result(sourcedid or seat.sourcedid, score)).description == "queued for delivery"
    stage.clock.move(1)
    return desk.listed("--state", "parked")[0]


def remove_tool(desk: Desk) -> None:
    assert desk.ok("tool", "remove", "--key", CONSUMER_KEY, "--fail-deliveries")["failed_deliveries"] == 1
    register(desk.stage)


def refusal(desk: Desk, *words: str) -> str:
    (refused,) = json.loads(desk.run("delivery", "retry", *words, "--json").stdout)["refused"]
    return str(refused["code"])


def test_one_ended_with_its_tool_is_delivered_once_its_sourcedid_is_mapped(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    received = desk.stage.clock.now()
    delivery_id = parked(desk, seat)
    remove_tool(desk)
    assert refusal(desk, delivery_id) == "never_mapped"
    desk.stage.map(seat)
    assert desk.ok("delivery", "retry", delivery_id)["queued"] == [delivery_id]
    accepted = desk.stage.services.deliveries.get(delivery_id)
    assert accepted is not None
    assert (accepted.number, cell_of(desk.stage, seat).accepted) == (1, 1)
    desk.stage.clock.move(3600)
    desk.stage.work()
    shown = desk.ok("delivery", "show", delivery_id)["delivery"]
    assert (shown["state"], shown["user_id"]) == ("delivered", seat.prepared["user_id"])
    assert desk.stage.state(seat)["score"] == Decimal(7)
    assert shown["timestamp"] == received.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_one_that_waited_too_long_for_a_mapping_goes_once_there_is_one(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    delivery_id = parked(desk, seat)
    desk.stage.clock.move(timedelta(days=KEPT_PARKED_DAYS).total_seconds())
    desk.stage.minutes(11)
    assert desk.state(delivery_id) == "failed"
    assert refusal(desk, "--all-failed", "--yes") == "never_mapped"
    desk.stage.map(seat)
    assert desk.ok("delivery", "retry", "--all-failed", "--yes")["queued"] == [delivery_id]
    desk.stage.work()
    assert (desk.state(delivery_id), desk.stage.state(seat)["score"]) == ("delivered", Decimal(7))


def test_blanks_around_the_sourcedid_hide_no_mapping(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    delivery_id = parked(desk, seat, sourcedid=f" {seat.sourcedid} ")
    remove_tool(desk)
    desk.stage.map(seat)
    assert desk.ok("delivery", "retry", delivery_id)["queued"] == [delivery_id]


def test_it_does_not_go_over_what_came_after_it(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    delivery_id = parked(desk, seat)
    remove_tool(desk)
    desk.stage.map(seat)
    desk.stage.clock.move(120)
    desk.stage.send(replace_result(seat.sourcedid, "0.9"))
    assert refusal(desk, delivery_id) == "covered"
    assert desk.ok("delivery", "retry", "--force", delivery_id)["queued"] == [delivery_id]
    desk.stage.work()
    assert desk.stage.state(seat)["score"] == Decimal(7)


def test_older_work_goes_in_beside_a_newer_score(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    stage = desk.stage
    stage.services.tools.remove(CONSUMER_KEY)
    register(stage)
    stage.services.mappings.remove(CONSUMER_KEY, seat.sourcedid)
    stage.send(replace_result(seat.sourcedid, "0.4", data={"text": "some work"}))
    delivery_id = desk.listed("--state", "parked")[0]
    remove_tool(desk)
    stage.map(seat)
    stage.clock.move(120)
    stage.send(replace_result(seat.sourcedid, "0.9"))
    desk.ok("delivery", "retry", delivery_id)
    stage.work()
    state = stage.state(seat)
    assert (desk.state(delivery_id), state["score"], state["body"]) == ("delivered", Decimal(9), "some work")


def test_a_mapping_to_a_platform_that_is_not_registered_is_said(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    delivery_id = parked(desk, seat)
    remove_tool(desk)
    desk.stage.map(seat)
    desk.stage.services.platforms.remove(seat.platform)
    assert refusal(desk, delivery_id) == "platform_removed"


def test_what_its_import_says_of_the_past_counts(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    delivery_id = parked(desk, seat)
    remove_tool(desk)
    desk.stage.map(seat, submitted=Submitted.YES)
    desk.ok("delivery", "retry", delivery_id)
    desk.stage.work()
    (posted,) = desk.stage.scores_posted()
    assert posted["https://canvas.instructure.com/lti/submission"]["new_submission"] is False
