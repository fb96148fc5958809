"""Log lines: they arrive, they hold what they should, and no value of a traceback."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib import telemetry

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    logger = logging.getLogger(telemetry.LOGGER)
    kept, level, logger.handlers = logger.handlers, logger.level, []
    stream = io.StringIO()
    telemetry.start(stream)
    yield stream
    logger.handlers = kept
    logger.setLevel(level)


def test_events_reach_standard_error_beside_chalices_own_logger() -> None:
    """Chalice takes the logger that is named like the app, and shows errors only."""
    code = "import app; from chalicelib import telemetry; telemetry.start(); telemetry.event('outcome', reference='1')"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(ran.stderr) == {"event": "outcome", "reference": "1"}


def test_an_event_is_one_line_of_json_without_what_is_not_known(lines: io.StringIO) -> None:
    telemetry.event("outcome", reference="17", why=None, code="failure\nor not")
    assert json.loads(lines.getvalue()) == {"event": "outcome", "reference": "17", "code": "failure\nor not"}
    assert lines.getvalue().count("\n") == 1


def test_a_failure_names_places_and_type_but_no_value(lines: io.StringIO) -> None:
    def breaks(secret: str) -> None:
        raise ValueError(f"cannot use {secret}")

    try:
        breaks("hush")
    except ValueError as error:
        telemetry.failure("broken", error, reference="17")
    line = json.loads(lines.getvalue())
    assert (line["event"], line["error"], line["reference"]) == ("broken", "ValueError", "17")
    assert any("test_telemetry.py" in place and "breaks" in place for place in line["at"])
    assert "hush" not in lines.getvalue()


def test_starting_twice_writes_each_line_once(lines: io.StringIO) -> None:
    telemetry.start(lines)
    telemetry.event("outcome")
    assert lines.getvalue().count("\n") == 1
