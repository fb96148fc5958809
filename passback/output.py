"""What a command prints: one JSON document for scripts; tables and colours for people; plain text when piped."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from passback.layout import BETWEEN, fits, least_width, record, stacked, wrapped

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under column heads. ``empty`` is the sentence that stands for a table without rows.

    ``widths`` are those that the columns of plain text are wrapped to, where lines would be too long; 0: as wide as it
    is. On a terminal its own width counts.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str = "Nothing here."
    widths: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, one a line."""

    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Words:
    """One paragraph. ``style`` is a rich style name, used on a terminal only."""

    text: str
    style: str = ""


View = Table | Facts | Words


@dataclass(slots=True)
class Output:
    """Where results and messages go. ``json_mode`` is set by ``--json``."""

    json_mode: bool = False
    _consoles: "dict[bool, Console]" = field(default_factory=dict)

    def show(self, document: Mapping[str, Any], *views: View) -> None:
        """Print a command's result: the document in JSON mode, the views otherwise."""
        if self.json_mode:
            self.document(document)
            return
        for view in views:
            if sys.stdout.isatty():
                self._show_on_terminal(view)
            else:
                sys.stdout.write(plain(view))
        sys.stdout.flush()

    def document(self, document: Mapping[str, Any]) -> None:
        """Print one JSON document on one line. Exact decimals and instants are written as strings."""
        sys.stdout.write(json.dumps(document, default=str) + "\n")
        sys.stdout.flush()

    def note(self, message: str, style: str = "dim") -> None:
        """Tell a person something on standard error; never part of the result."""
        if sys.stderr.isatty():
            from rich.text import Text

            self._console(errors=True).print(Text(visible(message), style=style))
        else:
            sys.stderr.write(visible(message) + "\n")
            sys.stderr.flush()

    def _show_on_terminal(self, view: View) -> None:
        from rich.text import Text

        console = self._console(errors=False)
        if isinstance(view, Words):
            console.print(Text(visible(view.text), style=view.style), soft_wrap=True)
        elif isinstance(view, Facts):
            for name, value in view.pairs:
                said = wrapped(visible(value), console.width, before=len(name) + 2)
                console.print(Text.assemble((f"{name}  ", "bold"), _coloured(said)), soft_wrap=True)
        elif not view.rows:
            console.print(Text(view.empty, style="dim"))
        else:
            self._show_table(view.columns, [[visible(cell) for cell in row] for row in view.rows])

    def _show_table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        from rich.table import Table as RichTable

        console = self._console(errors=False)
        if not fits(columns, rows, console.width):
            self._show_records(columns, rows)
            return
        table = RichTable(header_style="bold", box=None, pad_edge=False, padding=(0, BETWEEN, 0, 0))
        for at, column in enumerate(columns):
            one_word = not any(" " in row[at] for row in rows)
            table.add_column(column, no_wrap=one_word, min_width=least_width(column, [row[at] for row in rows]))
        for row in rows:
            table.add_row(*map(_coloured, row))
        console.print(table)

    def _show_records(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        from rich.text import Text

        console = self._console(errors=False)
        for row in rows:
            for number, line in enumerate(record(columns, row, console.width)):
                shown = Text("  " if number else "")
                for at, (head, text) in enumerate(line):
                    shown.append("  " if at else "").append(f"{head} " if head else "", "bold")
                    shown.append_text(_coloured(wrapped(text, console.width, before=len(shown))))
                console.print(shown, soft_wrap=True)

    def _console(self, *, errors: bool) -> "Console":
        if errors not in self._consoles:
            from rich.console import Console

            self._consoles[errors] = Console(stderr=errors, highlight=False)
        return self._consoles[errors]


COLOURS = {
    "ok": "green",
    "delivered": "green",
    "success": "green",
    "same": "green",
    "yes": "green",
    "accepted": "cyan",
    "queued": "cyan",
    "waiting": "yellow",
    "parked": "yellow",
    "held": "yellow",
    "superseded": "yellow",
    "refused": "red",
    "failed": "red",
    "failure": "red",
    "different": "red",
}


def _coloured(cell: str) -> Any:
    from rich.text import Text

    return Text(cell, style=COLOURS.get(cell, ""))


def visible(text: str) -> str:
    r"""Show control characters as ``\x1b`` and the like: words from outside must not drive a terminal."""
    return "".join(
        character if character.isprintable() or character == "\n" else ascii(character)[1:-1] for character in text
    )


def plain(view: View) -> str:
    """Write a view without colours, boxes or tabs: columns two blanks apart, for ``less``, ``grep`` and mail."""
    if isinstance(view, Words):
        return visible(view.text) + "\n"
    if isinstance(view, Facts):
        rows = [[name, visible(value)] for name, value in view.pairs]
    elif not view.rows:
        return view.empty + "\n"
    else:
        rows = [list(view.columns), *([visible(cell) for cell in row] for row in view.rows)]
        if view.widths:
            rows = [line for row in rows for line in stacked(row, view.widths)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "".join(line + "\n" for line in lines)
