"""The log of the local stack: the same lines as on AWS, each with its time, which CloudWatch adds by itself."""

import logging
from datetime import UTC, datetime

from chalicelib import telemetry
from chalicelib.clock import to_iso


class TimedLines(logging.Formatter):
    """Puts the time first into a line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one line."""
        line = record.getMessage()
        if not line.startswith('{"'):
            return line
        return f'{{"time": "{to_iso(datetime.fromtimestamp(record.created, UTC))}", {line[1:]}'


def start() -> None:
    """Send events to standard error, each with its time."""
    telemetry.start()
    for handler in logging.getLogger(telemetry.LOGGER).handlers:
        handler.setFormatter(TimedLines())
