"""The rules are pure: they can be read, tested and run without a framework, AWS or a network."""

import subprocess
import sys
from pathlib import Path

import pytest

import chalicelib.translation

MODULES = sorted(path.stem for path in Path(chalicelib.translation.__path__[0]).glob("[!_]*.py"))


def imported_with(modules: list[str]) -> set[str]:
    """Import modules in a fresh interpreter and return the top-level names of all that came along."""
    imports = "; ".join(f"import {module}" for module in modules)
    program = f"import sys; {imports}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    root = Path(chalicelib.translation.__path__[0]).parents[1]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    return set(done.stdout.split())


@pytest.mark.parametrize("package", [*(f"chalicelib.translation.{name}" for name in MODULES)])
def test_a_rule_brings_no_framework_no_aws_and_no_http_client(package: str) -> None:
    names = imported_with([package])
    assert "chalicelib" in names
    assert names.isdisjoint({"chalice", "boto3", "botocore", "httpx", "requests", "urllib3", "lxml", "jwt"})


def test_the_rules_are_all_looked_at() -> None:
    assert {"answers", "comparison", "plan", "posts", "reading", "refusals", "steps"} <= set(MODULES)


def test_a_framework_would_be_noticed() -> None:
    assert "httpx" in imported_with(["httpx"])
