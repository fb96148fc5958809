"""The page on commands is what the commands say of themselves."""

import pytest

from .command_reference import MARK, PAGE, page, reference
from .pages import read


def test_the_page_is_what_the_commands_say() -> None:
    written = read("docs/commands.md")
    assert page(written) == written, "write it anew: .venv/bin/python tests/unit/docs/command_reference.py"


def test_every_noun_and_verb_is_there() -> None:
    headings = [line for line in reference().splitlines() if line.startswith("## ")]
    assert {"## passback serve", "## passback mapping import", "## passback delivery show"} <= set(headings)
    assert all("`--json`" in section for section in reference().split("## ")[1:])


def test_a_page_without_the_mark_is_not_overwritten() -> None:
    with pytest.raises(ValueError, match="no line"):
        page(PAGE.read_text().replace(MARK, ""))
