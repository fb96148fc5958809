"""One line of JSON per thing worth knowing. Never a secret, a token, a signature or a whole sourcedid.

What events tell is counted as well: see ``metrics``.
"""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from chalicelib import metrics

LOGGER = "passback.events"
"""Not the app's own name: Chalice sets up a logger of that name for itself, which drops everything below errors."""

_logger = logging.getLogger(LOGGER)
_stage = "dev"


def event(name: str, **fields: str | float | bool | None) -> None:
    """Write one event; fields that are None are left out."""
    line = {"event": name} | {key: value for key, value in fields.items() if value is not None}
    _logger.info(json.dumps(line, ensure_ascii=True))
    metrics.add_event(name, line)


def failure(name: str, error: BaseException, **fields: str | float | bool | None) -> None:
    """Write an unexpected error with the place it came from: file, line and type, but no values."""
    places = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        places.append(f"{code.co_filename.rsplit('/', 2)[-1]}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    line = {"event": name, "error": type(error).__name__, "at": places[-8:]} | fields
    _logger.error(json.dumps(line, ensure_ascii=True))
    metrics.add_event(name, line)


@contextmanager
def measured(now: Callable[[], float] = time.time) -> Iterator[None]:
    """Write the metrics of one run of a function when it ends, however it ends: mostly one line, none if none."""
    with metrics.collected() as entries:
        try:
            yield
        finally:
            for line in metrics.lines(entries, _stage, int(now() * 1000)):
                _logger.info(line)


def name_stage(stage: str) -> None:
    """Say which stage metrics are of."""
    global _stage
    _stage = stage


def start(stream: TextIO = sys.stderr) -> None:
    """Send events to a stream, once; Lambda collects standard error."""
    if not _logger.handlers:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("%(message)s"))
        _logger.addHandler(handler)
        _logger.setLevel(logging.INFO)
        _logger.propagate = False
