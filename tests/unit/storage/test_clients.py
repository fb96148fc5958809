from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.config import Settings
from chalicelib.delivery.queue import Message
from chalicelib.errors import QueueUnavailable, SetupError, StorageUnavailable
from chalicelib.services import build_services
from chalicelib.storage.clients import make_client, make_kms_client, unavailable_when_refused

LOCAL = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "eu-north-1"}
KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.fixture(autouse=True)
def without_aws_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")


def test_the_client_goes_where_the_variables_say() -> None:
    client = make_client(Settings(), {**LOCAL, **KEYS})
    assert client.meta.endpoint_url == "http://127.0.0.1:9"
    assert client.meta.region_name == "eu-north-1"


def test_a_services_own_endpoint_counts_more() -> None:
    environ = {**LOCAL, "AWS_ENDPOINT_URL_KMS": "http://127.0.0.1:10"}
    assert make_kms_client(Settings(), environ).meta.endpoint_url == "http://127.0.0.1:10"
    assert make_client(Settings(), environ).meta.endpoint_url == "http://127.0.0.1:9"


def test_without_an_endpoint_it_is_aws() -> None:
    client = make_client(Settings(), {"AWS_DEFAULT_REGION": "eu-north-1"})
    assert client.meta.endpoint_url == "https://dynamodb.eu-north-1.amazonaws.com"


def test_the_local_stage_never_reaches_aws() -> None:
    with pytest.raises(SetupError, match="AWS_ENDPOINT_URL"):
        make_client(Settings(stage="local"), {"AWS_REGION": "eu-north-1"})


def test_a_missing_region_is_said_so() -> None:
    with pytest.raises(SetupError, match="AWS_REGION"):
        make_client(Settings(), {})


def test_timeouts_are_short_and_tries_few() -> None:
    config: Any = make_client(Settings(), LOCAL).meta.config
    assert (config.connect_timeout, config.read_timeout) == (1.0, 2.5)
    assert config.retries == {"mode": "standard", "total_max_attempts": 2}


def test_a_refusal_names_operation_and_code_and_nothing_that_was_sent() -> None:
    refusal = ClientError({"Error": {"Code": "ValidationException", "Message": "sourcedid 123"}}, "PutItem")
    with pytest.raises(StorageUnavailable) as unavailable, unavailable_when_refused("PutItem"):
        raise refusal
    assert str(unavailable.value) == "Storage cannot be used now: PutItem was refused (ValidationException)."
    assert unavailable.value.retryable


def test_a_lost_connection_names_its_kind() -> None:
    lost = EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
    with pytest.raises(StorageUnavailable, match="EndpointConnectionError"), unavailable_when_refused("GetItem"):
        raise lost


def test_a_containers_clients_are_made_by_one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each session reads what AWS says of itself anew: 50 ms of a cold start, where a client's own share is 7."""
    asked: list[str] = []
    sessions: list[botocore.session.Session] = []

    class Counted(botocore.session.Session):
        def __init__(self) -> None:
            super().__init__()
            sessions.append(self)

        def create_client(self, service_name: str, *args: Any, **kwargs: Any) -> Any:
            asked.append(service_name)
            return super().create_client(service_name, *args, **kwargs)

    monkeypatch.setattr(botocore.session, "Session", Counted)
    services = build_services({**LOCAL, **KEYS, "PASSBACK_TABLE": "passback", "PASSBACK_KMS_KEY": "alias/passback"})
    with pytest.raises(QueueUnavailable):  # nobody listens there
        services.queue.send(Message("d-1", 1), "group")
    assert sorted(asked) == ["dynamodb", "kms", "sqs"]
    assert len(sessions) == 1
