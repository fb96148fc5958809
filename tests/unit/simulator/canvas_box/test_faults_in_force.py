"""Which request a fault hits: order, shares, the whole platform down; the counts of all that; the throttle's pace."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from canvas_box.canvas_harness import Canvas, Scene
from simulator.exchange import Response


def switch(canvas: Canvas, *faults: dict[str, Any]) -> None:
    canvas.order("switch", faults=list(faults))


@pytest.fixture
def logged_in(scene: Scene) -> Scene:
    scene.posted()
    scene.canvas.order("counters", reset=True)
    return scene


# Order


def test_what_is_added_comes_first_and_what_was_there_stays(canvas: Canvas, logged_in: Scene) -> None:
    switch(canvas, {"kind": "status", "status": 502})
    canvas.order("switch", add_faults=[{"kind": "status", "status": 503, "count": 2}])
    assert [logged_in.post().status for _ in range(3)] == [503, 503, 502]


def test_one_kind_is_cleared_and_the_others_go_on(canvas: Canvas, logged_in: Scene) -> None:
    switch(canvas, {"kind": "throttle_429"}, {"kind": "status", "count": 3})
    told = canvas.order("switch", clear_faults="throttle_429")["faults"]
    assert [(each["kind"], each["count"]) for each in told] == [("status", 3)]
    assert logged_in.post().status == 500
    assert canvas.order("switch", clear_faults="throttle_429")["faults"][0]["count"] == 2


def test_a_fault_of_a_course_by_its_number(canvas: Canvas, logged_in: Scene) -> None:
    other = canvas.prepare()
    switch(canvas, {"kind": "status", "course_id": other.told["course_id"]})
    assert (logged_in.post().status, other.post().status) == (200, 500)


def test_other_calls_can_be_hit_alone(canvas: Canvas, logged_in: Scene) -> None:
    switch(canvas, {"kind": "status", "path": "other"})
    assert canvas.call("GET", logged_in.told["context_memberships_url"]).status == 500
    assert logged_in.post().status == 200


# Shares


def hits(canvas: Canvas, scene: Scene, calls: int, *faults: dict[str, Any]) -> list[int]:
    switch(canvas, *faults)
    return [scene.post().status for _ in range(calls)]


def test_a_share_hits_about_so_many(canvas: Canvas, logged_in: Scene) -> None:
    statuses = hits(canvas, logged_in, 200, {"kind": "status", "share": 0.3, "seed": 1})
    assert 40 <= statuses.count(500) <= 80  # 60 expected; the seed makes it the same in every run
    assert statuses.count(200) == 200 - statuses.count(500)


def test_the_same_seed_hits_the_same_calls_and_another_others(canvas: Canvas, logged_in: Scene) -> None:
    first, again, other = (
        hits(canvas, logged_in, 40, {"kind": "status", "share": 0.5, "seed": seed}) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_a_count_counts_what_was_hit(canvas: Canvas, logged_in: Scene) -> None:
    statuses = hits(canvas, logged_in, 60, {"kind": "status", "share": 0.3, "count": 4})
    assert statuses.count(500) == 4
    assert canvas.order("switch")["faults"] == []


def test_a_call_that_one_share_spares_can_be_hit_by_the_next(canvas: Canvas, logged_in: Scene) -> None:
    pair = [{"kind": "status", "status": status, "share": 0.5, "seed": 3} for status in (502, 503)]
    assert set(hits(canvas, logged_in, 40, *pair)) == {200, 502, 503}


# Down


def test_down_refuses_everything_but_page_and_control_door(canvas: Canvas, logged_in: Scene) -> None:
    assert canvas.order("switch", down=True)["down"] is True
    answers = [
        logged_in.post(),
        canvas.call("GET", logged_in.line_item),
        canvas.ask_token(),
        canvas.send("GET", "/api/lti/security/jwks"),
        canvas.send("POST", logged_in.told["lti11"]["outcome_url"], b"x"),
        canvas.send("GET", "/"),
    ]
    assert {(answer.drop, answer.reset) for answer in answers} == {(True, True)}
    assert canvas.send("GET", "/gradebook").status == 200
    assert canvas.order("switch", generation="new")["down"] is True
    canvas.order("switch", down=False)
    assert logged_in.post().status == 200
    canvas.order("switch", down=True)
    canvas.order("reset")
    assert canvas.order("switch")["down"] is False


# Counters


def test_calls_are_counted_by_kind_ending_and_course(canvas: Canvas, logged_in: Scene) -> None:
    other = canvas.prepare()
    logged_in.post()
    logged_in.results()
    other.post()
    canvas.ask_token()
    for kind in ("throttle_403", "throttle_429", "drop_before", "drop_after", "refuse"):
        switch(canvas, {"kind": kind, "count": 1})
        other.post()
    told = canvas.order("counters")
    mine, others = (told["courses"][str(scene.told["course_id"])] for scene in (logged_in, other))
    assert mine == {
        "calls": {"score": {"200": 1}, "result": {"200": 1}},
        "throttled": 0,
        "most_at_once": 1,
    }
    endings = {"200": 1, "403": 1, "429": 1, "dropped_before": 2, "dropped_after": 1}
    assert (others["calls"], others["throttled"]) == ({"score": endings}, 2)
    assert told["calls"] == {
        "score": {**endings, "200": 2},
        "result": {"200": 1},
        "token": {"200": 1},
    }
    assert told["throttled"] == 2


def test_counts_start_again_when_told_so(canvas: Canvas, logged_in: Scene) -> None:
    logged_in.post()
    canvas.clock.forward(seconds=5)
    assert canvas.order("counters", reset=True)["calls"] == {"score": {"200": 1}}
    after = canvas.order("counters")
    assert after == {
        "since": "2026-02-03T10:00:05.123456+00:00",
        "calls": {},
        "throttled": 0,
        "most_at_once": 0,
        "courses": {},
    }
    assert canvas.send("GET", "/_sim/counters").status == 200
    logged_in.post()
    canvas.order("reset")
    assert canvas.order("counters")["calls"] == {}


def test_courses_that_do_not_exist_are_not_kept(canvas: Canvas, logged_in: Scene) -> None:
    for number in range(900, 910):
        canvas.call("GET", f"{logged_in.told['line_items']}".replace("courses/", f"courses/{number}"))
    told = canvas.order("counters")
    assert (told["courses"], told["calls"]) == ({}, {"line_item": {"404": 10}})


def test_a_refusal_that_is_no_throttling_is_not_counted_as_one(canvas: Canvas, logged_in: Scene) -> None:
    switch(canvas, {"kind": "status", "status": 403, "body": "forbidden", "count": 1})
    assert logged_in.post().status == 403
    assert canvas.order("counters")["throttled"] == 0


def test_a_call_counts_as_running_until_its_answer_has_left(canvas: Canvas, logged_in: Scene) -> None:
    canvas.order("switch", request_seconds=2)
    for _ in range(3):
        logged_in.post()
        canvas.clock.forward(seconds=1.5)
    assert canvas.order("counters")["most_at_once"] == 2


def test_calls_at_once_are_counted_together(private_key: RSAPrivateKey) -> None:
    """Token requests fetch the key set without the lock: there they meet."""
    canvas = Canvas(private_key)
    meeting = Barrier(4)

    def fetch(_url: str) -> bytes:
        meeting.wait(5)
        raise OSError("unreachable")

    canvas.simulator._fetch = fetch
    canvas.order("register", jwks_url="https://tool.example.org/jwks")
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: canvas.ask_token(), range(4)))
    assert canvas.order("counters")["most_at_once"] == 4


# The throttle's pace (Canvas AGS, section 9)


def remaining(answer: Response) -> float:
    return float(answer.header("X-Rate-Limit-Remaining"))


def test_the_cost_of_a_request_is_switched(canvas: Canvas, logged_in: Scene) -> None:
    canvas.order("switch", throttle="real", request_cost=30)
    answers = [logged_in.post() for _ in range(3)]
    assert [remaining(answer) for answer in answers] == [570, 540, 510]
    assert float(answers[0].header("X-Request-Cost")) == 30
    assert remaining(canvas.ask_token()) == 280


def test_the_duration_of_a_request_is_switched_and_holds_its_room(canvas: Canvas, logged_in: Scene) -> None:
    canvas.order("switch", throttle="real", request_cost=0, request_seconds=2)
    answers = [logged_in.post() for _ in range(14)]
    assert [answer.status for answer in answers] == [200] * 12 + [403] * 2
    assert {answer.delay_seconds for answer in answers} == {2, 0}
    canvas.clock.forward(seconds=2)
    assert logged_in.post().status == 200


def test_a_duration_comes_without_the_throttle_too_and_beside_a_slow_answer(canvas: Canvas, logged_in: Scene) -> None:
    canvas.order("switch", request_seconds=0.5, faults=[{"kind": "slow", "seconds": 3, "count": 1}])
    assert [logged_in.post().delay_seconds for _ in range(2)] == [3.5, 0.5]


def test_a_call_that_hangs_holds_its_room(canvas: Canvas, logged_in: Scene) -> None:
    canvas.order("switch", throttle="real", faults=[{"kind": "hang", "seconds": 30, "count": 11}])
    for _ in range(11):
        assert logged_in.post().drop
    assert logged_in.post().status == 403
    canvas.clock.forward(seconds=31)
    assert logged_in.post().status == 200


def test_room_is_reserved_before_a_request_is_answered(private_key: RSAPrivateKey) -> None:
    """Requests that come at the same moment must not all find the same room."""
    canvas = Canvas(private_key)
    meeting = Barrier(3)

    def fetch(_url: str) -> bytes:
        meeting.wait(5)
        raise OSError("unreachable")

    canvas.simulator._fetch = fetch
    canvas.order("register", jwks_url="https://tool.example.org/jwks")
    canvas.order("switch", throttle="real", request_cost=245)
    canvas.simulator._fetch = lambda _url: b"{}"
    canvas.ask_token()
    # 445 of 600 are taken, and each running request holds 50: three find room, the fourth must not.
    canvas.simulator._fetch = fetch
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: canvas.ask_token().status, range(4)))
    assert sorted(answers) == [400, 400, 400, 403]
