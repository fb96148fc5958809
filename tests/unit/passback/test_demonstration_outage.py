"""The demonstration's outage: what is shown must be what happened, and everything that went wrong must be told."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import requests

from chalicelib.delivery.records import CellKey, Delivery, DeliveryState
from chalicelib.lti11.messages import Answer, CodeMajor
from passback.demonstration.cases import Sending
from passback.demonstration.clients import LTI, Door, Told, send_with_requests
from passback.demonstration.comparison import Side
from passback.demonstration.outage import LONGEST_DRAIN, Late, Student, play_outage
from passback.demonstration.outage_cases import ABSENCES, Absence
from passback.local.simulator_control import SimulatorControl
from passback.outcome_message import OutcomeMessage
from simulator.server import serve_in_thread
from simulator.simulator import Simulator

NOW = datetime(2020, 1, 1, tzinfo=UTC)
SENT_AT = "2019-12-31T23:59:59Z"
QUEUED = Told("success", 200, description="queued for delivery")
ENDED = DeliveryState.DELIVERED


@dataclass
class FakeClock:
    """Time goes by sleeping only, and by ``slow`` seconds with each look."""

    slow: float = 0.0
    elapsed: float = 0.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        self.elapsed += self.slow
        return self.elapsed

    def sleep(self, seconds: float) -> None:
        self.elapsed += seconds


@dataclass
class FakePassback:
    """Takes one outcome for later, and brings it to old Canvas's door when it is asked for its deliveries."""

    told: Told = QUEUED
    state: DeliveryState = ENDED
    submitted_at: str | None = SENT_AT
    score: str = "0.7"
    early: bool = False
    """It delivers at once, though nobody should be there."""
    taken: list[Door] = field(default_factory=list)

    def take(self, door: Door) -> Told:
        self.taken.append(door)
        if self.early:
            with suppress(requests.ConnectionError):
                self._deliver()
        return self.told

    def deliveries(self, side: Side) -> list[Delivery]:  # there is one student only
        while self.taken and self.state is ENDED:
            self._deliver()
        return [a_delivery(self.state)]

    def _deliver(self) -> None:
        door = self.taken.pop()
        message = OutcomeMessage("replaceResult", door.sourcedid, "m1", self.score, submitted_at=self.submitted_at)
        send_with_requests(replace(door, url=door.form_url), message)


def a_delivery(state: DeliveryState, words: str = "") -> Delivery:
    failed = state in (DeliveryState.REFUSED, DeliveryState.FAILED)
    answer = Answer(CodeMajor.FAILURE if failed else CodeMajor.SUCCESS, "", "user_not_in_course" if failed else None)
    return Delivery(
        "d1", CellKey("p", "l", "u"), "k", "s", "", "replaceResult", None, 0, 0, "1", "b", "r", state=state,
        answer=answer, platform_words=words, acknowledged=True,
    )  # fmt: skip


@contextmanager
def canvas() -> Iterator[tuple[Side, Side, SimulatorControl]]:
    """Two students at old Canvas; the door of the first is marked, and what really leads there is its form URL."""
    with serve_in_thread(Simulator()) as server, SimulatorControl(server.url) as simulator:

        def side(marked: str) -> Side:
            made = simulator.order("prepare", {"shared_secret": "s"})
            legacy = made["lti11"]
            url = legacy["outcome_url"]
            return Side(Door(marked or url, url, legacy["consumer_key"], "s", legacy["sourcedid"]), made["handle"])

        yield side("passback"), side(""), simulator


def play(passback: FakePassback, clock: FakeClock | None = None, **changed: Any) -> tuple[Late, list[str]]:
    def send(door: Door) -> Told:
        if door.url == "passback":
            return passback.take(door)
        return post(door, "replaceResult", "0.7")

    step = Sending("score 0.7", LTI, send, {}, {"code": "success", "description": "queued for delivery"})
    fields: dict[str, Any] = {"steps": [step], "expected": {"score": Decimal(7), "attempt": 1}} | changed
    notes: list[str] = []
    with canvas() as (new, old, simulator):
        student = Student(Absence(**fields), new, old)
        (late,) = play_outage([student], simulator, passback.deliveries, clock or FakeClock(), notes.append)
        assert simulator.order("switch")["down"] is False
    return late, notes


def test_what_is_stored_and_delivered_afterwards_is_right() -> None:
    late, notes = play(FakePassback())
    assert list(late.wrong) == []
    assert (late.end, late.sent.answer) == ("delivered", "200 success, queued for delivery")
    assert late.remedy is None
    assert notes[1] == "  lti: score 0.7 -> 200 success, queued for delivery (0 ms)"


def test_canvas_is_really_down_while_outcomes_are_sent() -> None:
    late, _notes = play(FakePassback(early=True))
    assert "score: None, expected 7" in late.wrong  # what was delivered at once got nowhere


def test_a_grade_that_never_arrives_is_told_after_a_bounded_time() -> None:
    clock = FakeClock()
    late, notes = play(FakePassback(state=DeliveryState.WAITING), clock)
    assert "it ended waiting, not delivered" in late.wrong
    assert "score: None, expected 7" in late.wrong
    assert notes[-1] == "  Not everything was delivered in time."
    assert LONGEST_DRAIN <= clock.elapsed < LONGEST_DRAIN + 1


def test_another_grade_than_old_canvas_has_is_told() -> None:
    late, _notes = play(FakePassback(score="0.6"), expected={})
    assert "score: 6 and not 7" in [text.replace(".0", "") for text in late.wrong]


def test_work_that_counts_as_handed_in_after_the_outage_is_told() -> None:
    late, _notes = play(FakePassback(submitted_at=None))
    assert len(late.wrong) == 1
    assert late.wrong[0].endswith("is after Canvas came back")


def test_an_answer_that_does_not_say_that_it_is_queued_is_told() -> None:
    late, _notes = play(FakePassback(told=Told("success", 200)))
    assert list(late.wrong) == ["answer, description: "]


def test_a_tool_that_had_to_wait_is_told() -> None:
    late, _notes = play(FakePassback(), FakeClock(slow=6.0))
    assert list(late.wrong) == ["answered after 6000 ms"]


def test_one_whose_student_left_is_shown_with_its_remedy() -> None:
    late, _notes = play(
        FakePassback(state=DeliveryState.REFUSED), expected={"score": None}, leaves=True, ends="refused"
    )
    assert late.right
    assert late.remedy is not None
    assert late.document()["remedy"] == late.remedy.remedy


def test_a_read_must_be_what_old_canvas_reads_and_has_no_delivery() -> None:
    assert list(play_with_read(Told("success", 200, score="0.7")).wrong) == []
    late = play_with_read(Told("success", 200, score="0.9"))
    assert list(late.wrong) == ["old Canvas answered 200 success score 0.7"]
    assert (late.delivery, late.end, late.last) == (None, "", False)


def play_with_read(told: Told) -> Late:
    passback = FakePassback()

    def write(door: Door) -> Told:
        return passback.take(door) if door.url == "passback" else post(door, "replaceResult", "0.7")

    def read(door: Door) -> Told:
        return told if door.url == "passback" else post(door, "readResult")

    steps = [Sending("score 0.7", LTI, write, {}), Sending("read", LTI, read, {})]
    with canvas() as (new, old, simulator):
        student = Student(Absence(steps, {"score": Decimal(7)}), new, old)
        written, was_read = play_outage([student], simulator, passback.deliveries, FakeClock(), lambda _note: None)
    assert list(written.wrong) == []
    return was_read


def post(door: Door, operation: str, score: str | None = None) -> Told:
    return send_with_requests(door, OutcomeMessage(operation, door.sourcedid, "m2", score))


def test_the_outage_keeps_to_two_courses_and_shows_every_client_and_one_that_leaves() -> None:
    assert sum(absence.new_course for absence in ABSENCES) == 2
    assert ABSENCES[0].new_course
    assert {step.client for absence in ABSENCES for step in absence.steps} == {"lti", "pylti", "requests-oauthlib"}
    assert [absence.ends for absence in ABSENCES if absence.leaves] == ["refused"]
