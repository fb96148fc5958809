"""Stop the process between any two writes or calls, start it again, send again: one effect, and nothing lost."""

from collections.abc import Callable
from typing import Any

import pytest
from pox import delete_result, replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Crash, Seat, Stage

Write = Callable[[str], bytes]

TEXT = {"text": "an essay"}
WRITES: dict[str, Write] = {
    "score": lambda sourcedid: replace_result(sourcedid, "0.92", message_identifier="m"),
    "points": lambda sourcedid: replace_result(sourcedid, total="7.5", message_identifier="m"),
    "text and score": lambda sourcedid: replace_result(sourcedid, "0.92", data=TEXT, message_identifier="m"),
    "text alone": lambda sourcedid: replace_result(sourcedid, data=TEXT, message_identifier="m"),
    "prioritized": lambda sourcedid: replace_result(
        sourcedid, "0.92", prioritize_non_tool_grade=True, message_identifier="m"
    ),
    "review": lambda sourcedid: replace_result(sourcedid, "0.92", needs_additional_review=True, message_identifier="m"),
    "delete": delete_result,
}
HISTORIES: dict[str, list[Write]] = {
    "nothing before": [],
    "a score before": [lambda sourcedid: replace_result(sourcedid, "0.4")],
    "a text before": [lambda sourcedid: replace_result(sourcedid, "0.4", data={"text": "earlier"})],
}
MOST_MOMENTS = 40
COMPARED = ("attempt", "submission_type", "body", "score", "needs_review", "comments")


def signed(stage: Stage, body: bytes) -> dict[str, str]:
    return signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))


def shown(stage: Stage, seat: Seat) -> dict[str, Any]:
    state = stage.state(seat)
    return {name: state[name] for name in COMPARED}


def prepared(stage: Stage, history: list[Write]) -> Seat:
    seat = stage.seat(points=10)
    for write in history:
        stage.send(write(seat.sourcedid))
        stage.clock.move(100)
    return seat


def undisturbed(stage: Stage, history: list[Write], write: Write) -> dict[str, Any]:
    seat = prepared(stage, history)
    assert stage.send(write(seat.sourcedid)).code == "success"
    return shown(stage, seat)


def crash_points(stage: Stage, history: list[Write], write: Write) -> int:
    """Count the moments of one undisturbed outcome."""
    seat = prepared(stage, history)
    stage.crash(MOST_MOMENTS * 10)
    stage.send(write(seat.sourcedid))
    moments = stage._moments
    stage.crash(None)
    return moments


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("name", WRITES)
def test_the_same_request_again_after_a_crash_has_one_effect(stage: Stage, name: str, history: str) -> None:
    write, earlier = WRITES[name], HISTORIES[history]
    expected = undisturbed(stage, earlier, write)
    moments = crash_points(stage, earlier, write)
    assert moments >= 4
    for moment in range(1, moments + 1):
        seat = prepared(stage, earlier)
        body = write(seat.sourcedid)
        headers = signed(stage, body)
        stage.crash(moment)
        with pytest.raises(Crash):
            stage.deliver(OUTCOME_URL, headers, body)
        stage.restart()
        at_once = stage.deliver(OUTCOME_URL, headers, body)
        stage.clock.move(30)
        later = stage.deliver(OUTCOME_URL, headers, body)
        assert later.code == "success", (moment, later.text)
        assert shown(stage, seat) == expected, f"moment {moment}, told {at_once.code} at once"


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("name", WRITES)
def test_the_same_outcome_newly_signed_after_a_crash_has_one_effect(stage: Stage, name: str, history: str) -> None:
    write, earlier = WRITES[name], HISTORIES[history]
    expected = undisturbed(stage, earlier, write)
    for moment in range(1, crash_points(stage, earlier, write) + 1):
        seat = prepared(stage, earlier)
        body = write(seat.sourcedid)
        stage.crash(moment)
        with pytest.raises(Crash):
            stage.send(body)
        stage.restart()
        stage.clock.move(20)
        answer = stage.send(body)
        assert answer.code == "success", (moment, answer.text)
        assert shown(stage, seat) == expected, f"moment {moment}"


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("name", WRITES)
def test_the_next_outcome_after_a_crash_takes_the_left_one_over(stage: Stage, name: str, history: str) -> None:
    """The cell ends as if both had gone through: the crashed one is applied at most once, the next one surely."""
    write, earlier = WRITES[name], HISTORIES[history]

    def both(crash_moment: int | None) -> tuple[dict[str, Any], bool]:
        seat = prepared(stage, earlier)
        stage.crash(crash_moment)
        if crash_moment is None:
            stage.send(write(seat.sourcedid))
        else:
            with pytest.raises(Crash):
                stage.send(write(seat.sourcedid))
            stage.restart()
        stage.clock.move(20)
        answer = stage.send(replace_result(seat.sourcedid, "0.25"))
        assert answer.code == "success", answer.text
        listed = stage.services.deliveries.list(stage.clock.now())
        assert all(delivery.state.ended for delivery in listed)
        return shown(stage, seat), True

    expected, _ = both(None)
    seat = prepared(stage, earlier)
    stage.send(replace_result(seat.sourcedid, "0.25"))
    without = shown(stage, seat)
    for moment in range(1, crash_points(stage, earlier, write) + 1):
        found, _ = both(moment)
        assert found == expected or (moment == 1 and found == without), f"moment {moment}"
