"""A stage for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from stage import Stage, open_stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path) as open_one:
        yield open_one
