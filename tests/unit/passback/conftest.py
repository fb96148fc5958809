"""An operator whose table is in moto; no socket is opened."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Operator
from moto import mock_aws

from chalicelib.config import Settings
from chalicelib.storage.clients import make_client
from chalicelib.storage.schema import create


@pytest.fixture
def clean_environment() -> Iterator[None]:
    """Put the process's environment back: commands set the AWS variables that botocore reads."""
    saved = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(saved)


@pytest.fixture
def operator(tmp_path: Path, clean_environment: None) -> Iterator[Operator]:
    environment = {
        "PASSBACK_STAGE": "test",
        "PASSBACK_TABLE": "passback-test",
        "PASSBACK_KEY_FILE": str(tmp_path / "master.key"),
        "PASSBACK_HOME": str(tmp_path / "home"),
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "HOME": str(tmp_path),
    }
    os.environ.update({name: text for name, text in environment.items() if name.startswith("AWS_")})
    with mock_aws():
        create(make_client(Settings(), environment), "passback-test")
        yield Operator(environment)
