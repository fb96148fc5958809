"""An AWS account that answers what a test has written down, and nothing else."""

from typing import Any

import boto3
from botocore.stub import Stubber

from passback.setup.account import Account

REGION = "eu-central-1"


def client(service: str) -> Any:
    make: Any = boto3.client  # its stubs know services by literal names only
    return make(service, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")


class Answers:
    """Clients with their answers in order; each call has to be the next one."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        self._stubs: dict[str, Stubber] = {}

    @property
    def account(self) -> Account:
        return Account(None, REGION, self._made)

    def of(self, service: str) -> Stubber:
        if service not in self._stubs:
            self._made[service] = client(service)
            self._stubs[service] = Stubber(self._made[service])
            self._stubs[service].activate()
        return self._stubs[service]

    def client(self, service: str) -> Any:
        self.of(service)
        return self._made[service]

    def all_asked(self) -> None:
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()
