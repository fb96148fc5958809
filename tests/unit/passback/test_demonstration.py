from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from passback.demonstration.cases import CASES, Case, Sending, TeacherGrades
from passback.demonstration.clients import LTI, PYLTI, REQUESTS_OAUTHLIB, Door, Told
from passback.demonstration.comparison import Side, play
from passback.local.simulator_control import SimulatorControl
from simulator.server import serve_in_thread
from simulator.simulator import Simulator


@contextmanager
def twins(**scene: Any) -> Iterator[tuple[Side, Side, SimulatorControl]]:
    """Two students, both at old Canvas's door: what is compared must be the same, unless a test changes it."""
    with serve_in_thread(Simulator()) as server, SimulatorControl(server.url) as simulator:

        def side() -> Side:
            made = simulator.order("prepare", {"shared_secret": "s", **scene})
            legacy = made["lti11"]
            door = Door(
                legacy["outcome_url"], legacy["ext_outcome_url"], legacy["consumer_key"], "s", legacy["sourcedid"]
            )
            return Side(door, made["handle"])

        yield side(), side(), simulator


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.steps[0].what)
def test_every_case_holds_at_old_canvas_itself(case: Case) -> None:
    with twins(**case.scene) as (one, other, simulator):
        for row in play(case, one, other, simulator):
            assert row.wrong == [], row.what


def test_there_are_three_clients_and_every_canvas_extension() -> None:
    sendings = [step for case in CASES for step in case.steps if isinstance(step, Sending)]
    assert {sending.client for sending in sendings} == {LTI, PYLTI, REQUESTS_OAUTHLIB}
    shown = " ".join(sending.what for sending in sendings)
    for word in ("text", "url", "launch url", "file", "total", "submittedAt", "prioritizeNonToolGrade", "read"):
        assert word in shown
    for word in ("needsAdditionalReview", "text without score", "delete", "form", "wrong signature"):
        assert word in shown


FIRST = CASES[0].steps[0]


def play_first(one: Side, other: Side, simulator: SimulatorControl, **changed: Any) -> list[str]:
    assert isinstance(FIRST, Sending)
    fields: dict[str, Any] = {"what": "x", "client": LTI, "send": FIRST.send, "expected": {}} | changed
    (row,) = play(Case([Sending(**fields)]), one, other, simulator)
    return list(row.wrong)


def test_a_gradebook_that_differs_is_told() -> None:
    with twins() as (one, other, simulator):
        simulator.order("grade", {"handle": other.handle, "score": 3})
        simulator.order("student", {"handle": one.handle, "action": "remove"})
        wrong = play_first(one, other, simulator)
    assert any(text.startswith("score: None and not 9.2") for text in wrong)
    assert any(text.startswith("answer, code: failure") for text in wrong)
    assert any(text.startswith("old Canvas answered 200 success") for text in wrong)


def test_what_is_the_same_but_not_as_expected_is_told() -> None:
    with twins() as (one, other, simulator):
        assert play_first(one, other, simulator, expected={"attempt": 7}) == ["attempt: 1, expected 7"]


def test_an_answer_that_is_not_the_expected_one_is_told() -> None:
    with twins() as (one, other, simulator):
        assert play_first(one, other, simulator, told={"error_code": "x"}) == ["answer, error_code: None"]


def test_the_teacher_grades_on_both_sides() -> None:
    with twins() as (one, other, simulator):
        assert list(play(Case([TeacherGrades(Decimal(8))]), one, other, simulator)) == []
        for side in (one, other):
            assert simulator.order("state", {"handle": side.handle})["graded_by"] == "person"


def test_what_a_tool_is_told_reads_well() -> None:
    assert str(Told("failure", 422, "bad_score")) == "422 failure bad_score"
    assert str(Told("success", 200, None, "")) == "200 success no score"
    assert str(Told("success")) == "success"
