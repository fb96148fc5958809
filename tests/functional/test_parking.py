"""Outcomes whose sourcedid nobody has mapped: parked, and delivered in order once there is a mapping; none stranded."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pox import delete_result, read_result, replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Crash, Seat, Stage, ToolAnswer

from chalicelib.clock import Deadline
from chalicelib.delivery import lots
from chalicelib.delivery.records import UNMAPPED, Delivery, DeliveryState
from chalicelib.errors import StorageUnavailable
from chalicelib.lti11.tools import OnDelay, Tool, Unmapped
from chalicelib.mapping.model import Mapping, Submitted
from chalicelib.storage import lots as lot_items
from chalicelib.storage.conditions import ALWAYS
from chalicelib.storage.deliveries import delivery_key

TEXT = {"text": "an essay"}
DAY = 86_400


@pytest.fixture(autouse=True)
def parking_tool(stage: Stage) -> None:
    switch(stage, Unmapped.PARK)


def switch(stage: Stage, unmapped: Unmapped, on_delay: OnDelay = OnDelay.QUEUE) -> None:
    stage.services.tools.remove(CONSUMER_KEY)
    stage.services.tools.add(Tool(CONSUMER_KEY, (SECRET,), on_delay=on_delay, unmapped=unmapped))


def unmapped_seat(stage: Stage, **fields: Any) -> Seat:
    """A student whom Canvas knows, with a sourcedid that Passback does not know yet."""
    seat = stage.seat(points=10, **fields)
    stage.services.mappings.remove(CONSUMER_KEY, seat.sourcedid)
    return seat


def mapping(seat: Seat, sourcedid: str | None = None) -> Mapping:
    prepared = seat.prepared
    return Mapping(CONSUMER_KEY, sourcedid or seat.sourcedid, seat.platform, prepared["line_item"], prepared["user_id"])


def deadline(stage: Stage) -> Deadline:
    return Deadline.after(stage.clock, 3600)


def bring_in(stage: Stage, *mappings: Mapping) -> int:
    """Do what an import does: all mappings first, then what is parked for them."""
    stage.services.mappings.put_many(mappings)
    released = stage.services.releasing.release_tools({CONSUMER_KEY}, deadline(stage))
    stage.work()
    return released


def assert_parked(answer: ToolAnswer) -> None:
    assert (answer.status, answer.code, answer.error) == (200, "success", None)
    assert answer.description == "queued for delivery"


def send(stage: Stage, seat: Seat, *score: str, **fields: Any) -> ToolAnswer:
    """Send an outcome, and let some time pass."""
    answer = stage.send(replace_result(seat.sourcedid, *score, **fields))
    stage.clock.move(100)
    return answer


def deliveries(stage: Stage) -> list[Delivery]:
    """All deliveries, the oldest first."""
    return list(stage.services.deliveries.list(stage.clock.now()))[::-1]


def states(stage: Stage) -> list[str]:
    return [delivery.state.value for delivery in deliveries(stage)]


def lot_of(stage: Stage, seat: Seat) -> lots.Lot:
    return stage.services.lots.get(CONSUMER_KEY, seat.sourcedid)


def parked_counted(stage: Stage) -> int:
    return sum(count.number for tenth in range(10) for count in stage.services.lots.counts(tenth))


# Parked, mapped, delivered


def test_an_outcome_without_a_mapping_is_kept_and_no_platform_is_called(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    assert_parked(send(stage, seat, "0.4"))
    [parked] = deliveries(stage)
    assert (parked.state, parked.cell, parked.acknowledged) == (DeliveryState.PARKED, UNMAPPED, True)
    assert [place.delivery_id for place in lot_of(stage, seat).parked] == [parked.id]
    stage.minutes(30)
    assert (states(stage), stage.calls) == (["parked"], [])


def test_what_is_parked_is_delivered_in_order_with_its_own_times(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    received = stage.clock.now()
    for fields in ({"score": "0.4", "data": TEXT}, {"score": "0.9"}, {"score": "0.6"}):
        assert_parked(send(stage, seat, **fields))
    stage.clock.move(3 * DAY)
    assert bring_in(stage, mapping(seat)) == 3
    state = stage.state(seat)
    assert (state["score"], state["attempt"], state["body"]) == (Decimal(6), 1, "an essay")
    assert state["submitted_at"].startswith(received.isoformat()[:23])
    assert states(stage) == ["delivered"] * 3
    assert [float(post["scoreGiven"]) for post in stage.scores_posted()] == [0.4, 0.9, 0.6]
    assert lot_of(stage, seat).parked == ()
    assert parked_counted(stage) == 0


def test_the_same_effect_as_with_the_mapping_there_all_along(stage: Stage) -> None:
    writes: list[Callable[[str], bytes]] = [
        lambda sourcedid: replace_result(sourcedid, "0.4", data=TEXT),
        delete_result,
        lambda sourcedid: replace_result(sourcedid, total="7.5", submitted_at="2026-02-01T08:00:00Z"),
        lambda sourcedid: replace_result(sourcedid, data={"text": "a second essay"}),
    ]
    present, late = stage.seat(points=10), unmapped_seat(stage)
    for write in writes:
        for seat in (present, late):
            assert stage.send(write(seat.sourcedid)).code == "success"
        stage.clock.move(500)
        stage.work()
    bring_in(stage, mapping(late))
    stage.minutes(5)
    compared = ("score", "attempt", "body", "submission_type", "late")
    shown = [{name: stage.state(seat).get(name) for name in compared} for seat in (present, late)]
    assert shown[0] == shown[1]


def test_outcomes_of_two_sourcedids_of_one_student_go_in_the_order_of_their_receipt(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    other = replace(seat, sourcedid="another sourcedid of the same student")
    for number, each in enumerate((other, seat, other, seat), 1):
        assert_parked(send(stage, each, f"0.{number}"))
    bring_in(stage, mapping(seat), mapping(other))
    assert [str(post["scoreGiven"]) for post in stage.scores_posted()] == ["0.1", "0.2", "0.3", "0.4"]
    state = stage.state(seat)
    assert (state["score"], state["attempt"]) == (Decimal(4), 1)


def test_what_a_newer_outcome_of_the_same_student_covers_is_superseded(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    send(stage, seat, "0.4")
    other = stage.map(seat, sourcedid="mapped already")
    assert stage.send(replace_result(other, "0.9")).code == "success"
    stage.clock.move(100)
    bring_in(stage, mapping(seat))
    assert states(stage) == ["superseded", "delivered"]
    assert deliveries(stage)[0].cell.user_id == seat.prepared["user_id"]
    assert stage.state(seat)["score"] == Decimal(9)


def test_an_older_work_still_arrives_when_a_newer_score_was_delivered(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    send(stage, seat, "0.4", data=TEXT)
    other = stage.map(seat, sourcedid="mapped already")
    stage.send(replace_result(other, "0.9"))
    stage.clock.move(100)
    bring_in(stage, mapping(seat))
    state = stage.state(seat)
    assert (state["score"], state["body"]) == (Decimal(9), "an essay")


def test_an_outcome_that_came_late_takes_its_place_by_the_time_of_its_receipt(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    body, received = replace_result(seat.sourcedid, "0.4", data=TEXT), stage.clock.now()
    headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(received.timestamp()))
    stage.clock.move(3)
    assert_parked(stage.send(replace_result(seat.sourcedid, "0.9")))
    assert_parked(stage.deliver(OUTCOME_URL, headers, body, received=received))
    assert stage.send(read_result(seat.sourcedid)).score == "0.9"
    stage.clock.move(100)
    bring_in(stage, mapping(seat))
    state = stage.state(seat)
    assert (state["score"], state["body"], state["attempt"]) == (Decimal(9), "an essay", 1)
    assert states(stage) == ["delivered"] * 2


def test_what_an_import_says_of_earlier_work_counts(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    send(stage, seat, "0.4")
    bring_in(stage, replace(mapping(seat), submitted=Submitted.YES))
    assert (stage.state(seat)["score"], stage.state(seat)["attempt"]) == (Decimal(4), 0)


def test_the_head_of_a_line_is_called_for_and_knows_what_came_before_it(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    other = stage.map(seat, sourcedid="mapped already")
    stage.send(replace_result(other, "0.9"))
    stage.clock.move(100)
    send(stage, seat, "0.4")
    send(stage, seat, "0.5")
    stage.services.mappings.put(mapping(seat))
    before = stage.services.ledger.pointing(CONSUMER_KEY, other)
    assert before is not None
    assert stage.services.releasing.release_mapped(mapping(seat), deadline(stage)) == 2
    after = stage.services.ledger.pointing(CONSUMER_KEY, other)
    assert after is not None
    assert after.cell.generation == before.cell.generation + 1
    assert [(each.delivery_id, each.generation) for each in stage.queue.messages()] == [
        (deliveries(stage)[1].id, after.cell.generation)
    ]
    assert (before.cell.accepted, [each.number for each in deliveries(stage)]) == (1, [1, 2, 3])
    assert [place.delivery_id for place in after.cell.line] == [each.id for each in deliveries(stage)[1:]]
    assert {each.context for each in deliveries(stage)[1:]} == {""}


def test_a_damaged_delivery_keeps_no_other_from_its_cell(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    for number in (1, 2, 3):
        send(stage, seat, f"0.{number}")
    damaged = deliveries(stage)[1]
    stage.services.table.update(delivery_key(damaged.id), {"payload": "nonsense"}, ALWAYS)
    assert bring_in(stage, mapping(seat)) == 2
    assert stage.state(seat)["score"] == Decimal(3)
    assert [place.delivery_id for place in lot_of(stage, seat).parked] == [damaged.id]
    stage.minutes(10)
    assert stage.send(replace_result(seat.sourcedid, "0.9")).code == "success"


def test_a_grade_that_a_teacher_gave_meanwhile_stays(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    send(stage, seat, "0.4")
    stage.grade(seat, "9")
    stage.clock.move(100)
    bring_in(stage, mapping(seat))
    stage.minutes(2)
    assert stage.state(seat)["score"] == Decimal(9)
    assert states(stage) == ["held"]


def test_the_next_outcome_takes_what_was_parked_before_it_along(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    send(stage, seat, "0.4", data=TEXT)
    send(stage, seat, "0.6")
    stage.services.mappings.put(mapping(seat))  # it came by another way: nobody looks for what is parked
    assert stage.send(replace_result(seat.sourcedid, "0.9")).code == "success"
    stage.work()
    assert [str(post["scoreGiven"]) for post in stage.scores_posted()] == ["0.4", "0.6", "0.9"]
    assert (stage.state(seat)["score"], stage.state(seat)["body"]) == (Decimal(9), "an essay")
    assert states(stage) == ["delivered"] * 3


def test_the_schedule_finds_what_is_mapped_within_ten_minutes(stage: Stage) -> None:
    seats = [unmapped_seat(stage) for _ in range(5)]
    for seat in seats:
        send(stage, seat, "0.4")
        stage.services.mappings.put(mapping(seat))
    stage.minutes(10)
    assert states(stage) == ["delivered"] * 5
    assert [stage.state(seat)["score"] for seat in seats] == [Decimal(4)] * 5


def test_a_mapping_of_the_trimmed_sourcedid_counts_too(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    padded = replace(seat, sourcedid=f"\n {seat.sourcedid} ")
    assert_parked(send(stage, padded, "0.4"))
    assert bring_in(stage, mapping(seat)) == 1
    assert stage.state(seat)["score"] == Decimal(4)


def test_a_platform_that_is_not_registered_leaves_outcomes_parked(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    send(stage, seat, "0.4")
    assert bring_in(stage, replace(mapping(seat), platform="elsewhere")) == 0
    stage.minutes(10)
    assert states(stage) == ["parked"]
    assert bring_in(stage, mapping(seat)) == 1
    assert states(stage) == ["delivered"]


def test_a_platform_that_is_down_keeps_released_outcomes_waiting(stage: Stage) -> None:
    switch(stage, Unmapped.PARK, OnDelay.FAIL)  # what was told as queued waits whatever the tool wants of delays
    seat = unmapped_seat(stage)
    send(stage, seat, "0.4")
    stage.clock.move(30 * DAY)  # longer than a platform is tried
    stage.faults({"path": "any", "kind": "status", "status": 500, "count": 1})
    bring_in(stage, mapping(seat))
    assert states(stage) == ["waiting"]
    stage.minutes(5)
    assert stage.state(seat)["score"] == Decimal(4)


def test_a_lost_message_strands_nothing(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    send(stage, seat, "0.4")
    stage.queue.refusing = True
    assert bring_in(stage, mapping(seat)) == 1
    stage.queue.refusing = False
    stage.minutes(12)
    assert states(stage) == ["delivered"]


def test_a_full_line_takes_the_rest_later(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.delivery.line.LONGEST", 2)
    seat = unmapped_seat(stage)
    for number in range(1, 6):
        send(stage, seat, f"0.{number}")
    assert bring_in(stage, mapping(seat)) == 2
    assert stage.state(seat)["score"] == Decimal(2)
    stage.minutes(30)
    assert (stage.state(seat)["score"], states(stage)) == (Decimal(5), ["delivered"] * 5)


# What the tool is told meanwhile


def test_the_same_signed_request_has_one_effect(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    body = replace_result(seat.sourcedid, "0.4")
    headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))
    first = stage.deliver(OUTCOME_URL, headers, body)
    assert_parked(first)
    assert stage.deliver(OUTCOME_URL, headers, body).text == first.text
    bring_in(stage, mapping(seat))
    ended = stage.deliver(OUTCOME_URL, headers, body)
    assert (ended.code, ended.description) == ("success", "")
    assert (states(stage), len(stage.scores_posted())) == (["delivered"], 1)


def test_a_newly_signed_repeat_joins_and_a_later_one_does_not(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    body = replace_result(seat.sourcedid, data=TEXT, message_identifier="m")
    for seconds in (20, 39, 62):
        assert_parked(stage.send(body))
        stage.clock.move(seconds)
    assert states(stage) == ["parked"]
    assert_parked(stage.send(body))
    assert states(stage) == ["parked"] * 2


def test_a_nonce_with_other_content_is_refused(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    timestamp = int(stage.clock.now().timestamp())
    assert_parked(stage.send(replace_result(seat.sourcedid, "0.4"), nonce="n", timestamp=timestamp))
    assert stage.send(replace_result(seat.sourcedid, "0.9"), nonce="n", timestamp=timestamp).status == 401
    assert states(stage) == ["parked"]


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda sourcedid: replace_result(sourcedid, "0.92"), "0.92"),
        (delete_result, ""),
        (lambda sourcedid: replace_result(sourcedid, data=TEXT), "0.4"),
    ],
)
def test_a_read_is_answered_from_what_is_parked(stage: Stage, write: Callable[[str], bytes], expected: str) -> None:
    seat = unmapped_seat(stage)
    send(stage, seat, "0.4")
    stage.send(write(seat.sourcedid))
    answer = stage.send(read_result(seat.sourcedid))
    assert (answer.code, answer.score) == ("success", expected)


def test_a_read_that_parked_points_cannot_answer_is_of_an_invalid_sourcedid(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    send(stage, seat, total="7.5")
    assert stage.send(read_result(seat.sourcedid)).error == "sourcedid_invalid"
    assert stage.send(read_result("never seen")).error == "sourcedid_invalid"


@pytest.mark.parametrize(
    ("fields", "error"),
    [({"score": "1.5"}, "bad_score"), ({"score": "many"}, "no_parseable_result_score"), ({}, "no_score")],
)
def test_what_fails_a_local_check_is_not_parked(stage: Stage, fields: dict[str, Any], error: str) -> None:
    seat = unmapped_seat(stage)
    assert stage.send(replace_result(seat.sourcedid, **fields)).error == error
    assert deliveries(stage) == []


def test_a_sourcedid_that_no_mapping_can_have_is_not_parked(stage: Stage) -> None:
    answer = stage.send(replace_result("x" * 8193, "0.5"))
    assert answer.error == "sourcedid_invalid"
    assert (deliveries(stage), list(stage.services.lots.list(0))) == ([], [])


def test_a_tool_that_is_switched_back_to_fail_still_has_its_parked_ones_delivered(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    send(stage, seat, "0.4")
    switch(stage, Unmapped.FAIL)
    assert send(stage, seat, "0.9").error == "sourcedid_invalid"
    assert stage.send(read_result(seat.sourcedid)).score == "0.4"
    stage.clock.move(60 * DAY)
    assert bring_in(stage, mapping(seat)) == 1
    assert (stage.state(seat)["score"], states(stage)) == (Decimal(4), ["delivered"])


# Limits


def test_a_sourcedid_has_at_most_twenty_parked_outcomes(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    for number in range(20):
        assert_parked(send(stage, seat, f"0.{number:02}"))
    answer = send(stage, seat, "0.9")
    assert (answer.status, answer.code, answer.error) == (422, "failure", "sourcedid_invalid")
    assert "nobody has mapped its sourcedid yet, and too many outcomes wait" in answer.description
    assert "success" not in answer.text
    assert bring_in(stage, mapping(seat)) == 20
    stage.minutes(2)
    assert stage.state(seat)["score"] == Decimal("1.9")


def test_a_tool_has_at_most_so_many_parked_outcomes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lot_items, "MOST_OF_A_TENTH", 3)
    seats = [unmapped_seat(stage, sourcedid=f"s{number}") for number in range(60)]
    tenths = Counter(lot_items.tenth_of(lot_of(stage, seat)) for seat in seats)
    room = sum(min(3, number) for number in tenths.values())
    told = [stage.send(replace_result(seat.sourcedid, "0.4")) for seat in seats]
    refused = [answer for answer in told if answer.code == "failure"]
    assert 20 <= room == len(seats) - len(refused) <= 30
    assert all("too many outcomes of its tool" in answer.description for answer in refused)
    assert parked_counted(stage) == len(deliveries(stage)) == room
    bring_in(stage, *map(mapping, seats))
    stage.minutes(2)
    assert set(states(stage)) == {"delivered"}
    assert parked_counted(stage) == 0
    assert_parked(stage.send(replace_result("room again", "0.4")))


def test_a_count_that_a_crash_left_wrong_is_put_right(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    send(stage, seat, "0.4")
    for _ in range(7):
        stage.services.lots.reserve(lot_of(stage, seat))
    assert parked_counted(stage) == 8
    stage.minutes(10)
    assert parked_counted(stage) == 1


def test_what_is_parked_for_ninety_days_fails_visibly_and_is_kept_for_a_while(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    send(stage, seat, "0.4", data=TEXT)
    stage.clock.move(45 * DAY)
    send(stage, seat, "0.9")
    stage.clock.move(45 * DAY)
    stage.minutes(10)
    assert states(stage) == ["failed", "parked"]
    failed = deliveries(stage)[0]
    assert failed.answer is not None
    assert (failed.answer.error_code, failed.outcome_unknown) == ("sourcedid_invalid", False)
    assert "no mapping appeared for its sourcedid within 90 days" in failed.answer.description
    assert failed.write is None
    kept = stage.services.ledger.delivery(failed.id, stage.clock.now())
    assert kept is not None
    assert kept.write is not None
    stage.clock.move(31 * DAY)
    gone = stage.services.ledger.delivery(failed.id, stage.clock.now())
    assert gone is not None
    assert gone.write is None
    assert bring_in(stage, mapping(seat)) == 1
    assert (stage.state(seat)["score"], parked_counted(stage)) == (Decimal(9), 0)


# Wanted


def test_what_is_wanted_is_counted_at_most_once_a_minute(stage: Stage) -> None:
    switch(stage, Unmapped.FAIL)
    first = stage.clock.now()
    for write in (replace_result("s", "0.4"), read_result("s"), delete_result("s")):
        assert stage.send(write).error == "sourcedid_invalid"
        stage.send(write)
        stage.clock.move(61)
    [lot] = stage.services.lots.list(0)
    assert (lot.consumer_key, lot.sourcedid, lot.wanted, lot.parked) == (CONSUMER_KEY, "s", 3, ())
    assert lot.first_seen - first.timestamp() * 1000 < 100
    assert lot.last_seen - lot.first_seen > 120_000
    assert deliveries(stage) == []


def test_what_is_wanted_no_more_is_forgotten(stage: Stage) -> None:
    switch(stage, Unmapped.FAIL)
    stage.send(replace_result("s", "0.4"))
    now = int(stage.clock.now().timestamp() * 1000)
    assert list(stage.services.lots.list(now + 29 * DAY * 1000)) != []
    assert list(stage.services.lots.list(now + 31 * DAY * 1000)) == []


def test_a_tool_wants_at_most_so_many(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lot_items, "MOST_WANTED", 5)
    switch(stage, Unmapped.FAIL)
    for number in range(9):
        assert stage.send(replace_result(f"s{number}", "0.4")).error == "sourcedid_invalid"
    stage.clock.move(61)
    stage.send(replace_result("s0", "0.4"))
    assert sorted((lot.sourcedid, lot.wanted) for lot in stage.services.lots.list(0)) == [
        ("s0", 2),
        ("s1", 1),
        ("s2", 1),
        ("s3", 1),
        ("s4", 1),
    ]


def test_a_table_that_takes_no_note_changes_no_answer(stage: Stage) -> None:
    switch(stage, Unmapped.FAIL)

    def broken(operation: str) -> None:
        if operation == "PutItem":
            raise StorageUnavailable("PutItem")

    stage.table_interruption = broken
    assert stage.send(replace_result("s", "0.4")).error == "sourcedid_invalid"


# Races and crashes


def test_a_mapping_written_between_look_and_parking_strands_nothing(stage: Stage) -> None:
    """The other container maps, and looks for parked ones, while the outcome is not parked yet."""
    seat = unmapped_seat(stage)
    found: list[int] = []

    def import_now(operation: str) -> None:
        if operation == "TransactWriteItems":
            stage.table_interruption = None
            found.append(bring_in(stage, mapping(seat)))

    stage.table_interruption = import_now
    answer = stage.send(replace_result(seat.sourcedid, "0.4"))
    assert found == [0]
    assert (answer.code, answer.description) == ("success", "")
    assert stage.state(seat)["score"] == Decimal(4)
    assert (states(stage), parked_counted(stage)) == (["delivered"], 0)


def test_an_outcome_parked_between_mapping_and_looking_is_released(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    parked: list[ToolAnswer] = []

    def send_now(operation: str) -> None:
        if operation == "PutItem":
            stage.table_interruption = None
            parked.append(stage.send(replace_result(seat.sourcedid, "0.4")))

    stage.table_interruption = send_now
    assert bring_in(stage, mapping(seat)) == 1
    assert_parked(parked[0])
    assert (stage.state(seat)["score"], states(stage)) == (Decimal(4), ["delivered"])


def test_two_containers_that_park_at_once_both_park(stage: Stage) -> None:
    seat = unmapped_seat(stage)

    def other(operation: str) -> None:
        if operation == "TransactWriteItems":
            stage.table_interruption = None
            assert_parked(stage.send(replace_result(seat.sourcedid, "0.6")))

    stage.table_interruption = other
    assert_parked(stage.send(replace_result(seat.sourcedid, "0.4")))
    assert (states(stage), len(lot_of(stage, seat).parked), parked_counted(stage)) == (["parked"] * 2, 2, 2)


def test_the_same_request_in_two_containers_at_once_is_parked_once(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    body = replace_result(seat.sourcedid, "0.4")
    headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))

    def other(operation: str) -> None:
        if operation == "TransactWriteItems":
            stage.table_interruption = None
            assert_parked(stage.deliver(OUTCOME_URL, headers, body))

    stage.table_interruption = other
    assert_parked(stage.deliver(OUTCOME_URL, headers, body))
    assert (states(stage), parked_counted(stage)) == (["parked"], 1)


def test_two_that_release_at_once_release_each_outcome_once(stage: Stage) -> None:
    seat = unmapped_seat(stage)
    for number in range(1, 4):
        send(stage, seat, f"0.{number}")

    def other(operation: str) -> None:
        if operation == "TransactWriteItems":
            stage.table_interruption = None
            stage.services.releasing.release_tools({CONSUMER_KEY}, deadline(stage))

    stage.services.mappings.put(mapping(seat))
    stage.table_interruption = other
    stage.services.releasing.release_tools({CONSUMER_KEY}, deadline(stage))
    stage.work()
    assert [str(post["scoreGiven"]) for post in stage.scores_posted()] == ["0.1", "0.2", "0.3"]
    assert (states(stage), parked_counted(stage)) == (["delivered"] * 3, 0)


def moments_of(stage: Stage, work: Callable[[], Any]) -> int:
    stage.crash(10_000)
    work()
    moments = stage._moments
    stage.crash(None)
    return moments


def test_a_crash_at_any_moment_of_parking_loses_and_doubles_nothing(stage: Stage) -> None:
    counted = unmapped_seat(stage)
    moments = moments_of(stage, lambda: stage.send(replace_result(counted.sourcedid, "0.4")))
    assert moments >= 4
    for moment in range(1, moments + 1):
        seat = unmapped_seat(stage)
        body = replace_result(seat.sourcedid, "0.4", data=TEXT)
        headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))
        stage.crash(moment)
        with pytest.raises(Crash):
            stage.deliver(OUTCOME_URL, headers, body)
        stage.restart()
        assert_parked(stage.deliver(OUTCOME_URL, headers, body))
        assert len(lot_of(stage, seat).parked) == 1
        bring_in(stage, mapping(seat))
        state = stage.state(seat)
        assert (state["score"], state["attempt"], state["body"]) == (Decimal(4), 1, "an essay"), moment
    stage.minutes(10)
    assert parked_counted(stage) == 1  # the one that was only counted


def test_a_crash_at_any_moment_of_releasing_loses_and_doubles_nothing(stage: Stage) -> None:
    def parked() -> Seat:
        seat = unmapped_seat(stage)
        for number in (1, 2, 3):
            send(stage, seat, f"0.{number}", data={"text": f"essay {number}"})
        return seat

    def bring_in_without_work(seat: Seat) -> None:
        stage.services.mappings.put(mapping(seat))
        stage.services.releasing.release_tools({CONSUMER_KEY}, deadline(stage))

    counted = parked()
    moments = moments_of(stage, lambda: bring_in_without_work(counted))
    stage.work()
    expected = stage.state(counted)
    assert moments == 10
    for moment in range(1, moments + 1):
        seat = parked()
        stage.crash(moment)
        with pytest.raises(Crash):
            bring_in_without_work(seat)
        stage.restart()
        stage.services.mappings.put(mapping(seat))  # the one at the first moment was not written
        stage.minutes(30)
        state = stage.state(seat)
        compared = ("score", "attempt", "body")
        assert [state[name] for name in compared] == [expected[name] for name in compared], moment
        assert set(states(stage)) == {"delivered"}, moment
        assert parked_counted(stage) == 0
