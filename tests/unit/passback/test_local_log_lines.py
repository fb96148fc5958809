"""Each line of the local log has its time."""

import json
import logging

from passback.local.log_lines import TimedLines


def line(message: str) -> str:
    record = logging.LogRecord("passback.events", logging.INFO, "here", 1, message, None, None)
    record.created = 1_770_113_730.1234
    return TimedLines().format(record)


def test_the_time_comes_first_and_the_line_stays_json() -> None:
    read = json.loads(line('{"event": "worked", "delivery": "d1"}'))
    assert list(read.items()) == [("time", "2026-02-03T10:15:30.123Z"), ("event", "worked"), ("delivery", "d1")]


def test_what_is_no_json_stays_as_it_is() -> None:
    assert line("{}") == "{}"
    assert line("a warning") == "a warning"
