"""Generated sequences of outcomes, teachers grading and time passing: nothing differs but what is named."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from stage import open_stage

from differential.generated import ENDS_THE_COMPARISON, HAPPENINGS, POINTS
from differential.judge import live_through
from differential.twins import Happening, twins


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sequences")


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(happenings=HAPPENINGS, points=POINTS)
def test_any_sequence_ends_in_the_same_gradebook(folder: Path, happenings: list[Happening], points: float) -> None:
    with open_stage(folder) as stage:
        live_through(twins(stage, points=points), happenings, ending=ENDS_THE_COMPARISON)
