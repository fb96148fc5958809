"""People who grade at the worst moment: between two calls, or while a tool waits to send again."""

from decimal import Decimal

import httpx
import pytest
from pox import delete_result, replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Crash, Seat, Stage


def teacher_grades_before_the_post(stage: Stage, seat: Seat, score: str) -> None:
    """Let a teacher grade once, just before the score reaches the platform."""

    def grade(request: httpx.Request) -> None:
        if request.url.path.endswith("/scores"):
            stage.interruption = None
            stage.clock.move(0.05)
            stage.grade(seat, score)

    stage.interruption = grade


def test_a_first_grade_given_between_look_and_post_stays_when_prioritized(stage: Stage) -> None:
    seat = stage.seat(points=10)
    teacher_grades_before_the_post(stage, seat, "8")
    answer = stage.send(replace_result(seat.sourcedid, "0.7", prioritize_non_tool_grade=True))
    assert answer.error == "no_submission_created"
    assert stage.state(seat)["score"] == Decimal(8)


@pytest.mark.parametrize("platform", ["canvas", "canvas-older"])
def test_work_alone_keeps_a_grade_given_between_look_and_post(stage: Stage, platform: str) -> None:
    if platform == "canvas-older":
        stage.control("switch", generation="old")
    seat = stage.seat(platform=platform, points=10)
    teacher_grades_before_the_post(stage, seat, "8")
    answer = stage.send(replace_result(seat.sourcedid, data={"text": "an essay"}))
    state = stage.state(seat)
    assert (answer.code, state["body"], state["score"]) == ("success", "an essay", Decimal(8))


def test_a_plain_score_overwrites_a_grade_given_between_acceptance_and_post(stage: Stage) -> None:
    seat = stage.seat(points=10)
    teacher_grades_before_the_post(stage, seat, "8")
    assert stage.send(replace_result(seat.sourcedid, "0.7")).description == ""
    assert stage.state(seat)["score"] == Decimal(7)


def test_work_in_a_cell_that_knows_nothing_arrives_beside_the_grade_that_came_after_it(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.7", data={"text": "an essay"})
    headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))
    stage.crash(3)
    with pytest.raises(Crash):
        stage.deliver(OUTCOME_URL, headers, body)
    stage.restart()
    stage.clock.move(15)
    stage.grade(seat, "8")
    stage.clock.move(15)
    answer = stage.deliver(OUTCOME_URL, headers, body)
    state = stage.state(seat)
    assert (answer.code, state["body"], state["score"]) == ("success", "an essay", Decimal(8))
    assert "somebody graded" in answer.description


def test_a_tool_raises_its_own_prioritized_grade_of_the_test_student(stage: Stage) -> None:
    seat = stage.seat(points=10, student="test")
    stage.send(replace_result(seat.sourcedid, "0.5", prioritize_non_tool_grade=True))
    stage.clock.move(90)
    stage.send(replace_result(seat.sourcedid, "0.9", prioritize_non_tool_grade=True))
    assert stage.state(seat)["score"] == Decimal(9)


def test_work_alone_keeps_the_grade_of_an_assignment_without_points_on_older_canvas(stage: Stage) -> None:
    stage.control("switch", generation="old")
    seat = stage.seat(platform="canvas-older", points=0)
    stage.send(replace_result(seat.sourcedid, "0.5"))
    before = stage.state(seat)["score"]
    stage.clock.move(90)
    stage.send(replace_result(seat.sourcedid, data={"text": "an essay"}))
    state = stage.state(seat)
    assert (state["score"], state["body"]) == (before, "an essay")


def test_a_delete_that_comes_again_does_not_clear_what_a_teacher_gave_meanwhile(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.5"))
    stage.clock.move(5)
    body = delete_result(seat.sourcedid)
    headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))
    stage.faults({"path": "score", "kind": "drop_before", "count": 1})
    assert stage.deliver(OUTCOME_URL, headers, body).error == "platform_unavailable"
    stage.faults()
    stage.grade(seat, "8")
    stage.clock.move(15)
    stage.deliver(OUTCOME_URL, headers, body)
    assert stage.state(seat)["score"] == Decimal(8)


@pytest.mark.parametrize("moment", [12, 13])
def test_a_grade_given_after_a_first_score_whose_writer_crashed_is_not_overwritten(stage: Stage, moment: int) -> None:
    """Its end was not written down: the score that was read before the post tells whose the present one is."""
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.7")
    headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))
    stage.crash(moment)
    with pytest.raises(Crash):
        stage.deliver(OUTCOME_URL, headers, body)
    stage.restart()
    assert stage.state(seat)["score"] == Decimal(7)
    stage.clock.move(15)
    stage.grade(seat, "3")
    stage.clock.move(15)
    answer = stage.deliver(OUTCOME_URL, headers, body)
    assert "somebody graded" in answer.description
    assert stage.state(seat)["score"] == Decimal(3)
