"""What the functions count while they do their work, through the app's own doors."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pox import replace_result
from stage import CONSUMER_KEY, Stage, open_stage

import app as app_module
from chalicelib import metrics
from chalicelib.errors import StorageUnavailable
from chalicelib.lti11.tools import OnDelay, Tool, Unmapped

from .doors import LogLines
from .queueing import FAULTS

MINUTE = {
    "version": "0",
    "account": "1",
    "region": "r",
    "detail": {},
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "time": "2026-02-03T01:23:45Z",
    "id": "1",
    "resources": [],
}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as stage:
        yield stage


@pytest.fixture(autouse=True)
def no_platform_is_known() -> None:
    metrics._platforms.clear()


def measured(log: LogLines) -> list[dict[str, Any]]:
    documents = [json.loads(line) for line in log.lines if '"_aws"' in line]
    log.lines.clear()
    return documents


def minute(stage: Stage) -> None:
    stage.clock.move(60)
    app_module.app.handler_map["each_minute"](MINUTE, None)


def test_a_plain_outcome_writes_one_line_that_names_nobody(stage: Stage, log: LogLines) -> None:
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.5"))
    stage.clock.move(2)
    measured(log)
    stage.send(replace_result(seat.sourcedid, "0.9"))
    (document,) = measured(log)
    assert (document["Outcomes"], document["Operation"], document["Result"]) == (1, "replaceResult", "success")
    assert (document["DeliveriesEnded"], document["State"], document["Platform"]) == (1, "delivered", "canvas")
    assert (document["PlatformCalls"], document["Answer"]) == (1, "ok")
    text = json.dumps(document)
    for private in (seat.sourcedid, CONSUMER_KEY, "line_items", "reference", "user"):
        assert private not in text


def test_an_outage_shows_in_what_is_undelivered_and_put_off(stage: Stage, log: LogLines) -> None:
    seat = stage.seat(points=10)
    stage.faults(FAULTS["refused"])
    stage.send(replace_result(seat.sourcedid, "0.9"))
    during = measured(log)
    assert sum(each.get("DeliveriesPutOff", 0) for each in during) == 1
    assert "none" in {each.get("Answer") for each in during}
    assert sum(each.get("TokenFailures", 0) for each in during) == 1
    minute(stage)
    (gauges,) = [each for each in measured(log) if each.get("Platform") == "canvas" and "Undelivered" in each]
    assert gauges["Undelivered"] == 1
    assert 60 <= gauges["OldestUndelivered"] <= 70
    assert gauges["BreakerOpen"] == 0
    stage.faults()
    stage.minutes(3)
    assert {"delivered"} == {each["State"] for each in measured(log) if "State" in each}
    minute(stage)
    (gauges,) = [each for each in measured(log) if each.get("Platform") == "canvas" and "Undelivered" in each]
    assert (gauges["Undelivered"], gauges["OldestUndelivered"]) == (0, 0)


def test_refusals_and_parked_outcomes_are_counted(stage: Stage, log: LogLines) -> None:
    stage.services.tools.add(Tool("parking", ("secret",), unmapped=Unmapped.PARK))
    stage.send(replace_result("nobody-knows", "0.9"), consumer_key="parking", secret="secret")
    stage.send(replace_result("nobody-knows", "0.9"), secret="wrong")
    assert {each["Status"] for each in measured(log) if "Status" in each} == {"401"}
    minute(stage)
    assert [each["Parked"] for each in measured(log) if "Parked" in each] == [1]


def test_a_table_that_cannot_be_read_is_told_and_fails_no_minute(stage: Stage, log: LogLines) -> None:
    def broken() -> Any:
        raise StorageUnavailable("Query did not get through")

    stage.services.gauges._platforms.list = broken  # type: ignore[method-assign]  # as a table that is away
    stage.services.gauges.measure()
    assert [json.loads(line)["event"] for line in log.lines] == ["gauges_unmeasured"]
