"""An operator whose table is in moto; no socket is opened."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from chalicelib.config import Settings
from chalicelib.storage.clients import make_client
from chalicelib.storage.schema import create
from command_line.running import Operator

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def clean_environment() -> Iterator[None]:
    """Put the process's environment back: commands set the AWS variables that botocore reads."""
    saved = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(saved)


ENVIRONMENT = {
    "PASSBACK_STAGE": "test",
    "PASSBACK_TABLE": "passback-test",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_ENDPOINT_URL": "https://dynamodb.us-east-1.amazonaws.com",
}


@pytest.fixture(scope="session")
def client() -> "DynamoDBClient":
    """One client for all tests (making one is slow); it reaches moto while ``mock_aws`` is on."""
    return make_client(Settings(), ENVIRONMENT)


@pytest.fixture
def operator(tmp_path: Path, client: "DynamoDBClient") -> Iterator[Operator]:
    environment = ENVIRONMENT | {
        "PASSBACK_KEY_FILE": str(tmp_path / "master.key"),
        "PASSBACK_HOME": str(tmp_path / "home"),
        "HOME": str(tmp_path),
    }
    with mock_aws():
        create(client, "passback-test")
        yield Operator(environment, client)
