"""Writes docs/command-failures.md from what the commands raise and print.

``.venv/bin/python tests/unit/docs/failure_reference.py`` writes it anew; a test says when that is due.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "command-failures.md"
RAISED = ("CommandFailed", "Failure")
USUAL_STATUS = 1
ANYTHING = "…"

_HEAD = """# When a command fails

Every code with which a command of `passback` ends that did not do what was asked, with its sentences. With `--json`
it is `{"error": {"code": ..., "message": ...}}`; scripts go by the code, which stays, and people by the message, which
may be put better.

This page is written by a program from the code (`tests/unit/docs/failure_reference.py`). In the sentences … stands for
what is known then. The exit status is 1 where nothing else is said. `passback send` ends with the code that the tool
was told ([every answer](answers.md)), or `not_successful`.

| Code | Sentences |
| --- | --- |
"""


@dataclass(frozen=True, order=True)
class Told:
    """One failure, as it is written in the code."""

    code: str
    message: str
    status: str


def page() -> str:
    """Return the whole page."""
    codes: dict[str, list[str]] = {}
    for told in sorted(set(failures())):
        status = "" if told.status == str(USUAL_STATUS) else f" (exit status {told.status})"
        codes.setdefault(told.code, []).append(f"{told.message}{status}")
    rows = [f"| `{code}` | {'<br>'.join(map(_cell, _telling(messages)))} |" for code, messages in codes.items()]
    return _HEAD + "\n".join(rows) + "\n"


def _telling(messages: list[str]) -> list[str]:
    """Leave out what says nothing, unless it is all there is: some sentences are put together elsewhere."""
    return [message for message in messages if set(message) - set(f"{ANYTHING} .:()")] or [ANYTHING]


def failures() -> Iterator[Told]:
    """Give every failure that is written in the command line's code, with what is said in it literally."""
    for path in sorted((ROOT / "passback").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED:
                yield from _raised(node)
            elif isinstance(node, ast.Dict):
                yield from _printed(node)


def _raised(call: ast.Call) -> Iterator[Told]:
    """Read ``CommandFailed(code, message, status)``; a code that is handed on stands where it was given."""
    if len(call.args) < 2 or not isinstance(call.args[0], ast.Constant):
        return
    status = _text(call.args[2]) if len(call.args) > 2 else str(USUAL_STATUS)
    yield Told(str(call.args[0].value), _text(call.args[1]), status)


def _printed(document: ast.Dict) -> Iterator[Told]:
    """Read ``{"code": ..., "message": ...}``."""
    members = {key.value: value for key, value in zip(document.keys, document.values, strict=True)
               if isinstance(key, ast.Constant)}  # fmt: skip
    if members.keys() == {"code", "message"} and isinstance(members["code"], ast.Constant):
        yield Told(str(members["code"].value), _text(members["message"]), str(USUAL_STATUS))


def _text(node: ast.expr) -> str:
    match node:
        case ast.Constant():
            return str(node.value)
        case ast.JoinedStr():
            return "".join(_text(part) for part in node.values)
        case _:
            return ANYTHING


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
