"""What a hostile reading of the delivery core found. Each of these fails until it is put right."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from pox import read_result, replace_result
from stage import CONSUMER_KEY, OUTCOME_URL, Crash, Seat, Stage, open_stage

from chalicelib.clock import Deadline, to_milliseconds
from chalicelib.delivery.breaker import FIRST_PROBE, PlatformHealth
from chalicelib.delivery.requeue import NotAgain
from chalicelib.lti11.messages import Answer  # noqa: TC001
from chalicelib.lti11.tools import OnDelay, Tool, Unmapped
from chalicelib.mapping.model import Mapping, Submitted
from chalicelib.storage.cells import cell_key
from chalicelib.storage.deliveries import delivery_key

from .queueing import QUEUED, TEXT, cell_of, deliveries, hours_pass, signed, states

NO = {"path": "score", "kind": "status", "status": 422, "body": '{"errors":{"message":"no"}}'}
THROTTLED = {"path": "score", "kind": "throttle_403"}


@pytest.fixture
def queueing(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as stage:
        yield stage


def opened(stage: Stage, platform: str = "canvas") -> None:
    """Open the platform's breaker, with a probe due at once."""
    before = stage.services.health.get(platform)
    now = to_milliseconds(stage.clock.now())
    stage.services.health.put(
        before, PlatformHealth(platform, version=before.version, opened_at=now, probe_at=now + FIRST_PROBE)
    )
    stage.clock.move(3)


def test_a_score_that_was_dated_later_does_not_keep_the_newer_one_behind_it_out(queueing: Stage) -> None:
    """1: A goes over a fresh first grade of a teacher with the present time; B, newer than A, then is "stale"."""
    seat = queueing.seat(points=10, submitted=Submitted.YES)
    queueing.faults({**THROTTLED, "count": 1})
    assert queueing.send(replace_result(seat.sourcedid, "0.2")).description == QUEUED  # A
    queueing.clock.move(2)
    assert queueing.send(replace_result(seat.sourcedid, "0.9")).description == QUEUED  # B
    queueing.clock.move(2)
    queueing.grade(seat, "5")
    queueing.clock.move(40)
    queueing.services.schedule.run()

    # A is tried within a minute of R; then the platform throttles again, and B is tried when it is older than that
    def throttle_after_a(request: httpx.Request) -> None:
        if request.url.path.endswith("/scores") and len(queueing.scores_posted()) >= 3:
            queueing.interruption = None
            queueing.faults({**THROTTLED, "count": 2})

    queueing.interruption = throttle_after_a
    queueing.work()
    queueing.interruption = None
    hours_pass(queueing)
    assert queueing.state(seat)["score"] == Decimal(9), [(d.state, d.answer, d.events) for d in deliveries(queueing)]
    assert states(queueing) == ["delivered", "delivered"]


@pytest.mark.parametrize("minutes", [0, 5])
def test_a_prioritized_score_that_left_a_grade_alone_does_not_let_the_next_go_over_it(
    queueing: Stage, minutes: int
) -> None:
    """2: as the gap known for work alone; here the first is tried within its minute, so it is no retry."""
    seat = queueing.seat(points=10)
    queueing.send(replace_result(seat.sourcedid, "0.3"))
    queueing.clock.move(2)
    queueing.faults({**THROTTLED, "count": 1} if minutes == 0 else THROTTLED)
    assert queueing.send(replace_result(seat.sourcedid, "0.4", prioritize_non_tool_grade=True)).description == QUEUED
    queueing.clock.move(2)
    assert queueing.send(replace_result(seat.sourcedid, "0.6")).description == QUEUED
    queueing.clock.move(2)
    queueing.minutes(minutes)
    queueing.grade(seat, "8")
    queueing.clock.move(30)
    if minutes == 0:
        queueing.services.schedule.run()
        received = queueing.queue.take()
        assert received is not None
        queueing._lambda(received.body, 1)
        queueing.queue.done(received)
        assert states(queueing)[1] == "refused", states(queueing)
        queueing.clock.move(60)
    queueing.faults()
    hours_pass(queueing)
    assert queueing.state(seat)["score"] == Decimal(8), states(queueing)


@pytest.mark.parametrize("why", ["throttled", "quota"])
def test_an_outcome_that_enters_the_line_while_the_worker_pauses_does_not_stall_it(queueing: Stage, why: str) -> None:
    """3: the worker read the cell before its pause; the claim fails, the message is gone, ten minutes pass."""
    seat = queueing.seat(points=10, submitted=Submitted.YES)
    queueing.faults({**THROTTLED, "count": 1})
    assert queueing.send(replace_result(seat.sourcedid, "0.2")).description == QUEUED
    queueing.clock.move(40)
    queueing.services.schedule.run()
    if why == "throttled":
        health = queueing.services.health.get("canvas")
        now = to_milliseconds(queueing.clock.now())
        queueing.services.health.put(
            health, PlatformHealth("canvas", version=health.version, slowed_until=now + 5000, slowings=1)
        )
    else:
        from chalicelib.lti13.replies import Reply

        platform = queueing.services.platforms.get("canvas")
        assert platform is not None
        queueing.services.work._pace.observe(platform, Reply(200, "OK", {"x-rate-limit-remaining": "120"}, b""), 0.1)
    plain = queueing.clock.sleep
    fresh = [replace_result(seat.sourcedid, "0.9")]

    def sleep(seconds: float) -> None:
        plain(seconds)
        if fresh:
            assert queueing.send(fresh.pop()).description == QUEUED

    queueing.clock.sleep = sleep  # type: ignore[method-assign]  # what a tool does while the worker pauses
    queueing.work()
    queueing.clock.sleep = plain  # type: ignore[method-assign]  # as it was
    assert not fresh
    queueing.minutes(2)
    assert states(queueing) == ["delivered", "delivered"]


@pytest.mark.parametrize("ends", ["delivered", "held", "refused"])
def test_a_probe_that_only_reads_closes_the_breaker(queueing: Stage, ends: str) -> None:
    """4: the platform answered the probe, but nothing was posted: the breaker stays open."""
    seat = queueing.seat(points=10)
    queueing.send(replace_result(seat.sourcedid, "0.3"))
    queueing.clock.move(2)
    queueing.faults({"path": "score", "kind": "drop_after" if ends == "delivered" else "drop_before", "count": 1})
    assert queueing.send(replace_result(seat.sourcedid, "0.5")).description == QUEUED
    if ends == "held":
        queueing.grade(seat, "8")
    queueing.faults(*([{**NO, "path": "result"}] if ends == "refused" else []))
    opened(queueing)
    queueing.clock.move(120)
    queueing.services.schedule.run()
    queueing.work()
    assert states(queueing)[-1] == ends
    assert queueing.services.health.get("canvas").opened_at is None


def test_a_parked_outcome_is_not_superseded_by_two_that_were_refused(tmp_path: Path) -> None:
    """5: B gives its rank back to A, which was refused as well; what is older than A is taken for superseded."""
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as stage:
        tool = Tool("parking tool", ("s3cret",), on_delay=OnDelay.QUEUE, unmapped=Unmapped.PARK)
        stage.services.tools.add(tool)
        seat = stage.seat(points=10)
        parked = stage.send(replace_result("not mapped yet", "0.7"), consumer_key="parking tool", secret="s3cret")
        assert parked.description == QUEUED
        stage.clock.move(2)
        stage.faults(THROTTLED)
        for score in ("0.1", "0.2"):
            assert stage.send(replace_result(seat.sourcedid, score)).description == QUEUED
            stage.clock.move(2)
        stage.faults(NO)
        hours_pass(stage)
        assert sorted(states(stage)) == ["parked", "refused", "refused"]
        stage.faults()
        stage.services.mappings.put(
            Mapping("parking tool", "not mapped yet", "canvas", seat.prepared["line_item"], seat.prepared["user_id"])
        )
        hours_pass(stage)
        assert stage.state(seat)["score"] == Decimal(7), states(stage)


def test_one_left_behind_that_is_left_to_the_queue_may_still_have_been_applied(queueing: Stage) -> None:
    """6: taken over while the platform throttles, it is queued as if it had never been tried; a refusal then makes
    the next score a second attempt."""
    queueing.send(replace_result(queueing.seat().sourcedid, "0.1"))  # for a token
    seat = queueing.seat(points=10, submitted=Submitted.NO)
    body = replace_result(seat.sourcedid, "0.5")
    headers = signed(queueing, body)
    queueing.crash(4)
    with pytest.raises(Crash):
        queueing.deliver(OUTCOME_URL, headers, body)
    queueing.restart()
    assert queueing.state(seat)["attempt"] == 1
    queueing.clock.move(13)
    health = queueing.services.health.get("canvas")
    now = to_milliseconds(queueing.clock.now())
    queueing.services.health.put(
        health, PlatformHealth("canvas", version=health.version, slowed_until=now + 3000, slowings=1)
    )
    assert queueing.deliver(OUTCOME_URL, headers, body).description == QUEUED
    found = next(each for each in deliveries(queueing) if each.cell.user_id == seat.prepared["user_id"])
    unknown = found.outcome_unknown
    queueing.faults({**NO, "count": 1})
    queueing.work()
    queueing.faults()
    queueing.clock.move(60)
    assert queueing.send(replace_result(seat.sourcedid, "0.9")).description == ""
    assert (queueing.state(seat)["attempt"], unknown) == (1, True)


def test_queued_is_not_said_of_what_was_refused_just_then(queueing: Stage) -> None:
    """7: a tool's time is up while another tries its delivery, and ends it between the look and the answer."""
    seat = queueing.seat(points=10, submitted=Submitted.YES)
    body = replace_result(seat.sourcedid, "0.5")
    headers = signed(queueing, body)
    queueing.crash(2)
    with pytest.raises(Crash):
        queueing.deliver(OUTCOME_URL, headers, body)
    queueing.restart()
    delivery = deliveries(queueing)[-1]
    queueing.clock.move(120)
    # Passback's own schedule must not have told it queued: the worker takes it by way of a repeat's request.
    queueing.faults(NO)
    posting, go_on = threading.Event(), threading.Event()

    def hold(request: httpx.Request) -> None:
        if request.url.path.endswith("/scores"):
            queueing.interruption = None
            posting.set()
            assert go_on.wait(10)

    queueing.interruption = hold
    awaiting = queueing.services.reception._resumption._awaiting
    ends: list[Answer | None] = []
    holder = threading.Thread(
        target=lambda: ends.append(awaiting.wait(delivery.id, Deadline.after(queueing.clock, 8.0), mine=False))
    )
    holder.start()
    assert posting.wait(10)

    def holder_ends(operation: str) -> None:
        if operation == "PutItem" and threading.current_thread() is not holder:
            queueing.table_interruption = None
            go_on.set()
            holder.join(10)

    queueing.table_interruption = holder_ends
    passed = Deadline.after(queueing.clock, 0.0)
    answer = awaiting.wait(delivery.id, passed, mine=True)
    go_on.set()
    holder.join(10)
    assert states(queueing)[-1] == "refused"
    assert answer is not None
    assert not answer.succeeded, answer


def test_a_score_of_a_platform_with_endless_digits_fits_into_the_cell(queueing: Stage) -> None:
    """8: a resultScore of 500,000 digits makes an item that DynamoDB refuses: the line of the cell never moves on."""
    seat = queueing.seat(points=10)
    handle = queueing.simulator.handle

    def endless(request: Any) -> Any:
        answer = handle(request)
        if request.path.endswith("/results"):
            digits = "0." + "1" * 500_000
            row = f'[{{"userId":"{seat.prepared["user_id"]}","resultScore":{digits},"resultMaximum":1}}]'
            object.__setattr__(answer, "body", row.encode())
        return answer

    queueing.simulator.handle = endless  # type: ignore[method-assign]  # a platform that means harm
    queueing.send(replace_result(seat.sourcedid, data=TEXT))
    item = queueing.services.table.get(cell_key(cell_of(queueing, seat).key))
    assert len(str(item)) < 400_000


@pytest.mark.parametrize("by", ["its tool", "an operator"])
@pytest.mark.parametrize("work", [TEXT, None])
def test_an_outcome_of_which_nobody_knows_is_not_covered_by_itself(stage: Stage, by: str, work: Any) -> None:
    """9: its own time of score or work stays in the cell; a newer outcome of the other kind, and it "is covered"."""
    seat = stage.seat(points=10)
    assert stage.send(replace_result(seat.sourcedid, "0.5", data={"text": "the first"})).code == "success"
    stage.clock.move(2)
    body = replace_result(seat.sourcedid, data=work) if work else replace_result(seat.sourcedid, "0.6")
    headers = signed(stage, body)
    stage.faults({"path": "score", "kind": "drop_before", "count": 1})
    assert stage.deliver(OUTCOME_URL, headers, body).error == "platform_unavailable"
    stage.clock.move(2)
    newer = replace_result(seat.sourcedid, "0.7") if work else replace_result(seat.sourcedid, data=TEXT)
    assert stage.send(newer).description == ""
    stage.clock.move(2)
    if by == "its tool":
        answer = stage.deliver(OUTCOME_URL, headers, body)
        assert (answer.code, answer.description) == ("success", "")
    else:
        assert stage.services.requeue.again(deliveries(stage)[1].id) is None
        hours_pass(stage)
    state = stage.state(seat)
    assert (state["body"], state["score"]) == ("an essay", Decimal(7 if work else 6))


def test_an_outcome_sent_again_while_a_newer_one_is_on_the_way_is_not_covered_by_itself(stage: Stage) -> None:
    """9: as before, and while nobody has looked yet what became of it."""
    seat = stage.seat(points=10)
    stage.send(replace_result(seat.sourcedid, "0.1"))
    stage.clock.move(2)
    body = replace_result(seat.sourcedid, "0.6")
    headers = signed(stage, body)
    stage.faults({"path": "score", "kind": "drop_before", "count": 1})
    assert stage.deliver(OUTCOME_URL, headers, body).error == "platform_unavailable"
    stage.clock.move(2)
    again: list[Any] = []

    def send_again(_: httpx.Request) -> None:
        stage.interruption = None
        again.append(stage.deliver(OUTCOME_URL, headers, body))

    stage.interruption = send_again
    stage.send(replace_result(seat.sourcedid, data=TEXT))
    hours_pass(stage, 1)
    assert again[0].code == "failure" or stage.state(seat)["score"] == Decimal(6), (again, states(stage))


def test_an_unsettled_one_that_cannot_be_read_blocks_neither_its_cell_nor_its_group(tmp_path: Path) -> None:
    """10: the worker raises, so that its message comes again after 6 minutes, five times; and again, for ever."""
    with open_stage(tmp_path) as stage:
        seat = stage.seat(points=10)
        stage.faults({"path": "score", "kind": "drop_before", "count": 1})
        stage.send(replace_result(seat.sourcedid, "0.5", data=TEXT))
        stage.services.tools.add(Tool("queueing tool", ("s3cret",), on_delay=OnDelay.QUEUE))
        stage.services.mappings.put(
            Mapping("queueing tool", "other", "canvas", seat.prepared["line_item"], seat.prepared["user_id"])
        )
        stage.clock.move(2)
        unsettled = cell_of(stage, seat).unsettled_id
        assert unsettled is not None
        stage.faults({**THROTTLED, "path": "any", "count": 1})
        answer = stage.send(replace_result("other", "0.9"), consumer_key="queueing tool", secret="s3cret")
        assert answer.description == QUEUED
        stage.services.table.put({"pk": delivery_key(unsettled), "id": unsettled})
        stage.clock.move(120)
        stage.services.schedule.run()
        assert stage.work() == []
        hours_pass(stage)
        assert stage.state(seat)["score"] == Decimal(9)


def test_what_two_breaks_of_one_course_are_named_does_not_count_as_several_courses(queueing: Stage) -> None:
    """11: a course is named by the mapping's context where a write failed, and by its URL where a read did."""
    seats = [queueing.seat(points=10) for _ in range(2)]
    for number, seat in enumerate(seats):
        queueing.services.mappings.put(
            Mapping(
                CONSUMER_KEY, seat.sourcedid, "canvas", seat.prepared["line_item"], seat.prepared["user_id"],
                context=f"context {number}",
            )
        )  # fmt: skip
    queueing.faults(
        {"path": "score", "kind": "status", "status": 503}, {"path": "result", "kind": "status", "status": 503}
    )
    for seat in seats:
        for _ in range(2):
            queueing.send(read_result(seat.sourcedid))
    for seat in seats:
        queueing.send(replace_result(seat.sourcedid, "0.5"))
    assert queueing.services.health.get("canvas").opened_at is None  # two courses; three are needed


def test_a_persons_equal_grade_is_not_taken_for_the_first_submission(queueing: Stage) -> None:
    """12: noted, never posted; a teacher happens to give the same. No submission was made, and none is ever made."""
    seat = queueing.seat(points=10)
    queueing.faults(THROTTLED)
    assert queueing.send(replace_result(seat.sourcedid, "0.8")).description == QUEUED
    queueing.clock.move(30)
    queueing.grade(seat, "8")
    queueing.clock.move(60)
    queueing.faults()
    hours_pass(queueing)
    assert queueing.send(replace_result(seat.sourcedid, "0.9")).description == ""
    assert queueing.state(seat)["attempt"] == 1


def test_what_a_killed_worker_may_have_posted_is_not_told_as_surely_without_effect(queueing: Stage) -> None:
    """13: the same message comes again after its tool was removed."""
    queueing.send(replace_result(queueing.seat().sourcedid, "0.1"))  # for a token
    seat = queueing.seat(points=10, submitted=Submitted.YES)
    queueing.faults({**THROTTLED, "count": 1})
    assert queueing.send(replace_result(seat.sourcedid, "0.5")).description == QUEUED
    queueing.clock.move(60)
    queueing.services.schedule.run()
    received = queueing.queue.take()
    assert received is not None
    posted = len(queueing.scores_posted())

    def kill(request: httpx.Request) -> None:
        if request.url.path.endswith("/scores"):
            queueing.interruption = None
            queueing.crash(2)

    queueing.interruption = kill
    with pytest.raises(Crash):
        queueing._lambda(received.body, 1)
    queueing.restart()
    assert len(queueing.scores_posted()) == posted + 1
    queueing.queue.leave(received)
    queueing.clock.move(360)
    queueing.services.tools.remove(CONSUMER_KEY)
    queueing.work()
    found = deliveries(queueing)[-1]
    assert (str(found.state), found.outcome_unknown) == ("failed", True)


def test_an_operator_cannot_put_one_back_in_line_while_it_is_settled(stage: Stage) -> None:
    """14: between the claim of the next one and its look at what is unsettled."""
    seat = stage.seat(points=10, submitted=Submitted.YES)
    stage.faults({"path": "score", "kind": "drop_before", "count": 1})
    assert stage.send(replace_result(seat.sourcedid, "0.5")).error == "platform_unavailable"
    stage.faults()
    lost = deliveries(stage)[-1].id
    stage.clock.move(2)
    said: list[object] = []
    before = stage.table_requests.count("TransactWriteItems")

    def put_back(operation: str) -> None:
        if operation == "GetItem" and stage.table_requests.count("TransactWriteItems") > before:
            stage.table_interruption = None
            said.append(stage.services.requeue.again(lost, force=True))

    stage.table_interruption = put_back
    assert stage.send(replace_result(seat.sourcedid, data=TEXT)).code == "success"
    assert said == [NotAgain.UNSETTLED]
    assert stage.services.requeue.again(lost, force=True) is None
    hours_pass(stage)
    assert states(stage) == ["delivered", "delivered"]
    assert stage.state(seat)["score"] == Decimal(5)


def with_unsettled_before_a_waiting_one(stage: Stage) -> tuple[Seat, bytes, dict[str, str]]:
    """An outcome that its tool was told a failure of, although it is applied; another tool's waits after it."""
    seat = stage.seat(points=10)
    assert stage.send(replace_result(seat.sourcedid, "0.1")).code == "success"
    stage.clock.move(2)
    body = replace_result(seat.sourcedid, "0.5")
    headers = signed(stage, body)
    stage.faults({"path": "score", "kind": "drop_after", "count": 1})
    assert stage.deliver(OUTCOME_URL, headers, body).error == "platform_unavailable"
    stage.services.tools.add(Tool("queueing tool", ("s3cret",), on_delay=OnDelay.QUEUE))
    stage.services.mappings.put(
        Mapping("queueing tool", "other", "canvas", seat.prepared["line_item"], seat.prepared["user_id"])
    )
    stage.clock.move(2)
    stage.faults({"path": "result", "kind": "status", "status": 500})
    answer = stage.send(replace_result("other", "0.9"), consumer_key="queueing tool", secret="s3cret")
    assert answer.description == QUEUED
    stage.faults()
    stage.clock.move(2)
    return seat, body, headers


def test_one_of_which_nobody_knows_is_not_taken_for_a_grade_when_it_comes_again_behind_others(stage: Stage) -> None:
    """15: back in line it was no longer unsettled, and whoever stood before it saw its score as a person's."""
    seat, body, headers = with_unsettled_before_a_waiting_one(stage)
    stage.crash(2)
    with suppress(Crash):
        stage.deliver(OUTCOME_URL, headers, body)
    stage.restart()
    hours_pass(stage)
    assert states(stage) == ["delivered", "delivered", "delivered"]
    assert stage.state(seat)["score"] == Decimal(9)


def test_while_it_is_found_out_what_became_of_one_its_tool_is_told_to_come_again(stage: Stage) -> None:
    """15: nobody is just finding it out, so nobody is kept waiting."""
    _, body, headers = with_unsettled_before_a_waiting_one(stage)
    before = stage.clock.now()
    answer = stage.deliver(OUTCOME_URL, headers, body)
    assert (answer.code, answer.error) == ("failure", "platform_unavailable")
    assert (stage.clock.now() - before).total_seconds() < 1
    hours_pass(stage, 1)
    assert stage.deliver(OUTCOME_URL, headers, body).code == "success"


def test_an_operator_does_not_put_one_behind_others_of_which_nobody_knows_whether_it_is_there(stage: Stage) -> None:
    """15: the same, by an operator."""
    seat, *_ = with_unsettled_before_a_waiting_one(stage)
    lost = deliveries(stage)[1].id
    assert stage.services.requeue.again(lost) is NotAgain.UNSETTLED
    assert stage.services.requeue.again(lost, force=True) is NotAgain.UNSETTLED
    hours_pass(stage, 1)
    assert states(stage) == ["delivered", "delivered", "delivered"]
    assert stage.services.requeue.again(lost) is NotAgain.DELIVERED
    assert stage.state(seat)["score"] == Decimal(9)


def test_a_grade_read_before_the_first_post_to_a_cell_is_not_forgotten_when_the_answer_is_lost(queueing: Stage) -> None:
    """16: the score read went into the cell as what stood there all along; the next outcome then went over it."""
    seat = queueing.seat(points=10)
    no_results = {"path": "result", "kind": "status", "status": 500}
    queueing.faults(no_results)
    assert queueing.send(replace_result(seat.sourcedid, "0.1")).description == QUEUED
    queueing.clock.move(1)
    queueing.grade(seat, "8")
    queueing.clock.move(60)
    queueing.faults()
    queueing.minutes(2)
    assert states(queueing) == ["held"]
    queueing.faults(no_results)
    work = replace_result(seat.sourcedid, "0.2", data=TEXT, prioritize_non_tool_grade=True)
    assert queueing.send(work).description == QUEUED
    queueing.clock.move(1)
    assert queueing.send(replace_result(seat.sourcedid, "0.4")).description == QUEUED
    queueing.clock.move(1)
    queueing.grade(seat, "3")
    queueing.faults({"path": "score", "kind": "drop_before"})
    hours_pass(queueing, 1)
    queueing.faults()
    hours_pass(queueing)
    assert (queueing.state(seat)["score"], states(queueing)) == (Decimal(3), ["held", "held", "held"])
    assert queueing.state(seat)["body"] == "an essay"


@pytest.mark.parametrize("work", [TEXT, None])
def test_a_first_submission_that_another_may_have_made_is_not_forgotten_with_the_one_that_noted_it(
    stage: Stage, work: Any
) -> None:
    """17: that one had no effect; the next score made a new submission, and wiped the work."""
    seat = stage.seat(points=10)
    first = replace_result(seat.sourcedid, "0.2")
    headers = signed(stage, first)
    status_500 = {"path": "score", "kind": "status", "status": 500, "count": 1}
    stage.faults(status_500)
    assert stage.deliver(OUTCOME_URL, headers, first).error == "platform_unavailable"
    stage.clock.move(2)
    lost = {"path": "score", "kind": "drop_after", "count": 1}
    stage.faults(status_500 if work else lost)
    assert stage.send(replace_result(seat.sourcedid, "0.3", data=work)).error == "platform_unavailable"
    stage.clock.move(2)
    stage.faults(lost if work else {**status_500, "path": "result"})
    assert stage.deliver(OUTCOME_URL, headers, first).error == "platform_unavailable"
    stage.faults()
    stage.clock.move(60)
    assert stage.send(replace_result(seat.sourcedid, "0.6")).description == ""
    state = stage.state(seat)
    assert (state["attempt"], state["body"], state["score"]) == (1, "an essay" if work else None, Decimal(6))


def test_older_work_does_not_go_over_newer_work_of_which_nobody_knows(stage: Stage) -> None:
    """18: on top of earlier work the results do not tell whether it is there; sent again it adds no attempt."""
    seat = stage.seat(points=10)
    assert stage.send(replace_result(seat.sourcedid, "0.1", data={"text": "the first"})).description == ""
    stage.clock.move(2)
    older = replace_result(seat.sourcedid, "0.7", data={"url": "https://tool.example.org/essays/1"})
    headers = signed(stage, older)
    stage.faults({**THROTTLED, "count": 1})
    assert stage.deliver(OUTCOME_URL, headers, older).error == "platform_unavailable"
    stage.clock.move(8)
    stage.faults({"path": "score", "kind": "drop_after", "count": 1})
    assert stage.send(replace_result(seat.sourcedid, data=TEXT)).error == "platform_unavailable"
    stage.clock.move(2)
    stage.faults()
    assert stage.deliver(OUTCOME_URL, headers, older).code == "success"
    state = stage.state(seat)
    assert (state["attempt"], state["body"], state["score"]) == (2, "an essay", Decimal(7))


def test_a_grade_found_while_one_was_settled_covers_what_is_older_than_that_one(stage: Stage) -> None:
    """19: held by its own turn it would have; the older one was tried within its minute, and went over the grade."""
    seat = stage.seat(points=10)
    assert stage.send(replace_result(seat.sourcedid, "0.1")).code == "success"
    stage.clock.move(2)
    older = replace_result(seat.sourcedid, "0.3")
    headers = signed(stage, older)
    stage.faults({**THROTTLED, "count": 1})
    assert stage.deliver(OUTCOME_URL, headers, older).error == "platform_unavailable"
    stage.clock.move(8)
    stage.faults({"path": "score", "kind": "drop_before", "count": 1})
    assert stage.send(replace_result(seat.sourcedid, "0.5")).error == "platform_unavailable"
    stage.clock.move(2)
    stage.grade(seat, "8")
    stage.clock.move(2)
    stage.deliver(OUTCOME_URL, headers, older)
    assert (stage.state(seat)["score"], states(stage)) == (Decimal(8), ["delivered", "superseded", "held"])


def test_one_that_comes_again_does_not_go_over_a_grade_that_was_found_meanwhile(stage: Stage) -> None:
    """20: what became of its first try is known, so that it was no retry; but the cell knew of the grade by then."""
    seat = stage.seat(points=10)
    assert stage.send(replace_result(seat.sourcedid, "0.1")).code == "success"
    stage.clock.move(2)
    body = replace_result(seat.sourcedid, "0.3")
    headers = signed(stage, body)
    stage.faults({**THROTTLED, "count": 1})
    assert stage.deliver(OUTCOME_URL, headers, body).error == "platform_unavailable"
    stage.clock.move(8)
    stage.faults()
    stage.grade(seat, "8")
    assert stage.send(replace_result(seat.sourcedid, data=TEXT)).description == ""
    stage.clock.move(2)
    assert stage.deliver(OUTCOME_URL, headers, body).description.startswith("superseded: somebody graded meanwhile")
    assert (stage.state(seat)["score"], stage.state(seat)["body"]) == (Decimal(8), "an essay")
