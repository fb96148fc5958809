"""The pages of this project, and what can be picked out of them: links, code, tables, commands."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = [path for path in (ROOT / "README.md", *sorted(DOCS.rglob("*.md"))) if path.exists()]
NAMES = [str(path.relative_to(ROOT)) for path in PAGES]

_FENCE = re.compile(r"^```(?P<kind>[a-z]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<!`)`(?!`)([^`]+)`(?!`)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)


@cache
def read(name: str) -> str:
    """Return a page by its path from the root."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str, kind: str) -> list[str]:
    """Return the fenced blocks of one kind (``sh``, ``csv``)."""
    return [match["body"] for match in _FENCE.finditer(read(name)) if match["kind"] == kind]


def inline_code(name: str) -> list[str]:
    """Return what stands between single backticks in the text, line breaks made blanks."""
    return [" ".join(code.split()) for code in _INLINE.findall(_FENCE.sub("", read(name)))]


def links(name: str) -> list[str]:
    """Return the targets of a page's links."""
    return _LINK.findall(_INLINE.sub("", _FENCE.sub("", read(name))))


def anchors(name: str) -> set[str]:
    """Return the anchors that a page's headings make."""
    return {_anchor(heading) for heading in _HEADING.findall(_FENCE.sub("", read(name)))}


def rows(name: str, first_cell: str) -> Iterator[list[str]]:
    """Give the rows of every table whose head begins with ``first_cell``; cells without the blanks round them."""
    inside = False
    for line in read(name).splitlines():
        if not line.startswith("|"):
            inside = False
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells[0] == first_cell:
            inside = True
        elif inside and set(cells[0]) - set("-: "):
            yield cells


def shell_commands(name: str) -> list[str]:
    """Return the commands of a page's ``sh`` blocks, a continued one as one line."""
    joined = [re.sub(r"\\\n\s*", " ", block) for block in blocks(name, "sh")]
    return [line.strip() for block in joined for line in block.splitlines() if line.strip()]


def plain(text: str) -> str:
    """Return a text with its runs of blanks and line breaks made one blank."""
    return " ".join(text.split())


def _anchor(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return kept.strip().replace(" ", "-")
