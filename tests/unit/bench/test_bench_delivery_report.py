"""The report on drain and breaker: its tables, and which broken promises make the benchmark fail."""

from dataclasses import replace

import pytest

from bench import __main__ as command
from bench import drain
from bench.bounds import Load, bounds
from bench.breaker import BreakerFindings, Death
from bench.drain import Drain, Scale, SiteDrain
from bench.greedy import Greedy
from bench.report import Findings
from bench.samples import Waits, waits
from bench.simulator_counts import Counts

LOAD = Load(0.5, 0.1)
COUNTS = Counts(20, {"result": 20, "score": 20, "token": 1}, 3, 4)
SITE = SiteDrain(20, 1, 30.0, 90.25, 91.0, 95.5, 0, COUNTS, bounds(41, LOAD))
SMALL = replace(SITE, outcomes=5, courses=2, last=33.3)
DRAIN = Drain(LOAD, 60.0, 0.02, SITE, SMALL, Greedy(12.5, 0, replace(COUNTS, throttled=999)), bounds(20, LOAD))
DEATH = Death("hangs", Waits(9, 8.1, 8.2, 8.3), Waits(100, 0.012, 0.015, 0.02), 16.5, 20.0, 25.0)
BREAKER = BreakerFindings(10.0, Waits(100, 0.02, 0.025, 0.03), [DEATH])


@pytest.fixture(autouse=True)
def _no_signal_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_stop_in_time", lambda _longest: None)


def run(monkeypatch: pytest.MonkeyPatch, findings: Findings) -> int:
    monkeypatch.setattr(command, "_measure", lambda *_: findings)
    return command.main(["--only", "drain"])


def test_all_that_was_measured_is_in_the_tables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, Findings({}, drains=[DRAIN], breaker=BREAKER)) == 0
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "20 outcomes, 1 course 30.0 s 90.2 s 91.0 s 95.5 s 41 3 4" in rows
    assert "beside it: 5 outcomes, 2 courses 30.0 s 90.2 s 91.0 s 33.3 s 41 3 4" in rows
    assert "greedy client, scores only 12.5 s 41 999 4" in rows
    assert "hangs: before it opens 9 8.10 s 8.20 s 8.30 s" in rows
    assert "hangs: open 100 12.0 ms 15.0 ms 20.0 ms" in rows
    assert "hangs 16.5 s 20.0 s 25.0 s" in rows


@pytest.mark.parametrize("lossy", [replace(DRAIN, large=replace(SITE, last=None, missing=1)), None])
def test_a_gradebook_without_a_promised_score_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lossy: Drain | None
) -> None:
    drained = lossy or replace(DRAIN, small=replace(SMALL, last=None, missing=2))
    assert run(monkeypatch, Findings({}, drains=[drained])) == 1
    caught = capsys.readouterr()
    assert "does not show what was promised" in caught.err
    assert f"{1 if lossy else 2} missing" in caught.out


def test_a_return_after_which_something_stays_undelivered_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = replace(BREAKER, deaths=[replace(DEATH, drained=None)])
    assert run(monkeypatch, Findings({}, breaker=stuck)) == 1


def test_only_what_was_asked_for_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Scale, int, bool]] = []

    def measure(scale: Scale, *, courses: int, small: bool) -> Drain:
        asked.append((scale, courses, small))
        return DRAIN

    monkeypatch.setattr(drain, "measure", measure)
    assert command.main(["--only", "drain", "--outcomes", "2000", "--every", "60"]) == 0
    assert [(scale.outcomes, scale.every, courses, small) for scale, courses, small in asked] == [
        (2000, 60.0, 1, False),
        (2000, 60.0, 200, True),
    ]


@pytest.mark.parametrize("words", [["--outcomes", "9"], ["--outcomes", "5001"], ["--every", "61"], ["--every", "x"]])
def test_sizes_out_of_bounds_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(words)


def test_of_a_hundred_waits_the_95th_counts() -> None:
    assert waits([float(second) for second in range(100, 0, -1)]) == Waits(100, 50.5, 95.0, 100.0)
    assert waits([2.0]) == Waits(1, 2.0, 2.0, 2.0)


def test_no_waits_are_no_number() -> None:
    with pytest.raises(ValueError, match="nobody waited"):
        waits([])
