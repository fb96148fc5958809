"""What a second hostile reading found. Each of these failed until it was put right."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from pox import replace_result
from stage import CONSUMER_KEY, OUTCOME_URL, Crash, Stage, open_stage

from chalicelib.errors import StorageUnavailable
from chalicelib.lti11.tools import OnDelay, Tool
from chalicelib.mapping.model import Mapping
from chalicelib.storage.secret_use import SecretUseStore

from .queueing import QUEUED, cell_of, deliveries, hours_pass, signed, states

THROTTLED = {"path": "score", "kind": "throttle_403"}
ESSAY, SECOND = {"text": "an essay"}, {"text": "a second essay"}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, on_delay=OnDelay.FAIL) as opened:
        yield opened


@pytest.fixture
def queueing(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as opened:
        yield opened


def test_work_of_which_nobody_will_know_is_recognised_under_another_number(stage: Stage) -> None:
    """A: a look at it could not tell; nobody knows its end still, so that its tool says it again."""
    seat = stage.seat(points=10)
    assert stage.send(replace_result(seat.sourcedid, "0.5", data=ESSAY)).code == "success"
    stage.clock.move(2)
    stage.faults({"path": "score", "kind": "drop_after", "count": 1})
    lost = replace_result(seat.sourcedid, "0.5", data=SECOND, message_identifier="first")
    assert stage.send(lost).error == "platform_unavailable"
    stage.clock.move(2)
    stage.faults({**THROTTLED, "count": 1})
    assert stage.send(replace_result(seat.sourcedid, "0.7")).error == "platform_unavailable"
    stage.clock.move(10)
    again = replace_result(seat.sourcedid, "0.5", data=SECOND, message_identifier="second")
    assert stage.send(again).code == "success"
    assert stage.state(seat)["attempt"] == 2


def test_first_work_of_which_nobody_knows_outlives_one_that_crashed_before_it_could_settle_it(stage: Stage) -> None:
    """B: the cell has one place for what is unsettled; who did not get to settle it took that place."""
    stage.send(replace_result(stage.seat().sourcedid, "0.1"))  # for a token
    seat = stage.seat(points=10)
    stage.faults({"path": "score", "kind": "drop_after", "count": 1})
    assert stage.send(replace_result(seat.sourcedid, "0.1", data=ESSAY)).error == "platform_unavailable"
    stage.faults()
    assert stage.state(seat)["body"] == "an essay"
    work = deliveries(stage)[-1].id
    assert cell_of(stage, seat).unsettled_id == work
    stage.clock.move(2)
    body = replace_result(seat.sourcedid, "0.7")
    headers = signed(stage, body)
    stage.crash(3)  # accepted and claimed; then the process is gone, before anything was read or posted
    with pytest.raises(Crash):
        stage.deliver(OUTCOME_URL, headers, body)
    stage.restart()
    posted = len(stage.scores_posted())
    stage.clock.move(20)
    stage.faults({"path": "result", "kind": "status", "status": 500})
    assert stage.deliver(OUTCOME_URL, headers, body).error == "platform_unavailable"
    stage.faults()
    assert len(stage.scores_posted()) == posted
    stage.clock.move(20)
    assert stage.send(replace_result(seat.sourcedid, "0.9")).code == "success"
    state = stage.state(seat)
    assert (state["score"], state["body"], state["attempt"]) == (Decimal(9), "an essay", 1)


@pytest.mark.parametrize("throttled", [1, 2])
def test_a_grade_read_by_one_that_has_to_wait_is_not_gone_over_by_the_next(queueing: Stage, throttled: int) -> None:
    """C: prioritized work, tried within its minute, reads a person's grade, and is put off; the cell then knows it."""
    seat = queueing.seat(points=10)
    assert queueing.send(replace_result(seat.sourcedid, "0.3")).code == "success"
    queueing.clock.move(2)
    queueing.faults({**THROTTLED, "count": throttled})
    work = replace_result(seat.sourcedid, "0.4", data=ESSAY, prioritize_non_tool_grade=True)
    assert queueing.send(work).description == QUEUED
    queueing.clock.move(2)
    assert queueing.send(replace_result(seat.sourcedid, "0.6")).description == QUEUED
    queueing.clock.move(2)
    queueing.grade(seat, "8")  # after both were received
    queueing.clock.move(28)
    queueing.services.schedule.run()
    received = queueing.queue.take()
    assert received is not None
    queueing._lambda(received.body, 1)
    queueing.queue.done(received)
    queueing.faults()
    hours_pass(queueing)
    state = queueing.state(seat)
    assert (state["score"], state["body"]) == (Decimal(8), "an essay"), [
        (d.state, d.events) for d in deliveries(queueing)
    ]


def test_our_own_points_are_not_taken_for_a_grade_when_the_maximum_was_not_read(stage: Stage) -> None:
    """D: the result was read, the line item not: of points nobody can say then whether they are ours."""
    seat = stage.seat(points=10)
    assert stage.send(replace_result(seat.sourcedid, "0.1")).code == "success"
    stage.services.tools.add(Tool("queueing tool", ("s3cret",), on_delay=OnDelay.QUEUE))
    stage.services.mappings.put(
        Mapping("queueing tool", "other", "canvas", seat.prepared["line_item"], seat.prepared["user_id"])
    )
    stage.clock.move(2)
    body = replace_result(seat.sourcedid, total="5")
    headers = signed(stage, body)
    stage.faults({"path": "score", "kind": "drop_after", "count": 1})
    assert stage.deliver(OUTCOME_URL, headers, body).error == "platform_unavailable"
    stage.clock.move(2)
    stage.faults()
    said: list[str] = []

    def newer_comes(request: httpx.Request) -> None:
        """After the result was read: a newer outcome of another tool waits its time behind this one."""
        if request.method == "GET" and not request.url.path.endswith("/results"):
            stage.interruption = None
            said.append(
                stage.send(replace_result("other", "0.9"), consumer_key="queueing tool", secret="s3cret").description
            )

    stage.interruption = newer_comes
    answer = stage.deliver(OUTCOME_URL, headers, body)
    assert answer.error == "platform_unavailable"
    stage.faults(THROTTLED)
    stage.work()
    stage.minutes(3)
    stage.faults()
    hours_pass(stage)
    assert said == [QUEUED]
    assert (stage.state(seat)["score"], states(stage)) == (Decimal(9), ["delivered"] * 3), [
        (d.state, d.events) for d in deliveries(stage)
    ]


def test_a_use_of_the_older_secret_that_could_not_be_written_is_written_by_the_next(stage: Stage) -> None:
    """E: a note that failed counts as made, for ten minutes of that container."""
    stage.services.tools.rotate(CONSUMER_KEY, "new secret", stage.clock.now())
    seat = stage.seat()
    away = ["UpdateItem"]

    def table_away(operation: str) -> None:
        if operation in away:
            away.remove(operation)
            raise StorageUnavailable("UpdateItem: ProvisionedThroughputExceededException")

    stage.table_interruption = table_away
    assert stage.send(replace_result(seat.sourcedid, "0.1")).code == "success"
    assert away == []
    stage.clock.move(30)
    assert stage.send(replace_result(seat.sourcedid, "0.2")).code == "success"
    tool = stage.services.tools.get(CONSUMER_KEY)
    assert tool is not None
    assert SecretUseStore(stage.services.table, stage.clock).get(tool).older is not None


def test_a_platform_whose_key_is_gone_is_not_taken_to_know_another(stage: Stage) -> None:
    """F: rotated by two people at once, or by a listing that lags; its refusals would be final for all grades."""
    platform = stage.services.platforms.get("canvas")
    assert platform is not None
    stage.services.platforms.hold(platform, "a key that was deleted")
    held = stage.services.platforms.get("canvas")
    assert held is not None
    assert stage.services.signer.chosen(held).settled is False
