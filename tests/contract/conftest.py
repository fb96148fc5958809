"""The engines that every storage contract runs on: moto in this process, and MiniStack over real sockets."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from engine import Engine, running_engine
from moto import mock_aws

from chalicelib.config import Settings
from chalicelib.storage.clients import make_client
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.sealing import KeyFileSealer
from chalicelib.storage.table import Table, create
from chalicelib.storage.tools import ToolStore

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MOTO_ENVIRONMENT = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running_engine(tmp_path_factory.mktemp("engine")) as running:
        yield running


@pytest.fixture(params=["moto", pytest.param("ministack", marks=pytest.mark.engine)])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> "Iterator[DynamoDBClient]":
    if request.param == "moto":
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)  # botocore reads it by itself
        with mock_aws():
            yield make_client(Settings(), MOTO_ENVIRONMENT)
    else:
        yield make_client(Settings(stage="local"), request.getfixturevalue("engine").environment)


@pytest.fixture
def engine_client(engine: Engine) -> "DynamoDBClient":
    return make_client(Settings(stage="local"), engine.environment)


@pytest.fixture
def engine_table(engine_client: "DynamoDBClient", make_table: "Callable[[DynamoDBClient], Table]") -> Table:
    """A table on MiniStack only, for races: moto checks a condition and writes without a lock between threads."""
    return make_table(engine_client)


@pytest.fixture
def make_table() -> "Callable[[DynamoDBClient], Table]":
    def make(client: "DynamoDBClient") -> Table:
        name = f"passback-{uuid.uuid4().hex}"
        create(client, name)
        return Table(client, name)

    return make


@pytest.fixture
def table(client: "DynamoDBClient", make_table: "Callable[[DynamoDBClient], Table]") -> Table:
    return make_table(client)


@pytest.fixture
def operations(client: "DynamoDBClient") -> list[str]:
    """The names of the operations sent to the table from now on."""
    names: list[str] = []
    client.meta.events.register("before-call.dynamodb", lambda model, **_: names.append(model.name))
    return names


@pytest.fixture
def sealer(tmp_path: Path) -> KeyFileSealer:
    return KeyFileSealer(tmp_path / "key")


@pytest.fixture
def tools(table: Table, sealer: KeyFileSealer) -> ToolStore:
    return ToolStore(table, sealer)


@pytest.fixture
def ledger(table: Table, tools: ToolStore) -> Ledger:
    return Ledger(table, tools)
