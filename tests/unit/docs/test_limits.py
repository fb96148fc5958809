"""The page on limits has every limit of the code, with its number."""

import importlib
import inspect
import pkgutil
import re
from datetime import timedelta
from typing import Any

import pytest

import chalicelib
from bench.cost import UNITS
from chalicelib.storage.cells import DUE_LISTINGS

from .pages import plain, read, rows

PAGE = "docs/limits.md"
MEASURED = "docs/benchmarks.md"
ROWS = [row for row in rows(PAGE, "What") if len(row) == 4]
NAMED_AS_LIMITS = re.compile(r"(MOST|LONGEST|LARGEST|DEEPEST|KEPT)(_[A-Z_]+)?")
NO_LIMITS = {
    "chalicelib.delivery.awaiting.LONGEST": "imported",
    "chalicelib.lti11.form.LARGEST_FORM": "of the body, once more",
    "chalicelib.lti13.replies.DEEPEST": "how far words are looked for inside an answer",
    "chalicelib.delivery.queue.KEPT_OF_BODY": "part of LARGEST_DEAD_LETTER",
    "chalicelib.delivery.queue.KEPT_OF_REASON": "part of LARGEST_DEAD_LETTER",
    "chalicelib.delivery.gate.KEPT_FOR": "a cache of seconds, not a limit",
    "chalicelib.storage.deliveries.KEPT_DAYS": "KEPT_STORY, in days",
    "chalicelib.storage.deliveries.KEPT": "a name",
}
"""Named like limits, and why they are not on the page."""

_UNITS = {
    "KiB": 1024, "MiB": 1024**2, "bytes": 1, "characters": 1, "elements": 1,
    "s": 1, "min": 60, "hour": 3600, "hours": 3600, "day": 86_400, "days": 86_400,
}  # fmt: skip
_TIMES = {"s", "min", "hour", "hours", "day", "days"}


def value_of(name: str) -> Any:
    """Find a constant, or the default of a setting, by its dotted name."""
    module, _, attribute = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError:
        module, _, kind = module.rpartition(".")
        return getattr(getattr(importlib.import_module(module), kind)(), attribute)


def is_so_much(told: str, value: Any) -> bool:
    """Compare what is told with a value of the code, whose times are seconds, milliseconds, or timedeltas."""
    number, _, unit = told.replace(",", "").partition(" ")
    amount = float(number) * _UNITS.get(unit or "bytes", 0)
    if unit in _TIMES:
        seconds = value.total_seconds() if isinstance(value, timedelta) else value
        return bool(amount > 0 and seconds in (amount, amount * 1000))
    return bool(amount > 0 and value == amount)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[3].strip("`").removeprefix("chalicelib."))
def test_a_limit_is_that_of_the_code(row: list[str]) -> None:
    value = value_of(row[3].strip("`"))
    assert is_so_much(row[1], value), f"{row[0]}: the page says {row[1]}, the code {value}"


def test_every_limit_of_the_code_is_on_the_page() -> None:
    """Whoever adds a limit tells it there, or says here why it is none."""
    told = {row[3].strip("`") for row in ROWS}
    assert len(told) == len(ROWS) > 50
    found = set()
    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        source = inspect.getsource(importlib.import_module(module.name))
        names = re.findall(r"^([A-Z][A-Z_]*)(?: *:.*?)? = ", source, re.MULTILINE)
        found |= {f"{module.name}.{name}" for name in names if NAMED_AS_LIMITS.fullmatch(name)}
    assert found - told - NO_LIMITS.keys() == set()


def test_a_number_of_another_size_or_kind_is_noticed() -> None:
    assert is_so_much("256 KiB", 262_144)
    assert is_so_much("5 min", 300_000)
    assert is_so_much("20 s", timedelta(seconds=20))
    assert not is_so_much("256 KiB", 256)
    assert not is_so_much("5 min", 5)
    assert not is_so_much("6 min", 300)


def test_the_speed_is_about_what_was_measured() -> None:
    """Measured anew, it may differ a little; by more than a third, the page has to say so."""
    measured = dict(
        re.findall(r"^\| \*\*2,000 outcomes, (one course|200 courses)\*\* .*\*\*(\d+) s\*\*", read(MEASURED), re.M)
    )
    told = re.search(
        r"about (\d+) outcomes a second of one course, and about (\d+) a second of many", plain(read(PAGE))
    )
    assert told is not None
    assert 2000 / float(measured["one course"]) == pytest.approx(float(told[1]), rel=0.34)
    assert 2000 / float(measured["200 courses"]) == pytest.approx(float(told[2]), rel=0.34)
    waits = re.search(r"are in after about (\d+) minutes, of many courses after about (\d+)", plain(read(PAGE)))
    assert waits is not None
    assert float(measured["one course"]) / 60 == pytest.approx(float(waits[1]), rel=0.34)
    assert float(measured["200 courses"]) / 60 == pytest.approx(float(waits[2]), rel=0.34)


def test_what_is_worked_out_of_them_is_right() -> None:
    text = plain(read(PAGE))
    assert f"for each of a platform's {DUE_LISTINGS} listings" in text
    score = UNITS["a score"]
    assert f"at [{score.writes} an outcome](cost.md) about {round(4000 / score.writes, -1):.0f} a second" in text
    assert "**about 250 outcomes a second**" in text
    assert "250 outcomes a second are 900,000 in an hour" in text
    assert round(20_000 / (15 * 60)) == 22
