"""An engine for all images, and each image opened anew for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from engine import Engine, running_engine

from upgrade.afterwards import Found
from upgrade.engine_stage import client_of, stage_of
from upgrade.image import IMAGES, read

NAMES = sorted(folder.name for folder in IMAGES.iterdir() if folder.is_dir())


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running_engine(tmp_path_factory.mktemp("engine")) as running:
        yield running


@pytest.fixture(params=NAMES)
def found(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Iterator[Found]:
    """An image, as the present version finds it."""
    image = read(IMAGES / request.param)
    with stage_of(image, client_of(engine.environment), tmp_path) as (stage, moodle):
        yield Found(image, stage, moodle)
