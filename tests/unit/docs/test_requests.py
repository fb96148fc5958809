"""The numbers of requests on the page are those of the service."""

from collections.abc import Callable

import pytest
from pox import delete_result, read_result, replace_result
from stage import Seat, Stage

from chalicelib.mapping.model import Submitted

from .pages import rows

PAGE = "docs/how-it-works.md"
TABLE = {row[0]: row[1:] for row in rows(PAGE, "Outcome")}

Write = Callable[[Seat], bytes]
KNOWN: dict[str, Write] = {
    "a score": lambda seat: replace_result(seat.sourcedid, "0.6"),
    "points": lambda seat: replace_result(seat.sourcedid, total="6"),
    "a text with a score": lambda seat: replace_result(seat.sourcedid, "0.6", data={"text": "a"}),
    "a text without a score, beside a grade": lambda seat: replace_result(seat.sourcedid, data={"text": "a"}),
    "a score with prioritizeNonToolGrade": lambda seat: replace_result(
        seat.sourcedid, "0.7", prioritize_non_tool_grade=True
    ),
    "a read": lambda seat: read_result(seat.sourcedid),
    "a delete": lambda seat: delete_result(seat.sourcedid),
    "a score out of range": lambda seat: replace_result(seat.sourcedid, "7"),
    "an unknown sourcedid": lambda _seat: replace_result("nobody's", "0.6"),
}
FIRST = {
    "a first score, imported with `submitted` no": Submitted.NO,
    "a first score, imported without `submitted`": Submitted.UNKNOWN,
}


def warm_seat(stage: Stage) -> Seat:
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.5"))
    stage.clock.move(100)
    return seat


def counted(stage: Stage, body: bytes) -> list[str]:
    """Return a row of the table: requests to the table, to the platform, and what the latter were."""
    stage.table_requests.clear()
    stage.calls.clear()
    stage.send(body)
    names = [
        "line item" if path.rsplit("/", 1)[-1].isdigit() else path.rsplit("/", 1)[-1] for _, path, _ in stage.calls
    ]
    return [str(len(stage.table_requests)), str(len(names)), ", ".join(names).replace("scores", "score")]


@pytest.mark.parametrize("outcome", KNOWN)
def test_an_outcome_on_a_warm_container_costs_what_the_page_says(stage: Stage, outcome: str) -> None:
    assert counted(stage, KNOWN[outcome](warm_seat(stage))) == TABLE[outcome]


@pytest.mark.parametrize("outcome", FIRST)
def test_a_first_score_costs_what_the_page_says(stage: Stage, outcome: str) -> None:
    warm_seat(stage)
    seat = stage.seat(points=10, submitted=FIRST[outcome])
    assert counted(stage, replace_result(seat.sourcedid, "0.6")) == TABLE[outcome]


def test_every_row_of_the_page_is_counted() -> None:
    assert set(TABLE) == {*KNOWN, *FIRST}
