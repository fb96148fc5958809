"""The command: what it prints and writes, and when it fails."""

import json
from pathlib import Path

import pytest

from bench import __main__ as command
from bench.peers import Peer
from bench.processes import FreshProcess, Memory
from bench.report import Findings, PlainFindings
from bench.samples import Figure
from bench.stages import STAGES
from bench.warm import Counts, WarmOutcome

ONE = Figure(0.001, 0.0005, 0.002)


def findings(counts: Counts) -> Findings:
    plain = PlainFindings(
        warm=WarmOutcome(counts, ONE, ONE, Figure(1.25, 1.2, 1.3), ONE, dict.fromkeys(STAGES, ONE)),
        peers=[Peer("pylti", ONE, None, None, ONE)],
        memory=Memory(None, None, None, None),
        fresh=FreshProcess(ONE, ONE, ONE, ONE, ONE, ONE, Figure(1.5, 1.4, 1.6)),
        imports={"chalicelib": 0.09},
    )
    return Findings(machine={"Python": "3.11"}, plain=plain)


@pytest.fixture(autouse=True)
def _no_signal_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_stop_in_time", lambda _longest: None)


def test_kept_limits_are_exit_code_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "_measure", lambda *_: findings(Counts(4, 1)))
    assert command.main([]) == 0


def test_a_fifth_table_request_is_exit_code_1_and_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "_measure", lambda *_: findings(Counts(5, 1)))
    assert command.main([]) == 1
    assert "more requests than it may" in capsys.readouterr().err


def test_the_report_shows_median_spread_and_ratio(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "_measure", lambda *_: findings(Counts(4, 1)))
    command.main([])
    printed = capsys.readouterr().out
    assert "1.00 ms  0.50-2.00" in printed
    assert "1.25     1.20-1.30" in printed


def test_what_cannot_be_measured_is_a_dash(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(command, "_measure", lambda *_: findings(Counts(4, 1)))
    command.main([])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["pylti", "1000", "µs", "-", "-", "1000", "µs", "500-2000"] in rows


def test_json_holds_seconds_and_the_verdict(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command, "_measure", lambda *_: findings(Counts(5, 1)))
    command.main(["--json", str(tmp_path / "bench.json")])
    written = json.loads((tmp_path / "bench.json").read_text())
    assert (written["plain"]["warm"]["whole"]["middle"], written["promises_kept"]) == (0.001, False)


def test_the_makefile_names_every_part() -> None:
    makefile = (Path(command.__file__).parents[1] / "Makefile").read_text("utf-8")
    (told,) = [line.partition("##")[2] for line in makefile.splitlines() if line.startswith("bench:")]
    assert [part for part in command.PARTS if part not in told] == []
