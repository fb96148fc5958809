"""Load: what counts as an error, how runs are put together, and what is printed."""

import os
import threading
import time
from collections import Counter
from dataclasses import replace

import pytest
from pox import envelope

from bench.load import DELIVERED, QUEUED, Load, Run, end_of, level, send_all
from bench.processor import processor_seconds
from bench.report import Findings
from bench.report_load import load_views
from bench.samples import Figure, Latencies, latencies
from passback.output import plain


def answer(code: str, description: str) -> str:
    return envelope(
        f"<imsx_codeMajor>{code}</imsx_codeMajor><imsx_description>{description}</imsx_description>"
    ).decode()


def test_percentiles_are_by_the_nearest_rank() -> None:
    hundred = [number / 100 for number in range(100, 0, -1)]
    assert latencies(hundred) == Latencies(100, 0.5, 0.95, 0.99, 1.0)
    assert latencies([3.0, 1.0, 2.0]) == Latencies(3, 2.0, 3.0, 3.0, 3.0)


def test_without_answers_there_are_no_percentiles() -> None:
    with pytest.raises(ValueError, match="nobody"):
        latencies([])


@pytest.mark.parametrize(
    ("status", "text", "end"),
    [
        (200, answer("success", ""), DELIVERED),
        (200, answer("success", "queued for delivery"), QUEUED),
        (200, answer("success", "superseded by a newer outcome"), "superseded by a newer outcome"),
        (200, answer("failure", ""), "status 200"),
        (422, answer("failure", "no"), "status 422"),
        (0, "TimeoutError", "TimeoutError"),
    ],
)
def test_only_a_plain_success_is_delivered(status: int, text: str, end: str) -> None:
    assert end_of(status, text) == end


def test_rates_and_ratios_are_of_runs_and_latencies_of_all_answers() -> None:
    outcomes = [Run(2.0, [0.1] * 10, Counter({DELIVERED: 10}), 0.5), Run(1.0, [0.3] * 8, Counter({DELIVERED: 8}), 0.9)]
    health = [Run(1.0, [0.001] * 50, Counter({DELIVERED: 50})), Run(1.0, [0.002] * 40, Counter({DELIVERED: 40}))]
    found = level(4, outcomes, health)
    assert (found.at_once, found.rate) == (4, Figure(6.5, 5.0, 8.0))
    assert found.latencies == Latencies(18, 0.1, 0.3, 0.3, 0.3)
    assert found.to_health == Figure(pytest.approx(0.15), 0.1, 0.2)  # type: ignore[arg-type] # equal to a float
    assert found.engine == Figure(0.7, 0.5, 0.9)
    assert (found.queued, found.errors) == (0, {})


def test_what_is_neither_delivered_nor_queued_is_an_error_also_of_the_floor() -> None:
    outcomes = [Run(1.0, [0.1] * 5, Counter({DELIVERED: 2, QUEUED: 1, "status 500": 2}))]
    found = level(1, outcomes, [Run(1.0, [0.1], Counter({"status 503": 1}))])
    assert found.queued == 1
    assert found.errors == {"status 500": 2, "/health: status 503": 1}
    assert Load(4, [found, found], 0).errors == 6


def test_senders_send_at_the_same_time() -> None:
    together = threading.Barrier(4, timeout=30.0)

    def meets_the_others() -> str:
        together.wait()
        return DELIVERED

    run = send_all([meets_the_others] * 4, each=3, seconds=60.0)
    assert len(run.waits) == 12
    assert run.ends == {DELIVERED: 12}
    assert run.rate == pytest.approx(12 / run.seconds)


def test_senders_stop_when_the_time_is_over_but_send_one_each() -> None:
    def slow() -> str:
        time.sleep(0.05)
        return DELIVERED

    assert len(send_all([slow], each=1000, seconds=0.2).waits) < 10
    assert len(send_all([slow], each=3, seconds=0.0).waits) == 1


def test_an_error_under_load_breaks_the_promise() -> None:
    run = Run(1.0, [0.1], Counter({DELIVERED: 1}))
    good = level(1, [run], [run])
    assert Findings({}, load=Load(4, [good], 0)).broken_promises == []
    assert Findings({}, load=Load(4, [replace(good, errors={"status 500": 1})], 0)).broken_promises
    assert Findings({}, load=Load(4, [good], not_shown=1)).broken_promises


def test_the_table_says_every_error() -> None:
    run = Run(1.0, [0.1], Counter({DELIVERED: 1}), 0.5)
    bad = replace(level(8, [run], [run]), errors={"status 500": 3})
    printed = "".join(map(plain, load_views(Load(4, [level(1, [run], [run]), bad], 2))))
    assert "| 1 | **1.00** | 1.00-1.00 | 100 ms | 100 ms | 100 ms | 100 ms | 0 | 0 |" in printed
    assert "| 8 | **1.00** | 1.00-1.00 | 100 ms | 100 ms | 100 ms | 100 ms | 0 | 3 |" in printed
    assert "Errors: status 500 (3)" in printed
    assert "all but 2 of the scores" in printed


def test_errors_of_one_kind_at_several_levels_are_added_up() -> None:
    run = Run(1.0, [0.1], Counter({DELIVERED: 1}))
    bad = replace(level(8, [run], [run]), errors={"status 500": 3})
    assert "status 500 (6)" in "".join(map(plain, load_views(Load(4, [bad, bad], 0))))


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="only Linux tells it in a file")
def test_the_processor_time_of_a_process_grows_with_its_work() -> None:
    before = processor_seconds(os.getpid())
    busy_until = time.process_time() + 0.1
    while time.process_time() < busy_until:
        pass
    assert 0.05 <= processor_seconds(os.getpid()) - before <= 2.0


def test_of_a_process_that_is_gone_nothing_is_told() -> None:
    assert processor_seconds(2**30) == 0.0
