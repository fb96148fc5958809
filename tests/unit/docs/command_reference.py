"""Writes the reference part of docs/commands.md from what the commands say of themselves.

``.venv/bin/python tests/unit/docs/command_reference.py`` writes it anew; a test says when that is due.
"""

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from passback.cli import cli

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"
MARK = "<!-- From here on written by tests/unit/docs/command_reference.py -->\n"


def reference() -> str:
    """Return the sections of all commands."""
    context = click.Context(cli, info_name="passback")
    return "\n".join(section for command in _commands(cli, context) for section in command)


def page(before: str) -> str:
    """Return a page with its reference part written anew."""
    introduction, mark, _ = before.partition(MARK)
    if not mark:
        raise ValueError(f"the page has no line {MARK!r}")
    return f"{introduction}{MARK}\n{reference()}"


def _commands(group: click.Group, context: click.Context) -> Iterator[list[str]]:
    for name in group.list_commands(context):
        command = group.commands[name]
        below = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from _commands(command, below)
        else:
            yield _section(command, below)


def _section(command: click.Command, context: click.Context) -> list[str]:
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    text = inspect.cleandoc(command.help or "")
    lines = [
        f"## {context.command_path}\n",
        f"```\n{usage}\n```\n",
        text + "\n",
        "| Option | Meaning |",
        "| --- | --- |",
    ]
    options = [each for each in command.params if isinstance(each, click.Option)]  # without --help
    records = [option.get_help_record(context) for option in options]
    lines += [f"| `{_cell(names)}` | {_cell(meaning)} |" for names, meaning in filter(None, records)]
    return [*lines, ""]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
