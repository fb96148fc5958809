"""Writes docs/errors.md from the remedies.

``.venv/bin/python tests/unit/docs/error_reference.py`` writes it anew; a test says when that is due.
"""

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from passback.remedies import CHAPTERS, Remedy, Retry, Sign
from passback.remedies.general import BY_CODE, BY_KIND, BY_STATE
from passback.remedies.model import CANVAS, MOODLE

PAGE = Path(__file__).parents[3] / "docs" / "errors.md"

_HEAD = """# Why a grade did not arrive, and what to do

For the operator of Passback. Every failure that a delivery can end with, and every loss that an arrived one can carry:
what it means at the platform, and what an administrator does about it. `passback delivery show ID` tells the whole
story of one delivery; this page is for looking up what it, or somebody, quotes. What a *tool* is told stands in
[every answer](answers.md).

This page is written by a program from the data of `passback/remedies/` (`tests/unit/docs/error_reference.py`).

In the first column `...` stands for anything. Where several entries fit, the special one counts before the general one.
The last column says what is to be done with the delivery itself:
"""

_SHORT = {
    Retry.RETRY: "retry",
    Retry.RESEND: "send again",
    Retry.FORCE: "force",
    Retry.WAIT: "wait",
    Retry.NONE: "nothing",
}


def page() -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_sentences(), *(line for title in CHAPTERS for line in _chapter(title))])


def _sentences() -> list[str]:
    rows = [f"| {_SHORT[each]} | {each.value} |" for each in Retry]
    return ["| Delivery | Meaning |", "| --- | --- |", *rows, ""]


def _chapter(title: str) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| What is said | What it means | What to do | Delivery |"
    yield "| --- | --- | --- | --- |"
    for each in CHAPTERS[title]:
        said = _said(each) + _platform(each.sign, title)
        yield f"| {_cell(said)} | {_cell(each.cause)} | {_cell(each.remedy)} | {_SHORT[each.retry]} |"
    yield ""


def _said(remedy: Remedy) -> str:
    """Return by what an entry is known."""
    sign = remedy.sign
    texts = [f"`{text}`" for text in (*sign.says, *sign.told)] + _by_status(sign)
    return ", ".join(texts or _by_what_is_left(remedy))


def _by_status(sign: Sign) -> list[str]:
    statuses = ", ".join(f"{status} {HTTPStatus(status).phrase}" for status in sorted(sign.statuses))
    if sign.any_words:
        return [f"whatever else comes with {statuses}"]
    return [f"{statuses} without any words"] if sign.wordless else []


def _by_what_is_left(remedy: Remedy) -> list[str]:
    return [
        *(f"kind `{kind}`" for kind, each in BY_KIND.items() if each is remedy),
        *(f"code `{code}`" for code, each in BY_CODE.items() if each is remedy),
        *(f"state `{state}`" for state, each in BY_STATE.items() if each is remedy),
    ]


def _platform(sign: Sign, title: str) -> str:
    """Name the platform that an entry is for, where the chapter does not."""
    names = {CANVAS: "Canvas", MOODLE: "Moodle"}
    name = names.get(sign.profiles, "")
    return f" ({name})" if name and not title.startswith(name) else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
