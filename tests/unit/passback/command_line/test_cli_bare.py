"""A command line without a command is a question, not a mistake."""

import pytest

from command_line.running import Operator


@pytest.mark.parametrize(("words", "listed"), [((), "doctor"), (("delivery",), "retry")])
def test_what_there_is_is_said_without_a_reproach(operator: Operator, words: tuple[str, ...], listed: str) -> None:
    result = operator.run(*words)
    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")
    assert listed in result.stderr
    assert "See `" not in result.stderr.splitlines()[-1]
