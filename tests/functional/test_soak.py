"""The fault harness itself: its plan, its switches, its queue, and that its judge sees what it must see."""

import importlib
import json
import shutil
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from soak.broken import BROKEN, COPIED, REPOSITORY, break_copy
from soak.hurry import SHORTER
from soak.judge import CellStory, judge
from soak.oracle import Grade, Happened, alternatives
from soak.plan import CellPlan, Kind, Manners, OutcomePlan, QueuePlan, SeatPlan, Size, make_plan
from soak.queue_proxy import SEND, QueueProxy
from soak.tools import Sent, Try
from soak.witness import Call

from chalicelib.delivery.records import Cell, CellKey, Delivery, DeliveryState, PlaceInLine

SMALL = Size(outcomes=120, seconds=10.0, kills=4)
KEY = CellKey("canvas", "https://canvas.example.edu/api/lti/courses/1/line_items/2", "student")
R = 1_800_000_000_000
EXTENSION = "https://canvas.instructure.com/lti/submission"


# the plan


def test_the_same_seed_makes_the_same_plan_and_another_seed_another() -> None:
    assert make_plan(7, SMALL) == make_plan(7, SMALL)
    assert make_plan(7, SMALL) != make_plan(8, SMALL)


def test_every_score_tells_who_gave_it() -> None:
    plan = make_plan(3, Size(outcomes=6000, seconds=900.0, kills=10))
    points = {cell.number: cell.points for cell in plan.cells}
    given: list[tuple[int, Decimal]] = [(each.cell, each.score) for each in plan.teachers]
    given += [(each.cell, Decimal(each.score) * points[each.cell]) for each in plan.outcomes if each.score]
    given += [(each.cell, Decimal(each.total)) for each in plan.outcomes if each.total]
    assert len(set(given)) == len(given)


def test_a_plan_has_everything_that_goes_wrong() -> None:
    plan = make_plan(1, Size(outcomes=6000, seconds=900.0, kills=60))
    assert {each.kind for each in plan.outcomes} == set(Kind)
    assert {each.manners for each in plan.outcomes} == set(Manners)
    assert {each.victim for each in plan.kills} == {"server", "worker"}
    assert {fault["kind"] for weather in plan.weather for fault in weather.faults} >= {
        "drop_after", "drop_before", "refuse", "hang", "slow", "status", "throttle_403", "throttle_429",
    }  # fmt: skip
    assert any(weather.down for weather in plan.weather)
    assert any(seat.mapped_at for cell in plan.cells for seat in cell.seats)
    assert max(len(cell.seats) for cell in plan.cells) == 2


# what is done to the code


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_every_safeguard_that_is_taken_out_is_there(name: str, tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "chalicelib", tmp_path / "chalicelib")
    break_copy(name, tmp_path)
    for replacement in BROKEN[name]:
        compile((tmp_path / replacement.path).read_text(), replacement.path, "exec")
    with pytest.raises(ValueError, match="does not hold exactly once"):
        break_copy(name, tmp_path)


def test_what_is_copied_is_there() -> None:
    assert all((REPOSITORY / part).exists() for part in COPIED)


def test_every_wait_that_is_shortened_is_there_and_gets_shorter() -> None:
    for module_name, constants in SHORTER.items():
        module = importlib.import_module(module_name)
        for name, value in constants.items():
            assert type(getattr(module, name)) is type(value)
            assert value < getattr(module, name), name


# the queue


class _Engine(BaseHTTPRequestHandler):
    seen: list[dict[str, Any]] = []  # noqa: RUF012 - of this test alone

    def do_POST(self) -> None:
        self.seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


@pytest.fixture
def proxy() -> Iterator[QueueProxy]:
    _Engine.seen.clear()
    engine = ThreadingHTTPServer(("127.0.0.1", 0), _Engine)
    thread = Thread(target=engine.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    with QueueProxy(engine.server_address[1], seed=1) as standing:
        yield standing
    engine.shutdown()
    engine.server_close()
    thread.join()


def _sent(proxy: QueueProxy) -> dict[str, Any]:
    body = json.dumps({"MessageBody": "a message", "MessageDeduplicationId": "one"}).encode()
    request = urllib.request.Request(proxy.url, body, {"X-Amz-Target": SEND})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - loopback
        document: dict[str, Any] = json.loads(answer.read())
        return document


def test_the_queue_passes_messages_on(proxy: QueueProxy) -> None:
    assert _sent(proxy) == {}
    assert [each["MessageDeduplicationId"] for each in _Engine.seen] == ["one"]


def test_a_lost_message_is_acknowledged(proxy: QueueProxy) -> None:
    proxy.weather = QueuePlan(0, loses=100)
    assert _sent(proxy)["MD5OfMessageBody"]
    assert _Engine.seen == []


def test_a_doubled_message_comes_under_two_names(proxy: QueueProxy) -> None:
    proxy.weather = QueuePlan(0, doubles=100)
    _sent(proxy)
    assert len({each["MessageDeduplicationId"] for each in _Engine.seen}) == 2


def test_a_refused_message_and_one_without_an_answer(proxy: QueueProxy) -> None:
    proxy.weather = QueuePlan(0, refuses=100)
    with pytest.raises(OSError, match="503"):
        _sent(proxy)
    assert _Engine.seen == []
    proxy.weather = QueuePlan(0, drops_answers=100)
    with pytest.raises(OSError, match="closed connection"):
        _sent(proxy)
    assert len(_Engine.seen) == 1


# the judge


def _outcome(number: int, score: str, **given: Any) -> OutcomePlan:
    return OutcomePlan(number, 0.0, 0, 0, Kind.SCORE, score=score, **given)


def _told(plan: OutcomePlan, received_at: int, *, acknowledged: bool = True) -> Sent:
    status, code = (200, "success") if acknowledged else (422, "failure")
    return Sent(plan, b"", [Try(received_at - 2, received_at + 50, "signature", status, code)])


def _delivery(number: int, received_at: int, state: DeliveryState = DeliveryState.DELIVERED) -> Delivery:
    return Delivery(
        id=f"delivery-{number}-{received_at}",
        cell=KEY,
        consumer_key="patient",
        sourcedid_digest="",
        context="",
        operation="replaceResult",
        write=None,
        received_at=received_at,
        timestamp=received_at,
        reference="1",
        body_digest="",
        receipt_key="",
        state=state,
        ended_at=received_at + 40,
    )


def _post(number: int, at: int, score: str, timestamp: int, *, first: bool = False, status: int | None = 200) -> Call:
    body: dict[str, Any] = {
        "timestamp": _iso(timestamp),
        "scoreGiven": Decimal(score),
        EXTENSION: {"new_submission": first},
    }
    return Call(number, at, is_post=True, status=status, dropped=False, body=body)


def _read(number: int, at: int) -> Call:
    return Call(number, at, is_post=False, status=200, dropped=False, body={})


def _iso(milliseconds: int) -> str:
    from chalicelib.clock import from_milliseconds

    return from_milliseconds(milliseconds).isoformat()


def _state(score: str, submitted_at: int, graded_by: str = "tool") -> dict[str, Any]:
    time = _iso(submitted_at).replace("+00:00", ".000Z")
    work = {"type": "external_tool", "body": None, "url": None, "submitted_at": time}
    return {
        "attempt": 1,
        "submission_type": "external_tool",
        "body": None,
        "url": None,
        "submitted_at": time,
        "score": Decimal(score),
        "graded_by": graded_by,
        "history": [{"attempt": 1, **work}],
    }


def _story() -> CellStory:
    """Two outcomes of one student, delivered in order."""
    one, two = _outcome(1, "0.5"), _outcome(2, "0.75")
    return CellStory(
        plan=CellPlan(0, 0, 10, (SeatPlan("patient", "seat"),)),
        sent=[_told(one, R), _told(two, R + 1000)],
        grades=[],
        calls=[
            _read(1, R + 10),
            _post(2, R + 20, "0.5", R, first=True),
            _post(3, R + 1020, "0.75", R + 1000),
        ],
        deliveries={1: [_delivery(1, R)], 2: [_delivery(2, R + 1000)]},
        cell=Cell(KEY),
        state=_state("7.5", R),
        overwrites_within=10_000,
    )


def _found(story: CellStory) -> set[str]:
    return {violation.what for violation in judge(story).violations}


GRADEBOOK = "the gradebook is not what it should be"


def test_what_went_well_is_found_well() -> None:
    assert judge(_story()).violations == []


def test_an_acknowledged_outcome_that_is_gone_is_found() -> None:
    story = _story()
    story.calls, story.state = story.calls[:2], _state("5", R)
    assert _found(story) == {GRADEBOOK}
    story.deliveries[2] = []
    assert "acknowledged and gone" in _found(story)


def test_an_outcome_whose_tool_was_told_failure_may_be_missing() -> None:
    story = _story()
    story.sent[1] = _told(story.sent[1].plan, R + 1000, acknowledged=False)
    story.deliveries[2] = [_delivery(2, R + 1000, DeliveryState.FAILED)]
    story.calls, story.state = story.calls[:2], _state("5", R)
    assert _found(story) == set()


def test_an_acknowledged_outcome_that_failed_is_found() -> None:
    story = _story()
    story.deliveries[2] = [_delivery(2, R + 1000, DeliveryState.FAILED)]
    assert _found(story) == {"acknowledged and failed"}


def test_one_signed_request_that_was_accepted_twice_is_found() -> None:
    story = _story()
    story.deliveries[1].append(_delivery(1, R + 30))
    assert "doubled" in _found(story)


def test_an_attempt_too_many_is_found() -> None:
    story = _story()
    story.state["attempt"] = 2
    assert _found(story) == {GRADEBOOK}


def test_another_time_of_the_submission_is_found() -> None:
    story = _story()
    story.state = _state("7.5", R + 1000)
    assert _found(story) == {GRADEBOOK}


def test_a_step_back_is_found_even_if_it_is_made_good() -> None:
    story = _story()
    story.calls += [_post(4, R + 1100, "0.5", R), _post(5, R + 1200, "0.75", R + 1000)]
    assert _found(story) == {"a step back"}


def _of_one_millisecond(*, accepted_first: int) -> CellStory:
    """The same story, with both received at one time and delivered in the order in which they were accepted."""
    story, second = _story(), 3 - accepted_first
    scores = {1: "0.5", 2: "0.75"}
    story.sent = [_told(_outcome(number, scores[number]), R) for number in (1, 2)]
    story.deliveries = {
        accepted_first: [replace(_delivery(accepted_first, R), number=1)],
        second: [replace(_delivery(second, R), number=2, timestamp=R + 1)],
    }
    first_post = _post(2, R + 20, scores[accepted_first], R, first=True)
    story.calls = [_read(1, R + 10), first_post, _post(3, R + 30, scores[second], R + 1)]
    story.state = _state("7.5" if second == 2 else "5", R)
    return story


@pytest.mark.parametrize("accepted_first", [1, 2])
def test_of_one_millisecond_the_one_accepted_later_must_stand(accepted_first: int) -> None:
    story = _of_one_millisecond(accepted_first=accepted_first)
    assert _found(story) == set()
    story.state = _state("5" if accepted_first == 1 else "7.5", R)
    assert _found(story) == {GRADEBOOK}


def test_a_step_back_within_one_millisecond_is_found() -> None:
    story = _of_one_millisecond(accepted_first=1)
    story.calls += [_post(4, R + 40, "0.5", R), _post(5, R + 50, "0.75", R + 1)]
    assert _found(story) == {"a step back"}


def test_what_is_left_in_the_line_is_found() -> None:
    story = _story()
    story.cell = replace(story.cell, line=(PlaceInLine("delivery-2", R),), due_at=R)
    assert _found(story) == {"undelivered"}


def test_a_teachers_grade_that_a_retry_went_over_is_found() -> None:
    story = _story()
    story.grades = [Grade(R + 2000, R + 2001, Decimal("3.25"))]
    story.calls.append(_post(4, R + 3000, "0.75", R + 1000))
    assert "a teacher's grade gone" in _found(story)
    story.calls = [*story.calls[:3], _read(4, R + 2990), _post(5, R + 3000, "0.75", R + 1000)]
    assert "a teacher's grade gone" in _found(story)


def test_a_first_try_within_the_minute_goes_over_a_grade_and_a_later_one_does_not() -> None:
    story = _story()
    story.grades = [Grade(R + 1001, R + 1002, Decimal("3.25"))]
    assert _found(story) == set()
    story.overwrites_within = 10
    assert _found(story) == {"a teacher's grade gone"}


def test_a_grade_between_the_look_and_the_post_cannot_be_seen() -> None:
    story = _story()
    story.grades = [Grade(R + 2995, R + 2996, Decimal("3.25"))]
    story.calls += [_read(4, R + 2990), _post(5, R + 3000, "0.75", R + 1000)]
    assert "a teacher's grade gone" not in _found(story)


def test_a_teachers_grade_at_the_end_stays() -> None:
    story = _story()
    story.grades = [Grade(R + 2000, R + 2001, Decimal("3.25"))]
    assert _found(story) == {GRADEBOOK}
    story.state = _state("3.25", R, graded_by="person")
    assert _found(story) == set()


def test_held_without_a_teacher_is_found() -> None:
    story = _story()
    story.deliveries[2] = [_delivery(2, R + 1000, DeliveryState.HELD)]
    assert "held for nobody" in _found(story)


def test_an_outcome_has_one_way_unless_a_fault_made_two() -> None:
    one = Happened(_outcome(1, "0.5"), R, R + 20, must=True, state="delivered")
    assert [each.at for each in alternatives(one, [], [])] == [R]
    late = replace(one, effect=R + 5000)
    grade = Grade(R + 1000, R + 1001, Decimal(3))
    assert [each.row for each in alternatives(late, [], [grade])] == [
        "Stale-timestamp answer: within 60 s the tool overwrites"
    ]
