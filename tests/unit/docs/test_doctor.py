"""The page on the doctor names every mistake that it can name, and every check that it makes."""

import ast
import re

from chalicelib.lti13.token_request import SCOPES
from passback import key_checks, stage_checks
from passback.signature import explanation, search

from .pages import ROOT, plain, read, rows

PAGE = "docs/doctor.md"


def mistakes() -> set[str]:
    """Give the codes of all mistakes: first arguments of Mistake, and first of what becomes one."""
    found = set()
    for path in sorted((ROOT / "passback" / "signature").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named: ast.expr | None = None
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Mistake" and node.args:
                named = node.args[0]
            elif isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 3:
                named = node.value.elts[0]
            if isinstance(named, ast.Constant):
                found.add(str(named.value))
    return found | {"port", "scheme_and_port"}  # chosen between by an expression


def test_every_mistake_is_on_the_page_and_no_other() -> None:
    told = {code for row in rows(PAGE, "Code") for code in re.findall(r"`([a-z_0-9]+)`", row[0])}
    assert told == mistakes()
    assert len(told) >= 40


def test_every_check_is_on_the_page() -> None:
    told = [row[0].strip("`") for row in rows(PAGE, "Check")]
    assert told == [
        "settings",
        "table",
        "signing key",
        "key set",
        "PLATFORM: hosts",
        "PLATFORM: key",
        "PLATFORM: token",
        "PLATFORM: line item",
        "PLATFORM: result",
        "signed URL",
        "queues",
        "worker and schedule",
        "PLATFORM: clock",
    ]  # the order of test_cli_doctor, which runs them


def test_the_numbers_are_those_of_the_code() -> None:
    text = plain(read(PAGE))
    assert f"due for more than {stage_checks.OVERDUE // 60_000} minutes" in text
    assert f"waits for more than {stage_checks.TAKEN_WITHIN // 60_000} while" in text
    assert f"for more than {key_checks.CONFIRMED_WITHIN.days} days to be given" in text
    assert f"within {stage_checks.CLOCKS_APART} seconds" in text
    assert f"first {explanation.OTHER_TOOLS} other tools" in text
    assert search.MOST_MISTAKES == 3
    assert "up to three at once" in text
    assert len(SCOPES) == 3
    assert "for the three scopes" in text
