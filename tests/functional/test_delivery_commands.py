"""An operator asks what became of outcomes, tries them again, follows them, and takes things and people away."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pox import replace_result
from stage import CONSUMER_KEY, SECRET, Seat, Stage, StageClock, open_stage

from chalicelib.clock import from_milliseconds, to_milliseconds
from chalicelib.delivery.records import CellKey, DeliveryState
from chalicelib.lti11.tools import OnDelay, Tool, Unmapped
from chalicelib.storage.deliveries import DeliveryFilter, delivery_key, kept_key
from passback.cli import cli
from passback.session import Session

DOWN = {"path": "score", "kind": "drop_before"}
SECRET_WORDS = "my own private essay"
WEEK_AND_A_DAY = timedelta(days=8).total_seconds()


class WatchedClock(StageClock):
    """Lets something happen each time a command waits."""

    def __init__(self, stage: Stage, meanwhile: Iterator[Callable[[], object]]) -> None:
        super().__init__(stage.clock.now())
        self._stage = stage
        self._meanwhile = meanwhile

    def now(self) -> Any:
        return self._stage.clock.now()

    def sleep(self, seconds: float) -> None:
        self.move(seconds)
        self._stage.clock.move(seconds)
        next(self._meanwhile, lambda: None)()


@dataclass
class Desk:
    """The operator's."""

    stage: Stage

    def run(self, *words: str, stdin: str = "", meanwhile: tuple[Callable[[], object], ...] = ()) -> Result:
        clock = WatchedClock(self.stage, iter(meanwhile))
        session = Session(environment={}, clock=clock, _services=self.stage.services)
        result = CliRunner().invoke(cli, words, obj=session, input=stdin)
        assert "Traceback" not in result.output
        assert SECRET_WORDS not in result.output
        return result

    def ok(self, *words: str) -> Any:
        result = self.run(*words, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def fails(self, *words: str) -> dict[str, str]:
        result = self.run(*words, "--json")
        assert result.exit_code != 0, result.output
        error: dict[str, str] = json.loads(result.stdout.splitlines()[-1])["error"]
        return error

    def listed(self, *words: str) -> list[str]:
        return [each["id"] for each in self.ok("delivery", "list", *words)["deliveries"]]

    def state(self, delivery_id: str) -> str:
        return str(self.ok("delivery", "show", delivery_id)["delivery"]["state"])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as stage:
        yield Desk(stage)


def send(desk: Desk, seat: Seat, score: str = "0.7", **content: Any) -> str:
    """Send an outcome; returns the delivery's id."""
    desk.stage.send(replace_result(seat.sourcedid, score, **content))
    desk.stage.clock.move(1)
    return desk.listed("--limit", "1")[0]


def fail_all(desk: Desk) -> None:
    """Let the platform be away until everything is given up."""
    desk.stage.clock.move(WEEK_AND_A_DAY)
    for _ in range(5):
        desk.stage.minutes(12)
    desk.stage.faults()


# list and show


def test_deliveries_are_chosen_by_course_user_time_and_several_states(desk: Desk) -> None:
    one, other = desk.stage.seat(points=10), desk.stage.seat(points=10)
    first = send(desk, one)
    desk.stage.clock.move(3600)
    desk.stage.faults(DOWN)
    second = send(desk, other)
    assert desk.listed() == [second, first]
    assert desk.listed("--user", one.prepared["user_id"]) == [first]
    course = one.prepared["line_item"].partition("/line_items")[0]
    assert desk.listed("--course", course) == [first]
    assert desk.listed("--course", course.rpartition("/")[2]) == [first]
    assert desk.listed("--course", course[:-1]) == []
    assert desk.listed("--since", "30m") == [second]
    assert desk.listed("--until", "30 min") == [first]
    assert desk.listed("--since", "2026-02-03T10:00", "--until", "2026-02-03T11:00+00:00") == [first]
    assert desk.listed("--since", "2026-02-04") == []
    assert desk.listed("--state", "waiting") == [second]
    assert desk.listed("--state", "waiting", "--state", "delivered") == [second, first]
    assert desk.listed("--tool", CONSUMER_KEY, "--limit", "1") == [second]


@pytest.mark.parametrize("time", ["yesterday", "3x", "2026-13-01", ""])
def test_a_time_that_is_none_is_refused(desk: Desk, time: str) -> None:
    assert desk.fails("delivery", "list", "--since", time)["code"] == "usage"


def test_a_list_for_people_says_when_the_undelivered_are_due(desk: Desk) -> None:
    desk.stage.faults(DOWN)
    send(desk, desk.stage.seat(points=10))
    listed = desk.run("delivery", "list").stdout
    assert "waiting" in listed
    assert "in 29 s" in listed


def test_a_list_says_until_when_a_dead_platform_is_left_alone(desk: Desk) -> None:
    stage = desk.stage
    stage.faults({"kind": "drop_before"})
    for _ in range(5):  # as many calls, over as many courses, open the breaker
        send(desk, stage.seat(points=10))
    stage.minutes(2)
    until = stage.services.health.get("canvas").probe_at
    assert until > to_milliseconds(stage.clock.now())
    told = f"left alone until {from_milliseconds(until).strftime('%H:%M:%SZ')}"
    assert told in desk.run("delivery", "list").stdout
    stories = [desk.run("delivery", "show", each).stdout for each in desk.listed("--state", "waiting")]
    assert any(told in story for story in stories)
    assert not all(told in story for story in stories)  # one of them was the probe, and waits for longer
    stage.faults()
    stage.minutes(5)
    assert "left alone" not in desk.run("delivery", "list").stdout


def test_one_that_should_have_been_tried_shows_since_when(desk: Desk) -> None:
    desk.stage.faults(DOWN)
    send(desk, desk.stage.seat(points=10))
    desk.stage.clock.move(150)
    assert "since 2 min" in desk.run("delivery", "list").stdout


def test_the_story_of_a_failed_one_says_what_to_do_and_the_command_for_it(desk: Desk) -> None:
    desk.stage.faults({"path": "token", "kind": "status", "status": 500})
    delivery_id = send(desk, desk.stage.seat(points=10), data={"text": SECRET_WORDS})
    fail_all(desk)
    shown = desk.ok("delivery", "show", delivery_id)["delivery"]
    assert (shown["state"], shown["content_kept"], shown["line"]) == ("failed", True, None)
    assert shown["remedy"]["cause"]
    story = desk.run("delivery", "show", delivery_id).stdout
    for text in ("failed", "try 1", shown["remedy"]["cause"], shown["remedy"]["remedy"], f"retry {delivery_id}"):
        assert text in story
    assert "retry ID" not in story
    assert "the tool was told  success queued for delivery" in story
    assert "how it ended       failure platform_unavailable" in story


def test_the_story_of_an_undelivered_one_says_its_place_and_its_time(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    desk.stage.faults(DOWN)
    first, second = send(desk, seat, "0.5"), send(desk, seat, "0.7")
    shown = desk.ok("delivery", "show", second)["delivery"]
    assert (shown["line"]["place"], shown["line"]["of"], shown["line"]["first"]) == (2, 2, first)
    assert "2 of 2" in desk.run("delivery", "show", second).stdout
    assert desk.ok("delivery", "show", first)["delivery"]["due_at"] is not None


def test_neither_the_sourcedid_nor_the_work_is_shown(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    desk.stage.faults(DOWN)
    delivery_id = send(desk, seat, data={"text": SECRET_WORDS})
    for words in (("list",), ("show", delivery_id), ("list", "--json"), ("show", delivery_id, "--json")):
        assert seat.sourcedid not in desk.run("delivery", *words).output


def test_a_reference_finds_it_too(desk: Desk) -> None:
    delivery_id = send(desk, desk.stage.seat(points=10))
    reference = desk.ok("delivery", "show", delivery_id)["delivery"]["reference"]
    for name in (reference, f"EID_{reference}", f"[EID_{reference}]"):
        assert desk.ok("delivery", "show", name)["delivery"]["id"] == delivery_id
    assert "among the newest" in desk.fails("delivery", "show", "EID_1")["message"]


# retry


def test_all_that_failed_is_tried_again_oldest_first(desk: Desk) -> None:
    seat, other = desk.stage.seat(points=10), desk.stage.seat(points=10)
    desk.stage.faults(DOWN)
    ids = [send(desk, seat, "0.5"), send(desk, other, "0.6")]
    fail_all(desk)
    assert {desk.state(each) for each in ids} == {"failed"}
    assert desk.ok("delivery", "retry", "--all-failed", "--platform", "generic", "--yes")["queued"] == []
    assert desk.ok("delivery", "retry", "--all-failed", "--yes")["queued"] == ids
    desk.stage.minutes(30)
    assert [desk.state(each) for each in ids] == ["delivered"] * 2
    assert (desk.stage.state(seat)["score"], desk.stage.state(other)["score"]) == (Decimal(5), Decimal(6))


def test_of_all_that_failed_what_a_newer_one_covers_or_is_not_kept_any_more_is_passed_over(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    desk.stage.faults(DOWN)
    gone = send(desk, desk.stage.seat(points=10))
    fail_all(desk)
    desk.stage.clock.move(timedelta(days=29).total_seconds())
    desk.stage.faults(DOWN)
    covered = send(desk, seat, "0.5")
    fail_all(desk)
    send(desk, seat, "0.8")
    told = desk.ok("delivery", "retry", "--all-failed", "--yes")
    assert {each["id"]: each["code"] for each in told["refused"]} == {gone: "gone", covered: "covered"}
    assert told["queued"] == []
    assert desk.run("delivery", "retry", covered).exit_code == 1


def test_before_all_that_failed_a_person_is_asked_and_a_script_must_say_yes(desk: Desk) -> None:
    desk.stage.faults(DOWN)
    delivery_id = send(desk, desk.stage.seat(points=10))
    fail_all(desk)
    declined = desk.run("delivery", "retry", "--all-failed", stdin="n\n")
    assert (declined.exit_code, desk.state(delivery_id)) == (130, "failed")
    assert "--yes" in desk.fails("delivery", "retry", "--all-failed")["message"]
    assert desk.run("delivery", "retry", "--all-failed", stdin="y\n").exit_code == 0
    assert desk.state(delivery_id) == "queued"


def test_what_cannot_be_tried_again_is_said_line_by_line(desk: Desk) -> None:
    delivered = send(desk, desk.stage.seat(points=10))
    desk.stage.faults(DOWN)
    waiting = send(desk, desk.stage.seat(points=10))
    result = desk.run("delivery", "retry", waiting, delivered, "nothing", "--json")
    told = json.loads(result.stdout)
    assert result.exit_code == 1
    assert told["queued"] == [waiting]
    assert [(each["id"], each["code"]) for each in told["refused"]] == [
        (delivered, "delivered"),
        ("nothing", "unknown"),
    ]
    assert told["error"]["code"] == "not_queued"
    assert result.stderr.count("\n") == 2


def test_a_persons_grade_is_gone_over_only_by_force(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    send(desk, seat, "0.5")
    desk.stage.clock.move(60)
    desk.stage.faults(DOWN)
    delivery_id = send(desk, seat, "0.7")
    desk.stage.clock.move(60)
    desk.stage.grade(seat, "3")
    desk.stage.faults()
    desk.stage.minutes(10)
    assert desk.ok("delivery", "show", delivery_id)["delivery"]["remedy"]["retry"] == "force"
    refused = json.loads(desk.run("delivery", "retry", delivery_id, "--json").stdout)["refused"]
    assert refused[0]["code"] == "held"
    desk.ok("delivery", "retry", "--force", delivery_id)
    desk.stage.work()
    assert (desk.state(delivery_id), desk.stage.state(seat)["score"]) == ("delivered", Decimal(7))


@pytest.mark.parametrize(
    "words", [[], ["d", "--all-failed"], ["--all-failed", "--force", "--yes"], ["d", "--platform", "canvas"]]
)
def test_a_retry_that_contradicts_itself_is_refused(desk: Desk, words: list[str]) -> None:
    assert desk.fails("delivery", "retry", *words)["code"] == "usage"


# watch


def watched(result: Result) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    return [(each["delivery"]["id"], each["delivery"]["state"]) for each in lines if "delivery" in each]


def test_changes_are_told_as_they_happen_until_nothing_is_undelivered(desk: Desk) -> None:
    stage = desk.stage
    seat, other = stage.seat(points=10), stage.seat(points=10)
    stage.faults(DOWN)
    first = send(desk, seat)
    late: list[str] = []

    def another() -> None:
        late.append(send(desk, other))

    def drain() -> None:
        stage.faults()
        stage.minutes(5)

    result = desk.run(
        "delivery", "watch", "--until-empty", "--interval", "1", "--json", meanwhile=(another, drain, drain)
    )
    assert result.exit_code == 0, result.output
    assert watched(result) == [
        (first, "waiting"),
        (late[0], "waiting"),
        (first, "delivered"),
        (late[0], "delivered"),
    ]


def test_what_an_operator_puts_back_in_line_is_seen_too(desk: Desk) -> None:
    desk.stage.faults(DOWN)
    delivery_id = send(desk, desk.stage.seat(points=10))
    fail_all(desk)
    result = desk.run(
        "delivery",
        "watch",
        "--json",
        "--timeout",
        "20",
        meanwhile=(lambda: desk.ok("delivery", "retry", delivery_id), lambda: desk.stage.work()),
    )
    assert result.exit_code == 0
    assert watched(result) == [(delivery_id, "queued"), (delivery_id, "delivered")]


def test_what_is_delivered_at_once_is_seen_too(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    result = desk.run("delivery", "watch", "--json", "--timeout", "5", meanwhile=(lambda: send(desk, seat),))
    assert watched(result) == [(desk.listed()[0], "delivered")]


def park(desk: Desk) -> str:
    """Park an outcome; returns its delivery's id."""
    desk.stage.services.tools.remove(CONSUMER_KEY)
    desk.stage.services.tools.add(Tool(CONSUMER_KEY, (SECRET,), unmapped=Unmapped.PARK))
    desk.stage.send(replace_result("nobody's", "0.7"))
    return desk.listed("--state", "parked")[0]


def test_what_is_parked_is_told_and_not_waited_for(desk: Desk) -> None:
    parked: list[str] = []
    desk.stage.faults(DOWN)
    delivery_id = send(desk, desk.stage.seat(points=10))

    def then() -> None:
        parked.append(park(desk))
        desk.stage.faults()
        desk.stage.minutes(5)

    result = desk.run("delivery", "watch", "--until-empty", "--json", "--timeout", "60", meanwhile=(then,))
    assert result.exit_code == 0
    assert watched(result) == [(delivery_id, "waiting"), (delivery_id, "delivered"), (parked[0], "parked")]


def test_what_is_forgotten_meanwhile_is_not_waited_for(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    desk.stage.faults(DOWN)
    send(desk, seat)
    words = forget(seat, "--yes", "--with-undelivered")
    result = desk.run("delivery", "watch", "--until-empty", "--timeout", "60", meanwhile=(lambda: desk.ok(*words),))
    assert result.exit_code == 0


def test_when_the_time_is_over_and_something_is_undelivered_the_watch_fails(desk: Desk) -> None:
    desk.stage.faults(DOWN)
    send(desk, desk.stage.seat(points=10))
    assert desk.fails("delivery", "watch", "--until-empty", "--timeout", "7")["code"] == "timeout"
    assert desk.run("delivery", "watch", "--until-empty", "--timeout", "7", "--platform", "generic").exit_code == 0


def test_a_line_for_people_names_state_and_reason(desk: Desk) -> None:
    desk.stage.faults(DOWN)
    delivery_id = send(desk, desk.stage.seat(points=10))
    (line,) = desk.run("delivery", "watch", "--timeout", "1").stdout.splitlines()
    assert delivery_id in line
    assert "waiting (due in" in line


# removing tools and platforms


@pytest.mark.parametrize(
    "words", [["platform", "remove", "canvas", "--yes"], ["tool", "remove", "--key", CONSUMER_KEY]]
)
def test_nothing_is_removed_while_its_deliveries_are_under_way(desk: Desk, words: list[str]) -> None:
    seat = desk.stage.seat(points=10)
    desk.stage.faults(DOWN)
    ids = [send(desk, seat, "0.5"), send(desk, seat, "0.7")]
    refused = desk.fails(*words)
    assert refused["code"] == "deliveries_under_way"
    assert refused["message"].startswith("2 deliveries are under way")
    assert desk.ok(*words, "--fail-deliveries")["failed_deliveries"] == 2
    for each in ids:
        shown = desk.ok("delivery", "show", each)["delivery"]
        assert (shown["state"], shown["content_kept"]) == ("failed", True)
        assert "not registered" in shown["answer"]["description"]
    assert desk.fails(*words)["code"] == "not_found"


def test_a_registration_is_replaced_and_what_was_ended_for_it_is_sent_again(desk: Desk) -> None:
    seat, platforms = desk.stage.seat(points=10), desk.stage.services.platforms
    desk.stage.faults(DOWN)
    delivery_id = send(desk, seat, "0.5")
    registered = platforms.get("canvas")
    assert registered is not None
    assert desk.ok("platform", "remove", "canvas", "--fail-deliveries", "--yes")["failed_deliveries"] == 1
    platforms.add(registered)
    desk.stage.faults()
    assert desk.ok("delivery", "retry", "--all-failed", "--platform", "canvas", "--yes")["queued"] == [delivery_id]
    desk.stage.minutes(30)
    assert (desk.state(delivery_id), desk.stage.state(seat)["score"]) == ("delivered", Decimal(5))


def test_another_tools_deliveries_stand_in_nobodys_way(desk: Desk) -> None:
    desk.stage.services.tools.add(Tool("another", ("secret",)))
    desk.stage.faults(DOWN)
    delivery_id = send(desk, desk.stage.seat(points=10))
    assert desk.ok("tool", "remove", "--key", "another")["failed_deliveries"] == 0
    assert desk.ok("platform", "remove", "generic", "--yes")["failed_deliveries"] == 0
    assert desk.state(delivery_id) == "waiting"


def test_a_tools_parked_outcomes_are_under_way_too(desk: Desk) -> None:
    parked = park(desk)
    refused = desk.fails("tool", "remove", "--key", CONSUMER_KEY)["message"]
    assert "(1 parked)" in refused
    assert "what was parked once it is mapped" in refused
    assert desk.ok("tool", "remove", "--key", CONSUMER_KEY, "--fail-deliveries")["failed_deliveries"] == 1
    assert desk.state(parked) == "failed"


def test_what_is_just_being_tried_is_waited_for(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    stage, results = desk.stage, []

    def remove(request: object) -> None:
        stage.interruption = None
        results.append(desk.run("platform", "remove", "canvas", "--fail-deliveries", "--yes", "--json"))

    stage.interruption = remove
    stage.send(replace_result(seat.sourcedid, "0.7"))
    told = json.loads(results[0].stdout)
    assert told == {"removed": "canvas", "failed_deliveries": 1}  # its lease ran out: whoever tried it is gone
    (delivery,) = stage.services.deliveries.list(stage.clock.now())
    assert (delivery.state, delivery.outcome_unknown) == (DeliveryState.FAILED, True)


def test_what_is_accepted_just_before_the_removal_is_ended_as_well(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    desk.stage.faults(DOWN)

    def just_before(operation: str) -> None:
        if operation == "DeleteItem":
            desk.stage.table_interruption = None
            assert desk.stage.send(replace_result(seat.sourcedid, "0.7")).description == "queued for delivery"

    desk.stage.table_interruption = just_before
    assert desk.ok("platform", "remove", "canvas", "--yes")["failed_deliveries"] == 1
    assert desk.listed("--state", "failed") == desk.listed()


def test_a_removal_that_was_stopped_is_finished_by_running_it_again(desk: Desk) -> None:
    desk.stage.faults(DOWN)
    delivery_id = send(desk, desk.stage.seat(points=10))
    desk.stage.services.platforms.remove("canvas")
    assert desk.ok("platform", "remove", "canvas", "--fail-deliveries", "--yes")["failed_deliveries"] == 1
    assert desk.state(delivery_id) == "failed"


# forget


def forget(seat: Seat, *more: str) -> list[str]:
    return ["forget", "--user", seat.prepared["user_id"], "--platform", seat.platform, *more]


def test_a_person_is_forgotten_and_nobody_else(desk: Desk) -> None:
    one, other = desk.stage.seat(points=10), desk.stage.seat(points=10)
    mine, others = send(desk, one), send(desk, other)
    shown = desk.run(*forget(one), stdin="n\n")
    assert shown.exit_code == 130
    assert "squares of the gradebook" in shown.stdout
    assert desk.state(mine) == "delivered"
    told = desk.ok(*forget(one, "--yes"))
    assert told["forgotten"] == {
        "mappings": 1,
        "cells": 1,
        "deliveries": 1,
        "undelivered": 0,
        "waiting_sourcedids": 0,
    }
    assert any("90 minutes" in each for each in told["stays"])
    assert desk.fails("delivery", "show", mine)["code"] == "not_found"
    assert desk.stage.services.mappings.get(CONSUMER_KEY, one.sourcedid) is None
    key = CellKey(one.platform, one.prepared["line_item"], one.prepared["user_id"])
    assert desk.stage.services.ledger.cell(key).version == 0
    assert desk.state(others) == "delivered"
    assert desk.stage.services.mappings.get(CONSUMER_KEY, other.sourcedid) is not None
    assert set(desk.ok(*forget(one, "--yes"))["forgotten"].values()) == {0}


def test_what_is_not_delivered_yet_is_lost_only_if_that_is_wanted(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    desk.stage.faults(DOWN)
    send(desk, seat, data={"text": SECRET_WORDS})
    assert desk.fails(*forget(seat, "--yes"))["code"] == "undelivered"
    assert desk.ok(*forget(seat, "--yes", "--with-undelivered"))["forgotten"]["undelivered"] == 1
    assert not [each for each in _stored(desk) if seat.prepared["user_id"] in each and "cell" in each]
    desk.stage.faults()
    desk.stage.minutes(5)
    assert desk.stage.state(seat)["score"] is None


def test_the_content_kept_of_a_failed_one_goes_too_and_a_removed_tools_mapping(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    desk.stage.faults(DOWN)
    delivery_id = send(desk, seat, data={"text": SECRET_WORDS})
    fail_all(desk)
    desk.ok("tool", "remove", "--key", CONSUMER_KEY)
    desk.ok(*forget(seat, "--yes"))
    assert desk.stage.services.mappings.get(CONSUMER_KEY, seat.sourcedid) is None
    assert desk.stage.services.table.get(delivery_key(delivery_id)) is None
    assert desk.stage.services.table.get(kept_key(delivery_id)) is None


def test_what_comes_while_a_person_is_forgotten_goes_too(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    send(desk, seat, "0.5")

    deletes: list[str] = []

    def just_now(operation: str) -> None:
        deletes.extend([operation] if operation == "DeleteItem" else [])
        if len(deletes) == 2:  # the cell is gone, the mapping is not
            desk.stage.table_interruption = None
            desk.stage.send(replace_result(seat.sourcedid, "0.7"))

    desk.stage.clock.move(60)
    desk.stage.table_interruption = just_now
    desk.ok(*forget(seat, "--yes"))
    assert desk.stage.state(seat)["score"] == Decimal(7)  # it came, and it was delivered
    assert [each for each in _stored(desk) if seat.prepared["user_id"] in each] == []


def test_a_sourcedid_that_was_wanted_before_it_was_mapped_is_forgotten(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    desk.stage.services.mappings.remove(CONSUMER_KEY, seat.sourcedid)
    desk.stage.send(replace_result(seat.sourcedid, "0.5"))
    assert desk.stage.services.lots.get(CONSUMER_KEY, seat.sourcedid).version
    desk.stage.map(seat)
    assert desk.ok(*forget(seat, "--yes"))["forgotten"]["waiting_sourcedids"] == 1
    assert not desk.stage.services.lots.get(CONSUMER_KEY, seat.sourcedid).version


def test_a_run_that_was_stopped_is_finished_by_the_next(desk: Desk) -> None:
    seat = desk.stage.seat(points=10)
    send(desk, seat)
    for deletes in range(1, 5):
        count = 0

        def stop(operation: str, limit: int = deletes) -> None:
            nonlocal count
            count += operation == "DeleteItem"
            if count >= limit:
                raise KeyboardInterrupt

        desk.stage.table_interruption = stop
        desk.run(*forget(seat, "--yes"))
        desk.stage.table_interruption = None
    desk.ok(*forget(seat, "--yes"))
    user = seat.prepared["user_id"]
    assert list(desk.stage.services.deliveries.list(desk.stage.clock.now(), DeliveryFilter(user_id=user))) == []
    assert [each for each in _stored(desk) if user in each] == []


def _stored(desk: Desk) -> list[str]:
    """All items of the table, as text."""
    table: Any = desk.stage.services.table
    return [json.dumps(item, default=str) for item in table._items.values()]
