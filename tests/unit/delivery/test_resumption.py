"""What an ended delivery is like when it goes back into its cell's line."""

from dataclasses import replace
from decimal import Decimal

import pytest

from chalicelib.delivery import line
from chalicelib.delivery.records import Cell, CellKey, Delivery, DeliveryState
from chalicelib.delivery.resumption import back_in_line
from chalicelib.lti11.messages import Answer, CodeMajor, DataKind, ReplaceResult, ResultData, ScoreScale, ToolScore
from chalicelib.lti13.registrations import Platform

AT = 1_770_113_730_123
PLATFORM = Platform("canvas", "canvas", "issuer", "client", "token", "audience", ("canvas.example",))
WORK = ReplaceResult(None, ResultData(DataKind.TEXT, "essay"))
SCORE = ReplaceResult(ToolScore(ScoreScale.FRACTION, Decimal("0.5")))
FAILED = Delivery(
    "d5",
    CellKey("canvas", "line item", "user"),
    "tool",
    "",
    "",
    "",
    WORK,
    AT,
    AT,
    "",
    "",
    "",
    state=DeliveryState.FAILED,
    number=5,
    answer=Answer(CodeMajor.FAILURE, "Not now"),
    ended_at=AT + 9,
)


def after(received_at: int, number: int, write: ReplaceResult = SCORE) -> Cell:
    """A cell to which another outcome was delivered; the largest timestamp given out is the one after ``AT``."""
    other = replace(FAILED, id="other", received_at=received_at, number=number, write=write)
    settled = line.ranked(None, line.place_of(other))
    return Cell(FAILED.cell, accepted=9, settled=settled, newest_timestamp=AT + 1)


@pytest.mark.parametrize(
    ("received_at", "number", "timestamp"),
    [
        pytest.param(AT - 1, 9, AT, id="after an older one"),
        pytest.param(AT, 4, AT, id="after one accepted before it"),
        pytest.param(AT, 6, AT + 2, id="after one of its millisecond that was accepted later"),
        pytest.param(AT + 1, 6, AT + 2, id="after a newer one"),
    ],
)
def test_it_keeps_its_rank_and_is_dated_anew_only_after_a_newer_one(
    received_at: int, number: int, timestamp: int
) -> None:
    again = back_in_line(FAILED, WORK, after(received_at, number), PLATFORM)
    assert again is not None
    assert (again.rank, again.timestamp) == (FAILED.rank, timestamp)
    assert (again.state, again.answer, again.ended_at) == (DeliveryState.ACCEPTED, None, None)


def test_when_it_is_the_newest_itself_it_keeps_its_time() -> None:
    cell = line.unknown(after(AT - 1, 4), FAILED)
    again = back_in_line(FAILED, WORK, cell, PLATFORM)
    assert again is not None
    assert again.timestamp == AT


@pytest.mark.parametrize(("number", "covered"), [(4, False), (6, True)], ids=["accepted before", "accepted later"])
def test_one_of_its_millisecond_covers_it_if_it_was_accepted_later(number: int, covered: bool) -> None:
    assert (back_in_line(FAILED, WORK, after(AT, number, WORK), PLATFORM) is None) is covered
