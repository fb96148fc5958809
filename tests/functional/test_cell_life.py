"""One cell's life, generated: outcomes, crashes at any moment, platform faults, repeats and teachers, in any order.

After every acknowledged outcome the gradebook shows it; no attempt is made twice; a teacher's grade that came after an
outcome is never overwritten by that outcome's repeats; and at the end a plain outcome goes through.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pox import delete_result, replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Crash, Seat, Stage, ToolAnswer, open_stage

JOINED_SECONDS = 50
"""Newly signed repeats certainly join within so many seconds; the rule says 60 from the receipt of the first."""
FAULTS = ("drop_before", "drop_after", "throttle_403", "slow")


@dataclass(frozen=True)
class Outcome:
    """One message, and what goes wrong while it is delivered: a crash at a moment, a fault of the platform."""

    score: str | None
    text: str | None
    crash_at: int | None
    fault: str | None
    repeats: tuple[str, ...]
    """What the tool does then: the ``same`` signed request, or the same body ``newly`` signed."""
    seconds: float


@dataclass(frozen=True)
class Teacher:
    """A teacher grades."""

    score: str


OUTCOMES = st.builds(
    Outcome,
    score=st.sampled_from(["0", "0.2", "0.45", "0.7", "1", None]),
    text=st.sampled_from([None, None, "one", "two"]),
    crash_at=st.none() | st.integers(1, 16),
    fault=st.none() | st.sampled_from(FAULTS),
    repeats=st.lists(st.sampled_from(["same", "newly"]), max_size=3).map(tuple),
    seconds=st.sampled_from([0.2, 14.0, 40.0]),
)
LIVES = st.lists(st.one_of(OUTCOMES, OUTCOMES, st.builds(Teacher, st.sampled_from(["3", "8"]))), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cells")


class Life:
    """Drives one cell and holds it to the promises."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.seat: Seat = stage.seat(points=10)
        self.works = 0
        self.acknowledged_works = 0

    def lives(self, outcome: Outcome) -> None:
        if outcome.score is None and outcome.text is None:
            body = delete_result(self.seat.sourcedid)
        else:
            data = None if outcome.text is None else {"text": outcome.text}
            body = replace_result(self.seat.sourcedid, outcome.score, data=data)
        self.works += outcome.text is not None
        if outcome.fault is not None:
            self.stage.faults({"path": "score", "kind": outcome.fault, "seconds": 20, "count": 1})
        first = self.headers(body)
        answer = self.first_try(body, first, outcome.crash_at)
        self.stage.faults()
        acknowledged = answer is not None and answer.code == "success"
        self.holds(outcome, answer)
        received = self.stage.clock.now()
        for repeat in outcome.repeats:
            self.stage.clock.move(outcome.seconds)
            if repeat == "newly" and (self.stage.clock.now() - received).total_seconds() > JOINED_SECONDS:
                self.works += outcome.text is not None  # a message of its own by now
                received = self.stage.clock.now()
            answer = self.stage.deliver(OUTCOME_URL, first if repeat == "same" else self.headers(body), body)
            assert answer.code in ("success", "failure"), answer.text
            acknowledged = acknowledged or answer.code == "success"
            self.holds(outcome, answer)
        self.acknowledged_works += acknowledged and outcome.text is not None

    def first_try(self, body: bytes, headers: dict[str, str], crash_at: int | None) -> ToolAnswer | None:
        self.stage.crash(crash_at)
        try:
            return self.stage.deliver(OUTCOME_URL, headers, body)
        except Crash:
            return None
        finally:
            self.stage.restart()

    def headers(self, body: bytes) -> dict[str, str]:
        return signed_headers(
            OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(self.stage.clock.now().timestamp())
        )

    def holds(self, outcome: Outcome, answer: ToolAnswer | None) -> None:
        state = self.stage.state(self.seat)
        assert state["attempt"] <= self.works + 1, f"an attempt too many after {outcome}"
        if answer is None or answer.code != "success" or answer.description:
            return
        if outcome.text is not None:
            assert state["body"] == outcome.text, outcome
        if outcome.score is not None:
            assert state["score"] == Decimal(outcome.score) * 10, outcome
        elif outcome.text is None:
            assert state["score"] is None, outcome


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(life=LIVES)
def test_promises_hold_through_any_life(folder: Path, life: list[Outcome | Teacher]) -> None:
    with open_stage(folder) as stage:
        cell = Life(stage)
        for event in life:
            stage.clock.move(1)
            if isinstance(event, Teacher):
                stage.grade(cell.seat, event.score)
            else:
                cell.lives(event)
        stage.clock.move(30)
        answer = stage.send(replace_result(cell.seat.sourcedid, "0.33"))
        assert (answer.code, answer.description) == ("success", ""), answer.text
        state = stage.state(cell.seat)
        assert state["score"] == Decimal("3.3")
        assert cell.acknowledged_works <= state["attempt"] <= cell.works + 1


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(outcome=OUTCOMES, score=st.sampled_from(["3", "8"]))
def test_a_repeat_never_overwrites_the_grade_that_a_teacher_gave_after_the_outcome(
    folder: Path, outcome: Outcome, score: str
) -> None:
    """Only what surely was not applied, and comes again newly signed after a minute, counts as a new outcome."""
    with open_stage(folder) as stage:
        cell = Life(stage)
        stage.send(replace_result(cell.seat.sourcedid, "0.9"))
        stage.clock.move(2)
        body = replace_result(cell.seat.sourcedid, outcome.score or "0.5")
        headers = cell.headers(body)
        if outcome.fault is not None:
            stage.faults({"path": "score", "kind": outcome.fault, "seconds": 20, "count": 1})
        told = cell.first_try(body, headers, outcome.crash_at)
        stage.faults()
        stage.clock.move(15)
        stage.grade(cell.seat, score)
        stage.clock.move(15)
        again = stage.deliver(OUTCOME_URL, headers, body)
        if told is not None or again.description:
            accepted_before = told is not None and told.code == "success"
            if accepted_before or "somebody graded" in again.description:
                assert stage.state(cell.seat)["score"] == Decimal(score), (told, again)
