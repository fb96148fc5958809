"""What another container, or nobody any more, does to a cell while an outcome is under way."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from pox import replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Crash, Seat, Stage, ToolAnswer

from chalicelib.delivery.records import CellKey
from chalicelib.errors import StorageUnavailable
from chalicelib.storage.deliveries import delivery_key

TEXT = {"text": "an essay"}


def once_before(stage: Stage, operation: str, happens: Callable[[], object], *, number: int = 1) -> None:
    """Let something happen just before the n-th table request of a kind."""
    seen = 0

    def interrupt(name: str) -> None:
        nonlocal seen
        seen += name == operation
        if seen == number:
            stage.table_interruption = None
            happens()

    stage.table_interruption = interrupt


def signed_now(stage: Stage, body: bytes) -> dict[str, str]:
    return signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))


def left_behind(stage: Stage, seat: Seat, moment: int = 3) -> str:
    """Crash in the middle of a delivery and return its id."""
    stage.crash(moment)
    with pytest.raises(Crash):
        stage.send(replace_result(seat.sourcedid, "0.1"))
    stage.restart()
    head = stage.services.ledger.cell(cell_key(seat)).head
    assert head is not None
    return head.delivery_id


def cell_key(seat: Seat) -> CellKey:
    return CellKey(seat.platform, seat.prepared["line_item"], seat.prepared["user_id"])


def test_an_outcome_accepted_elsewhere_meanwhile_is_waited_for_and_both_arrive(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.1"))
    stage.clock.move(2)
    other: list[ToolAnswer] = []
    body = replace_result(seat.sourcedid, "0.3")
    received, headers = stage.clock.now(), signed_now(stage, body)
    once_before(
        stage, "TransactWriteItems", lambda: other.append(stage.send(replace_result(seat.sourcedid, "0.9", data=TEXT)))
    )
    mine = stage.deliver(OUTCOME_URL, headers, body, received=received)
    assert other[0].code == "success"
    assert mine.description == "superseded by a newer outcome"
    state = stage.state(seat)
    assert (state["score"], state["attempt"]) == (Decimal(9), 2)


def test_the_same_request_at_the_same_moment_has_one_effect_and_one_answer(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.3", data=TEXT)
    headers = signed_now(stage, body)
    twin: list[ToolAnswer] = []
    once_before(stage, "TransactWriteItems", lambda: twin.append(stage.deliver(OUTCOME_URL, headers, body)))
    mine = stage.deliver(OUTCOME_URL, headers, body)
    assert (mine.code, twin[0].code) == ("success", "success")
    assert stage.state(seat)["attempt"] == 1
    assert len(stage.scores_posted()) == 1


def test_a_cell_that_a_crash_left_owned_makes_the_next_outcome_wait_then_fail(stage: Stage) -> None:
    seat = stage.seat(points=10)
    left_behind(stage, seat)
    started = stage.clock.now()
    answer = stage.send(replace_result(seat.sourcedid, "0.9"))
    assert answer.error == "platform_unavailable"
    assert "not stored" in answer.description
    assert (stage.clock.now() - started).total_seconds() < 9


def test_a_cell_whose_owner_is_gone_from_the_table_is_freed(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.services.table.delete(delivery_key(left_behind(stage, seat)))
    stage.clock.move(20)
    assert stage.send(replace_result(seat.sourcedid, "0.9")).code == "success"
    assert stage.state(seat)["score"] == Decimal(9)


def test_an_unsettled_delivery_that_is_gone_from_the_table_is_forgotten(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.faults({"path": "score", "kind": "drop_before", "count": 1})
    stage.send(replace_result(seat.sourcedid, "0.1"))
    unsettled = stage.services.ledger.cell(cell_key(seat)).unsettled_id
    assert unsettled is not None
    stage.services.table.delete(delivery_key(unsettled))
    assert stage.send(replace_result(seat.sourcedid, "0.9")).code == "success"
    state = stage.state(seat)
    assert (state["score"], state["attempt"]) == (Decimal(9), 1)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"path": "result", "kind": "status", "status": 500}, "platform_unavailable"),
        ({"path": "result", "kind": "status", "status": 404}, "assignment_invalid"),
    ],
)
def test_while_an_unknown_try_cannot_be_looked_up_nothing_is_posted(
    stage: Stage, fault: dict[str, object], error: str
) -> None:
    seat = stage.seat(points=10)
    stage.faults({"path": "score", "kind": "drop_after", "count": 1})
    stage.send(replace_result(seat.sourcedid, "0.1", data=TEXT))
    stage.faults(fault)
    posted = len(stage.scores_posted())
    assert stage.send(replace_result(seat.sourcedid, "0.9")).error == error
    assert len(stage.scores_posted()) == posted
    stage.faults()
    assert stage.send(replace_result(seat.sourcedid, "0.9")).code == "success"
    state = stage.state(seat)
    assert (state["score"], state["attempt"], state["body"]) == (Decimal(9), 1, "an essay")


def test_a_container_that_slept_past_its_lease_posts_nothing(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.1"))
    stage.clock.move(2)
    posted = len(stage.scores_posted())
    # The container stands still after its acceptance was written; time goes on without it.
    original = stage.services.ledger.commit

    def commit_and_sleep(*arguments: object, **changes: object) -> object:
        done = original(*arguments, **changes)  # type: ignore[arg-type]  # handed on as they came
        stage.clock.move(60)
        return done

    stage.services.ledger.commit = commit_and_sleep  # type: ignore[method-assign, assignment]  # the one way to stand still there
    answer = stage.send(replace_result(seat.sourcedid, "0.9"))
    del stage.services.ledger.commit
    assert answer.error == "platform_unavailable"
    assert len(stage.scores_posted()) == posted


def test_a_delivery_taken_over_while_its_post_was_on_the_way_is_told_as_it_is(stage: Stage) -> None:
    """The post arrives, the container wakes up too late, and another one has ended its delivery."""
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.1"))
    stage.clock.move(2)
    takers: list[ToolAnswer] = []

    def sleep_and_let_another_take_over() -> None:
        stage.clock.move(30)
        takers.append(stage.send(replace_result(seat.sourcedid, "0.9")))

    once_before(stage, "TransactWriteItems", sleep_and_let_another_take_over, number=2)
    answer = stage.send(replace_result(seat.sourcedid, "0.3"))
    assert (answer.code, takers[0].code) == ("success", "success")
    state = stage.state(seat)
    assert (state["score"], state["attempt"]) == (Decimal(9), 1)
    assert all(each.state.ended for each in stage.services.deliveries.list(stage.clock.now()))


def test_a_table_that_fails_after_the_post_is_no_reason_to_deny_the_grade(stage: Stage) -> None:
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.1"))
    stage.clock.move(2)
    body = replace_result(seat.sourcedid, "0.9", data=TEXT)
    headers = signed_now(stage, body)

    def fail() -> None:
        raise StorageUnavailable("TransactWriteItems: cut off")

    once_before(stage, "TransactWriteItems", fail, number=2)
    assert stage.deliver(OUTCOME_URL, headers, body).code == "success"
    stage.clock.move(20)
    assert stage.deliver(OUTCOME_URL, headers, body).code == "success"
    state = stage.state(seat)
    assert (state["score"], state["attempt"]) == (Decimal(9), 2)


def test_a_table_that_fails_before_the_post_is_a_failure_and_nothing_is_posted(stage: Stage) -> None:
    seat = stage.seat(points=10)

    def fail() -> None:
        raise StorageUnavailable("TransactWriteItems: cut off")

    once_before(stage, "TransactWriteItems", fail)
    answer = stage.send(replace_result(seat.sourcedid, "0.9"))
    assert (answer.status, answer.error) == (422, "platform_unavailable")
    assert stage.scores_posted() == []


def test_a_request_whose_delivery_is_gone_from_the_table_is_taken_as_new(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.9")
    headers = signed_now(stage, body)
    stage.faults({"path": "score", "kind": "throttle_403", "count": 1})
    stage.deliver(OUTCOME_URL, headers, body)
    (failed,) = stage.services.deliveries.list(stage.clock.now())
    stage.services.table.delete(delivery_key(failed.id))
    stage.table_requests.clear()
    stage.clock.move(10)
    assert stage.deliver(OUTCOME_URL, headers, body).code == "success"
    assert stage.state(seat)["score"] == Decimal(9)
    assert len(stage.table_requests) < 10


def test_a_delivery_goes_where_it_was_accepted_for_also_when_the_mapping_moved(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.9", data=TEXT)
    headers = signed_now(stage, body)
    stage.crash(3)
    with pytest.raises(Crash):
        stage.deliver(OUTCOME_URL, headers, body)
    stage.restart()
    elsewhere = stage.seat(platform="canvas-older", points=10)
    stage.map(elsewhere, sourcedid=seat.sourcedid)
    stage.clock.move(20)
    assert stage.deliver(OUTCOME_URL, headers, body).code == "success"
    assert stage.state(seat)["body"] == "an essay"
    assert stage.state(elsewhere)["attempt"] == 0


def test_a_delivery_for_a_platform_that_is_gone_is_a_failure_that_says_so(stage: Stage) -> None:
    seat = stage.seat(points=10)
    body = replace_result(seat.sourcedid, "0.9")
    headers = signed_now(stage, body)
    stage.crash(3)
    with pytest.raises(Crash):
        stage.deliver(OUTCOME_URL, headers, body)
    stage.restart()
    elsewhere = stage.seat(platform="canvas-older", points=10)
    stage.map(elsewhere, sourcedid=seat.sourcedid)
    stage.services.platforms.remove("canvas")
    stage.clock.move(20)
    answer = stage.deliver(OUTCOME_URL, headers, body)
    assert (answer.error, "not registered" in answer.description) == ("platform_refused", True)
