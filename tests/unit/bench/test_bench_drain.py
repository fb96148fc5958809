"""The drain: what nobody can beat, how far a backlog had come at which second, and what counts as delivered."""

import json
from typing import Any

import httpx
import pytest

from bench.backlog import missing
from bench.bounds import Load, bounds
from bench.drain import Curve
from bench.simulator_counts import Counts, read_counts
from bench.stack import Seat, Site


def site(answers: dict[str, Any]) -> Site:
    """Make a site whose simulator gives these answers to orders."""

    def answer(request: httpx.Request) -> httpx.Response:
        order = request.url.path.removeprefix("/_sim/")
        handle = json.loads(request.content).get("handle")
        return httpx.Response(200, json=answers[handle or order])

    return Site("canvas", httpx.Client(base_url="http://simulator", transport=httpx.MockTransport(answer)))


def seat(handle: str, platform: str = "canvas") -> Seat:
    return Seat(platform, f"sourced-{handle}", "http://simulator/line_items/1", "user", handle)


def test_what_leaks_out_bounds_cheap_and_many_calls() -> None:
    found = bounds(2000, Load(cost=0.5, seconds=0.1))
    # 2,000 scores and one token (0.5 and 200 more) of which 600 units may be left at the end, at 10 units a second.
    assert found.by_leak == pytest.approx((2000 * 0.5 + 200.5 - 600) / 10)
    assert found.best == found.by_leak


def test_twelve_calls_at_once_bound_slow_ones() -> None:
    found = bounds(1200, Load(cost=0.1, seconds=1.0))
    assert (found.by_calls_at_once, found.one_by_one, found.best) == (100.0, 1200.0, 100.0)


def test_few_calls_need_no_leak() -> None:
    assert bounds(10, Load(cost=0.5, seconds=0.0)).best == 0.0


def test_a_curve_tells_when_so_many_were_in_first() -> None:
    curve = Curve()
    for second, scored in ((1.0, 0), (2.0, 1), (3.0, 7), (4.0, 7)):
        curve.add(second, scored)
    assert [curve.reached(scored) for scored in (1, 2, 7, 8)] == [2.0, 3.0, 3.0, None]


def test_refused_calls_are_not_among_those_let_through() -> None:
    told = {
        "calls": {"score": {"200": 3, "403": 9}, "token": {"200": 1}, "result": {"500": 2}},
        "throttled": 9,
        "most_at_once": 4,
    }
    counts = read_counts(site({"counters": told}))
    assert counts == Counts(scored=3, calls={"score": 3, "token": 1}, throttled=9, most_at_once=4)
    assert counts.done == 4


@pytest.mark.parametrize(
    ("state", "lost"),
    [
        ({"score": 7.5, "attempt": 1}, 0),
        ({"score": 7.4, "attempt": 1}, 1),
        ({"score": 7.5, "attempt": 2}, 1),
        ({"score": None, "attempt": 1}, 1),
    ],
)
def test_delivered_is_the_promised_score_in_one_attempt(state: dict[str, Any], lost: int) -> None:
    assert missing(site({"h1": state}), [(seat("h1"), "0.75")]) == lost


def test_another_platforms_seats_are_not_looked_for() -> None:
    assert missing(site({}), [(seat("h1", platform="small"), "0.75")]) == 0
