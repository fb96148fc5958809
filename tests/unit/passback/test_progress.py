import io
import sys

import pytest

from passback.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def moved_on(total: int) -> None:
    with progress("queueing", total) as advance:
        for _ in range(total):
            advance()


def test_a_terminal_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    moved_on(3)
    assert "queueing" in terminal.getvalue()
    assert "3/3" in terminal.getvalue()


@pytest.mark.parametrize(("stream", "total"), [(io.StringIO(), 3), (Terminal(), 1)])
def test_a_pipe_shows_nothing_and_neither_does_what_is_done_at_once(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, total: int
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    moved_on(total)
    assert stream.getvalue() == ""
