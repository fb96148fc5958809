"""What the app logs during a test."""

from collections.abc import Iterator

import pytest

from .doors import LogLines, log_lines


@pytest.fixture
def log() -> Iterator[LogLines]:
    with log_lines() as lines:
        yield lines
