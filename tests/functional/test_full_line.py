"""What a full line gives up, and what a late outcome may not make it give up."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pox import replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Stage, open_stage

from chalicelib.delivery.line import LONGEST
from chalicelib.lti11.tools import OnDelay


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as opened:
        yield opened


def test_a_late_outcome_with_work_does_not_push_the_newest_score_out_of_a_full_line(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.faults({"path": "score", "kind": "drop_before"})
    late = replace_result(seat.sourcedid, "0.99", data={"text": "a late essay"})
    received = stage.clock.now()
    headers = signed_headers(OUTCOME_URL, late, CONSUMER_KEY, SECRET, timestamp=int(received.timestamp()))
    stage.clock.move(1)
    for number in range(LONGEST):
        stage.send(replace_result(seat.sourcedid, f"0.{100 + number}"))
        stage.clock.move(0.01)
    assert stage.deliver(OUTCOME_URL, headers, late, received=received).error == "platform_unavailable"
    stage.faults()
    stage.minutes(180)
    assert stage.state(seat)["score"] == Decimal("0.149") * 10
