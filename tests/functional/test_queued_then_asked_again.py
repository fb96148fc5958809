"""The same signed request once more, after its outcome was queued: told what is true by then."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pox import replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Stage, open_stage

from chalicelib.lti11.tools import OnDelay


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as opened:
        yield opened


@pytest.mark.parametrize(("action", "error", "description"), [("remove", "user_not_in_course", None), (None, None, "")])
def test_it_is_told_queued_and_later_how_that_ended(
    stage: Stage, action: str | None, error: str | None, description: str | None
) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.4")
    headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))
    stage.faults({"path": "score", "kind": "drop_before", "count": 1})
    for _ in range(2):
        assert stage.deliver(OUTCOME_URL, headers, body).description == "queued for delivery"
    if action is not None:
        stage.control("student", handle=seat.handle, action=action)
    stage.minutes(10)
    answer = stage.deliver(OUTCOME_URL, headers, body)
    assert answer.error == error
    assert description in (None, answer.description)
