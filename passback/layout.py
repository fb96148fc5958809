"""How a table is laid out where the terminal has an end: no text is broken but between words.

Ids, keys and URLs are there to be copied, so they are never broken. A table that has no room for them becomes records:
one a row, its texts with their column heads one behind the other.
"""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest

BETWEEN = 2
"""Blanks between two columns, and between two texts of a record."""
PROSE = 24
"""Columns that a longer text of several words needs to be read in."""
_INDENT = "  "


def fits(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> bool:
    """Tell whether a table can stand in this width with no text broken but between words."""
    needed = (least_width(head, [row[at] for row in rows]) for at, head in enumerate(columns))
    return sum(needed) + BETWEEN * (len(columns) - 1) <= width


def least_width(head: str, texts: Sequence[str]) -> int:
    """Return the width that a column needs at least."""
    return max(map(_least, (head, *texts)))


def _least(text: str) -> int:
    longest = max(map(len, text.split()), default=0)
    return max(longest, PROSE) if len(text) > PROSE and " " in text else max(longest, min(len(text), PROSE))


def record(columns: Sequence[str], row: Sequence[str], width: int) -> Iterator[list[tuple[str, str]]]:
    """Lay a row out as lines of (head, text), as many to a line as there is room for; what is not there is left out."""
    line: list[tuple[str, str]] = []
    for pair in zip(columns, row, strict=True):
        if pair[1] in {"", "-"}:
            continue
        if line and _length([*line, pair]) > width:
            yield line
            line = []
        line.append(pair)
    if line:
        yield line


def _length(line: Sequence[tuple[str, str]]) -> int:
    texts = (len(f"{head} {text}".strip()) for head, text in line)
    return len(_INDENT) + sum(texts) + BETWEEN * (len(line) - 1)


def wrapped(text: str, width: int, before: int = 0) -> str:
    """Break a text between words only; ``before``: what stands on its first line already. Further lines are indented.

    A text that has lines of its own stays as it is.
    """
    if "\n" in text or before + len(text) <= width:
        return text
    lines = textwrap.wrap(
        text,
        width,
        initial_indent=" " * min(before, width - 1),
        subsequent_indent=_INDENT * 2,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)[min(before, width - 1) :]


def stacked(row: Sequence[str], widths: Sequence[int]) -> list[list[str]]:
    """Make several rows of one whose texts are wider than their columns may be; 0: as wide as it is."""
    texts = (_broken(text, width) if width else [text] for text, width in zip(row, widths, strict=True))
    return [list(line) for line in zip_longest(*texts, fillvalue="")]


def _broken(text: str, width: int) -> list[str]:
    lines = (textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False) for line in text.splitlines())
    return [part for line in lines for part in line]
