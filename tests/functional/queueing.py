"""What the tests of the queue share: outcomes of every kind, faults of every kind, and what is looked at."""

from collections.abc import Callable
from typing import Any

from pox import delete_result, replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Seat, Stage

from chalicelib.delivery.records import Cell, CellKey, Delivery

Write = Callable[[str], bytes]

QUEUED = "queued for delivery"
TEXT, URL = {"text": "an essay"}, {"url": "https://tool.example.org/essays/1"}
WRITES: dict[str, Write] = {
    "score": lambda sourcedid: replace_result(sourcedid, "0.92"),
    "zero": lambda sourcedid: replace_result(sourcedid, "0"),
    "points": lambda sourcedid: replace_result(sourcedid, total="7.5"),
    "text and score": lambda sourcedid: replace_result(sourcedid, "0.92", data=TEXT),
    "text alone": lambda sourcedid: replace_result(sourcedid, data=TEXT),
    "url and points": lambda sourcedid: replace_result(sourcedid, total="7.5", data=URL),
    "prioritized": lambda sourcedid: replace_result(sourcedid, "0.92", prioritize_non_tool_grade=True),
    "review": lambda sourcedid: replace_result(sourcedid, "0.92", needs_additional_review=True),
    "delete": delete_result,
}
FAULTS: dict[str, dict[str, Any]] = {
    "throttled": {"path": "any", "kind": "throttle_403"},
    "throttled by 429": {"path": "any", "kind": "throttle_429"},
    "500": {"path": "any", "kind": "status", "status": 500},
    "503": {"path": "any", "kind": "status", "status": 503},
    "slow": {"path": "score", "kind": "slow", "seconds": 20},
    "hangs": {"path": "any", "kind": "hang", "seconds": 20},
    "dropped before": {"path": "score", "kind": "drop_before"},
    "dropped after it was stored": {"path": "score", "kind": "drop_after"},
    "refused": {"path": "any", "kind": "refuse"},
    "no token": {"path": "token", "kind": "status", "status": 503},
    "no results": {"path": "result", "kind": "status", "status": 500},
}
COMPARED = ("attempt", "submission_type", "body", "url", "score", "needs_review", "comments")


def shown(stage: Stage, seat: Seat) -> dict[str, Any]:
    """What the gradebook shows, but for times."""
    state = stage.state(seat)
    history = [(version["attempt"], version["type"], version["body"], version["url"]) for version in state["history"]]
    return {name: state[name] for name in COMPARED} | {"history": history}


def signed(stage: Stage, body: bytes) -> dict[str, str]:
    return signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))


def deliveries(stage: Stage) -> list[Delivery]:
    """All deliveries, oldest first, with what is kept of their content."""
    listed = sorted(stage.services.deliveries.list(stage.clock.now()), key=lambda each: each.id)
    found = [stage.services.ledger.delivery(each.id, stage.clock.now()) for each in listed]
    return [each for each in found if each is not None]


def states(stage: Stage) -> list[str]:
    return [str(each.state) for each in deliveries(stage)]


def cell_of(stage: Stage, seat: Seat) -> Cell:
    key = CellKey(seat.platform, seat.prepared["line_item"], seat.prepared["user_id"])
    return stage.services.ledger.cell(key)


def hours_pass(stage: Stage, hours: int = 2) -> None:
    """Let time pass in steps of five minutes: schedule, then worker."""
    for _ in range(hours * 12):
        stage.clock.move(300)
        stage.services.schedule.run()
        assert stage.work() == []


def nothing_is_left(stage: Stage, seat: Seat) -> None:
    """Nothing is under way, due, queued or buried."""
    cell = cell_of(stage, seat)
    assert (cell.line, cell.due_at, cell.lease_until) == ((), None, 0)
    assert stage.queue.waiting == []
    assert stage.queue.buried == []
    assert all(each.state.ended for each in deliveries(stage))
