"""Mapping files, read as a stream: CSV with a header, or JSON Lines. What cannot be read is a record with a reason.

A bad record stops nothing: lines are decoded one by one, and a quote that is never closed costs its own line only.
"""

import codecs
import csv
import json
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from passback.failures import CommandFailed
from passback.parameters import is_whole_text

REQUIRED = ("consumer_key", "sourcedid", "platform", "line_item", "user_id")
OPTIONAL = ("submitted", "context")
COLUMNS = (*REQUIRED, *OPTIONAL)

_LONGEST_LINE = 256 * 1024
_LONGEST_RECORD = 100
"""Lines that one quoted record may span before its quote counts as never closed."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a file: its first line's number, its text, and its fields, or the ``reason`` it has none."""

    line: int
    text: str
    fields: dict[str, str]
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str
    too_long: bool


def read_records(file: BinaryIO) -> Iterator[Record]:
    """Read a mapping file, record by record; its content says whether it is CSV or JSON Lines.

    Raises
    ------
    CommandFailed
        If the file as a whole is of no use: empty, UTF-16, a JSON array, or a header with wrong columns.
    """
    lines = _Lines(file)
    first = lines.take()
    while first is not None and not first.text.strip():
        first = lines.take()
    if first is None:
        raise CommandFailed("empty_file", f"The file is empty; it needs a header line with {', '.join(REQUIRED)}.")
    if first.text.startswith(("\udcff\udcfe", "\udcfe\udcff")):
        raise CommandFailed("bad_file", "The file is UTF-16; save it as CSV in UTF-8 and import that.")
    if first.text.lstrip().startswith("["):
        raise CommandFailed("bad_file", "The file is a JSON array; write one JSON object a line instead (JSON Lines).")
    if first.text.lstrip().startswith("{"):
        lines.give_back([first])
        return _json_records(lines)
    return _csv_records(lines, first)


class _Lines:
    """A file's lines, numbered from 1, decoded as UTF-8; bytes that are none come as lone surrogates."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._number = 0
        self._given_back: deque[_Line] = deque()

    def take(self) -> _Line | None:
        """Return the next line with its line end; None after the last one."""
        if self._given_back:
            return self._given_back.popleft()
        content = self._file.readline(_LONGEST_LINE)
        if not content:
            return None
        self._number += 1
        too_long = self._skip_rest(content)
        if self._number == 1:
            content = content.removeprefix(codecs.BOM_UTF8)
        return _Line(self._number, content.decode("utf-8", "surrogateescape"), too_long)

    def give_back(self, lines: Sequence[_Line]) -> None:
        """Return lines that were taken, to be taken again."""
        self._given_back.extendleft(reversed(lines))

    def _skip_rest(self, content: bytes) -> bool:
        too_long = False
        while len(content) >= _LONGEST_LINE and not content.endswith(b"\n"):
            too_long = True
            content = self._file.readline(_LONGEST_LINE)
        return too_long


def _unreadable(line: _Line, reason: str) -> Record:
    return Record(line.number, line.text.rstrip("\r\n"), {}, reason)


def _csv_records(lines: _Lines, header: _Line) -> Iterator[Record]:
    delimiter = max(",;\t", key=header.text.count)
    names = [name.strip().lower() for name in next(csv.reader([header.text], delimiter=delimiter), [])]
    _check_columns(names)

    def records() -> Iterator[Record]:
        while (line := lines.take()) is not None:
            if line.text.strip():
                yield _csv_record(lines, line, names, delimiter)

    return records()


def _check_columns(names: Sequence[str]) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    if unknown:
        raise CommandFailed(
            "unknown_columns",
            f"The file has columns that mean nothing here: {', '.join(map(repr, unknown))}. "
            f"The columns are {', '.join(REQUIRED)} and, if you like, {', '.join(OPTIONAL)}.",
        )
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise CommandFailed("missing_columns", f"The file's header lacks {', '.join(missing)}.")
    if len(set(names)) < len(names):
        raise CommandFailed("repeated_columns", "The file's header names a column twice.")


def _csv_record(lines: _Lines, first: _Line, names: Sequence[str], delimiter: str) -> Record:
    if first.too_long:
        return _unreadable(first, "the line is too long")
    taken = [first]

    def feed() -> Iterator[str]:
        yield first.text
        while len(taken) < _LONGEST_RECORD and (line := lines.take()) is not None:
            taken.append(line)
            yield line.text

    try:
        values = next(csv.reader(feed(), delimiter=delimiter, strict=True))
    except csv.Error as error:
        lines.give_back(taken[1:])
        return _unreadable(first, f"its quotes do not match ({error})")
    text = "".join(line.text for line in taken).rstrip("\r\n")
    if any(line.too_long for line in taken):
        return Record(first.number, text, {}, "the line is too long")
    if not is_whole_text(text):
        return Record(first.number, text, {}, "it is not UTF-8")
    if len(values) != len(names):
        return Record(first.number, text, {}, f"it has {len(values)} columns, the header has {len(names)}")
    return Record(first.number, text, dict(zip(names, values, strict=True)))


def _json_records(lines: _Lines) -> Iterator[Record]:
    while (line := lines.take()) is not None:
        if line.text.strip():
            yield _json_record(line)


def _json_record(line: _Line) -> Record:
    if line.too_long:
        return _unreadable(line, "the line is too long")
    if not is_whole_text(line.text):
        return _unreadable(line, "it is not UTF-8")
    try:
        value = json.loads(line.text)
    except (ValueError, RecursionError):
        return _unreadable(line, "it is not JSON")
    if not isinstance(value, dict):
        return _unreadable(line, "it is no JSON object")
    unknown = [name for name in value if name not in COLUMNS]
    if unknown:
        return _unreadable(line, f"it has names that mean nothing here: {', '.join(map(ascii, unknown))}")
    missing = [name for name in REQUIRED if name not in value]
    if missing:
        return _unreadable(line, f"it lacks {', '.join(missing)}")
    return _with_texts(line, value)


def _with_texts(line: _Line, value: dict[str, Any]) -> Record:
    fields = {}
    for name, content in value.items():
        text = _text(name, content)
        if text is None:
            return _unreadable(line, f"{name} is no text")
        if not is_whole_text(text):
            return _unreadable(line, f"{name} holds half a character")
        fields[name] = text
    return Record(line.number, line.text.rstrip("\r\n"), fields)


def _text(name: str, content: object) -> str | None:
    if isinstance(content, str):
        return content
    if name == "submitted" and isinstance(content, bool):
        return "yes" if content else "no"
    if name in OPTIONAL and content is None:
        return ""
    # Numeric Canvas user ids are often exported as numbers.
    if name == "user_id" and isinstance(content, int) and not isinstance(content, bool):
        return str(content)
    return None
