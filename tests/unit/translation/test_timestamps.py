"""Time R orders outcomes: below the newest is superseded, a tie takes the next free tick, never ahead of now."""

from datetime import datetime
from decimal import Decimal

import pytest

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.records import DeliveryState, SubmissionState
from chalicelib.lti11.messages import DeleteResult, Write
from chalicelib.lti13.profiles import CANVAS, GENERIC, MOODLE, Profile
from chalicelib.translation.plan import next_step
from chalicelib.translation.refusals import next_tick, ordering_timestamp

from .builders import ESSAY, R, a_cell, facts, later, order, posted, replaces
from .canvas_gradebook import CanvasGradebook
from .moodle_gradebook import MoodleGradebook
from .square import Gradebook, Square

AT = to_milliseconds(R)  # 123 ms past the second
SECOND = AT - 123


@pytest.fixture(params=[CanvasGradebook, MoodleGradebook], ids=["canvas", "moodle"])
def gradebook(request: pytest.FixtureRequest) -> Gradebook:
    made: Gradebook = request.param(points=Decimal(10))
    return made


@pytest.mark.parametrize("profile", [CANVAS, MOODLE, GENERIC], ids=lambda profile: str(profile.name))
def test_the_first_outcome_of_a_cell_keeps_r(profile: Profile) -> None:
    assert ordering_timestamp(AT, None, profile) == AT


@pytest.mark.parametrize(
    ("profile", "newest", "timestamp"),
    [
        pytest.param(CANVAS, AT - 1, AT, id="canvas, a millisecond later"),
        pytest.param(CANVAS, AT, AT + 1, id="canvas, the same millisecond"),
        pytest.param(CANVAS, AT + 5, AT + 6, id="canvas, several in the same millisecond"),
        pytest.param(MOODLE, SECOND - 1, AT, id="moodle, the second before"),
        pytest.param(MOODLE, SECOND, SECOND + 1000, id="moodle, the same second"),
        pytest.param(MOODLE, AT, SECOND + 1000, id="moodle, the same millisecond"),
        pytest.param(MOODLE, SECOND + 1000, SECOND + 2000, id="moodle, several in the same second"),
        pytest.param(GENERIC, AT, AT + 1, id="others, the same millisecond"),
    ],
)
def test_a_tie_takes_the_next_free_tick(profile: Profile, newest: int, timestamp: int) -> None:
    assert ordering_timestamp(AT, newest, profile) == timestamp


@pytest.mark.parametrize(
    ("profile", "after", "tick"),
    [(CANVAS, AT, AT + 1), (MOODLE, AT, SECOND + 1000), (MOODLE, SECOND, SECOND + 1000)],
    ids=["canvas", "moodle", "moodle on the second"],
)
def test_the_next_tick_is_the_first_of_its_own(profile: Profile, after: int, tick: int) -> None:
    assert next_tick(after, profile) == tick


@pytest.mark.parametrize("write", [replaces("0.5"), replaces("0.5", ESSAY), replaces(work=ESSAY), DeleteResult()])
def test_every_post_is_dated_with_r(write: Write) -> None:
    step = posted(next_step(order(write), a_cell(SubmissionState.NONE), CANVAS, facts(None)))
    assert step.score.timestamp == R


@pytest.mark.parametrize(
    "gradebook", [CanvasGradebook(), MoodleGradebook(points=Decimal(10))], ids=["canvas", "moodle"]
)
def test_of_two_outcomes_at_one_moment_the_second_counts(gradebook: Gradebook) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.5"), R)
    told = square.sends(replaces("0.9"), R)
    assert told.state is DeliveryState.DELIVERED
    assert square.reads() == "0.9"


def test_moodle_takes_every_outcome_of_one_second() -> None:
    gradebook = MoodleGradebook()
    square = Square(gradebook)
    for number, score in enumerate(["0.1", "0.2", "0.3", "0.4"]):
        assert square.sends(replaces(score), later(number / 10)).state is DeliveryState.DELIVERED
    assert gradebook.score == Decimal(40)
    assert [_second(post["timestamp"]) for post in gradebook.posts] == ["30", "31", "32", "33"]


@pytest.mark.parametrize(
    "gradebook", [CanvasGradebook(), MoodleGradebook(points=Decimal(10))], ids=["canvas", "moodle"]
)
def test_an_outcome_received_before_the_newest_one_changes_nothing(gradebook: Gradebook) -> None:
    square = Square(gradebook)
    square.sends(replaces("0.9"), later(5))
    told = square.sends(replaces("0.5"), R)
    assert (told.state, told.answer.succeeded) == (DeliveryState.SUPERSEDED, True)
    assert told.answer.description == "superseded by a newer outcome"
    assert square.reads() == "0.9"


def test_a_refused_outcome_does_not_supersede_the_one_before_it() -> None:
    gradebook = CanvasGradebook()
    square = Square(gradebook)
    gradebook.published = False
    square.sends(replaces("0.9"), later(5))
    gradebook.published = True
    told = square.sends(replaces("0.5"), R)
    assert (told.state, gradebook.score) == (DeliveryState.DELIVERED, Decimal(5))


def _second(timestamp: str) -> str:
    return f"{datetime.fromisoformat(timestamp):%S}"
