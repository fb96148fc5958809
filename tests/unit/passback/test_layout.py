"""Tables and facts on terminals of several widths: what is there to be copied is never broken."""

import re

import pytest
from test_output import at_terminal

from passback.layout import fits, record, wrapped
from passback.output import Facts, Output, Table, plain

KID = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
ID = "019ab0f5c4d2-0123456789abcdef"
DELIVERIES = Table(
    ("id", "received", "tool", "platform", "user", "operation", "state", "due", "what is known"),
    [
        (
            ID,
            "2026-11-23T09:00:00.000Z",
            "quiz-tool",
            "campus",
            "42",
            "replaceResult",
            "refused",
            "",
            "no such user " * 9,
        ),
        (ID, "2026-11-23T09:00:00.000Z", "quiz-tool", "campus", "-", "replaceResult", "waiting", "since 2 h", ""),
    ],
)
KEYS = Table(
    ("key id", "state", "made", "signs from", "in the key set until"),
    [(KID, "in use", "2026-11-23T09:00:00.000Z", "-", "2026-11-23T09:00:00.000Z")],
)
LATEST = Table(
    ("received", "id", "tool", "platform", "state", "what is known"),
    [("2 min ago", ID, "quiz-tool", "campus", "refused", "The platform does not know this student (any more).")],
)


def shown(monkeypatch: pytest.MonkeyPatch, width: int, view: Table | Facts) -> list[str]:
    terminal = at_terminal(monkeypatch)
    monkeypatch.setenv("COLUMNS", str(width))
    Output().show({}, view)
    return re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).splitlines()


@pytest.mark.parametrize("width", [60, 80, 120, 200])
@pytest.mark.parametrize("table", [DELIVERIES, KEYS, LATEST], ids=["deliveries", "keys", "latest"])
def test_no_word_of_a_table_is_broken(monkeypatch: pytest.MonkeyPatch, width: int, table: Table) -> None:
    lines = shown(monkeypatch, width, table)
    assert max(map(len, lines)) <= width
    printed = " ".join(lines).split()
    for word in (word for row in table.rows for cell in row for word in cell.split() if word != "-"):
        assert word in printed


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_word_of_a_fact_is_broken(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    lines = shown(monkeypatch, width, Facts([("undelivered", f"2: 1 queued, 1 waiting; the oldest is here ({ID})")]))
    assert max(map(len, lines)) <= width
    assert f"({ID})" in " ".join(lines).split()


def test_a_table_with_room_has_columns_and_a_narrow_one_names_each_text(monkeypatch: pytest.MonkeyPatch) -> None:
    wide, narrow = shown(monkeypatch, 200, KEYS), shown(monkeypatch, 80, KEYS)
    assert wide[0].split() == ["key", "id", "state", "made", "signs", "from", "in", "the", "key", "set", "until"]
    assert narrow == [
        f"key id {KID}  state in use",
        "  made 2026-11-23T09:00:00.000Z  in the key set until 2026-11-23T09:00:00.000Z",
    ]


def test_what_does_not_fit_even_alone_stands_on_a_line_of_its_own() -> None:
    assert not fits(("a", "b"), [("x" * 30, "y")], 20)
    assert list(record(("a", "b"), ("x" * 30, "y"), 20)) == [[("a", "x" * 30)], [("b", "y")]]


def test_texts_with_lines_of_their_own_stay_as_they_are() -> None:
    assert wrapped("one two\nthree four", 5) == "one two\nthree four"
    assert wrapped("one two three", 9, before=4) == "one\n    two\n    three"


def test_plain_columns_are_wrapped_to_the_widths_that_a_table_names() -> None:
    rows = [("read", "from what is stored"), ("a_word_that_is_long", "")]
    lines = plain(Table(("sent", "when it was back"), rows, widths=(6, 9))).splitlines()
    assert lines == [
        "sent                 when it",
        "                     was back",
        "read                 from what",
        "                     is stored",
        "a_word_that_is_long",
    ]
