"""The page on settings names every variable that the code reads, with its default."""

import re

import pytest

from chalicelib.config import Settings
from passback.home import Home

from .pages import ROOT, read, rows

SOURCES = [ROOT / "app.py", ROOT / ".chalice" / "config.json", ROOT / "Makefile"]
SOURCES += [path for folder in ("chalicelib", "passback", "simulator") for path in (ROOT / folder).rglob("*.py")]
PAGE = "docs/settings.md"
TABLE = [row for row in rows(PAGE, "Variable") if len(row) == 3]


def named_in_code(prefix: str) -> set[str]:
    return {
        name
        for path in SOURCES
        for name in re.findall(rf"\b{prefix}_[A-Z][A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8"))
    }


def test_the_page_names_the_variables_of_the_code_and_no_others() -> None:
    assert {row[0].strip("`") for row in TABLE} == named_in_code("PASSBACK")
    assert len(TABLE) == len({row[0] for row in TABLE})


def test_the_page_names_the_variables_of_aws() -> None:
    for name in named_in_code("AWS") - {"AWS_ENDPOINT_URL_"}:
        assert f"`{name}`" in read(PAGE), name


@pytest.mark.parametrize(
    ("variable", "setting"),
    [
        ("PASSBACK_STAGE", Settings().stage),
        ("PASSBACK_TABLE", Settings().table),
        ("PASSBACK_PAST_WINDOW", Settings().past_window),
        ("PASSBACK_FUTURE_WINDOW", Settings().future_window),
    ],
)
def test_a_default_is_the_one_of_the_code(variable: str, setting: str | int) -> None:
    assert next(row[1] for row in TABLE if row[0] == f"`{variable}`") == f"`{setting}`"
    assert Settings.from_environment({}) == Settings()


def test_the_local_stack_is_at_home_where_the_page_says() -> None:
    default = next(row[1] for row in TABLE if row[0] == "`PASSBACK_HOME`").strip("`")
    assert Home.from_environment({}) == Home.from_environment({"PASSBACK_HOME": default})


def test_a_variable_without_default_has_none() -> None:
    settings = Settings()
    assert (settings.public_urls, settings.key_file, settings.kms_key) == ((), None, None)
    without = {row[0].strip("`") for row in TABLE if row[1] == "(none)"}
    assert {"PASSBACK_PUBLIC_URLS", "PASSBACK_KEY_FILE", "PASSBACK_KMS_KEY"} <= without


def test_what_is_fixed_is_as_the_page_says() -> None:
    fixed = {row[0]: row[1] for row in rows(PAGE, "What")}
    assert (
        fixed["Time for everything done while a tool waits, platform calls included"]
        == f"{Settings().inline_budget:g} s"
    )
    assert fixed["How long a delivery owns its cell"] == f"{Settings().lease:g} s"
