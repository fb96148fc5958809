import io
import sys

import pytest

from passback.output import Facts, Output, Table, View, Words


class Terminal(io.StringIO):
    """A standard output that somebody looks at."""

    def isatty(self) -> bool:
        return True


VIEWS: list[View] = [
    Table(("name", "state"), [("one \x1b[2J", "ok"), ("[bold]two[/bold]", "failed")]),
    Table(("name",), [], empty="Nothing yet."),
    Facts([("key", "value")]),
    Words("All is well.", "green"),
]


def at_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal in place; called by the test itself, since pytest changes the streams after the fixtures."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setattr(sys, "stderr", shown)
    return shown


def test_people_at_a_terminal_get_colours_and_texts_are_shown_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_terminal(monkeypatch)
    Output().show({}, *VIEWS)
    shown = terminal.getvalue()
    assert "\x1b[32mok" in shown
    assert "\x1b[31mfailed" in shown
    assert "one \\x1b[2J" in shown
    assert "[bold]two[/bold]" in shown
    assert "Nothing yet." in shown
    assert "value" in shown


def test_messages_are_shown_in_their_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = at_terminal(monkeypatch)
    Output().note("passback: no", style="red")
    assert terminal.getvalue() == "\x1b[31mpassback: no\x1b[0m\n"


def test_piped_views_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    Output().show({}, *VIEWS)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "name              state"
    assert lines[2] == "[bold]two[/bold]  failed"
    assert lines[3:] == ["Nothing yet.", "key  value", "All is well."]


def test_json_mode_prints_one_line_and_no_view(capsys: pytest.CaptureFixture[str]) -> None:
    Output(json_mode=True).show({"text": "é\n"}, *VIEWS)
    assert capsys.readouterr().out == '{"text": "\\u00e9\\n"}\n'
