"""The engines that every storage contract runs on: moto in this process, and MiniStack over real sockets."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

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


@pytest.fixture(scope="session")
def moto_client() -> "DynamoDBClient":
    """One client for all tests (making one is slow); it reaches moto while ``mock_aws`` is on."""
    return make_client(Settings(), {**MOTO_ENVIRONMENT, "AWS_ENDPOINT_URL": "https://dynamodb.us-east-1.amazonaws.com"})


@pytest.fixture(scope="session")
def shared_engine_client(engine: Engine) -> "DynamoDBClient":
    return make_client(Settings(stage="local"), engine.environment)


@pytest.fixture(params=["moto", pytest.param("ministack", marks=pytest.mark.engine)])
def client(request: pytest.FixtureRequest) -> "Iterator[DynamoDBClient]":
    if request.param == "moto":
        with mock_aws():
            yield request.getfixturevalue("moto_client")
    else:
        yield request.getfixturevalue("shared_engine_client")


@pytest.fixture
def engine_client(engine: Engine) -> "DynamoDBClient":
    """A client of the test's own, to meddle with."""
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
def operations(client: "DynamoDBClient") -> Iterator[list[str]]:
    """The names of the operations sent to the table from now on."""
    names: list[str] = []

    def note(model: Any, **_: Any) -> None:
        names.append(model.name)

    client.meta.events.register("before-call.dynamodb", note)
    yield names
    client.meta.events.unregister("before-call.dynamodb", note)


@pytest.fixture
def sealer(tmp_path: Path) -> KeyFileSealer:
    return KeyFileSealer(tmp_path / "key")


@pytest.fixture
def tools(table: Table, sealer: KeyFileSealer) -> ToolStore:
    return ToolStore(table, sealer)


@pytest.fixture
def ledger(table: Table, tools: ToolStore) -> Ledger:
    return Ledger(table, tools)
