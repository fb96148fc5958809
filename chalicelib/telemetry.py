"""One line of JSON per thing worth knowing. Never a secret, a token, a signature or a whole sourcedid."""

import json
import logging
import sys
from typing import TextIO

LOGGER = "passback.events"
"""Not the app's own name: Chalice sets up a logger of that name for itself, which drops everything below errors."""

_logger = logging.getLogger(LOGGER)


def event(name: str, **fields: str | float | bool | None) -> None:
    """Write one event; fields that are None are left out."""
    line = {"event": name} | {key: value for key, value in fields.items() if value is not None}
    _logger.info(json.dumps(line, ensure_ascii=True))


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


def start(stream: TextIO = sys.stderr) -> None:
    """Send events to a stream, once; Lambda collects standard error."""
    if not _logger.handlers:
        handler = logging.StreamHandler(stream)
        handler.setFormatter(logging.Formatter("%(message)s"))
        _logger.addHandler(handler)
        _logger.setLevel(logging.INFO)
        _logger.propagate = False
