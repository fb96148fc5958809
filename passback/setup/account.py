"""The AWS account that the environment names: clients, and whose it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from passback.failures import CommandFailed
from passback.home import adopt_aws_environment

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 60.0
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Account:
    """Makes clients, each once."""

    session: Any
    region: str
    _made: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Return the client of a service; botocore's stubs know services by literal names only."""
        if service not in self._made:
            from botocore.config import Config

            config = Config(
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=_READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": _TRIES},
            )
            self._made[service] = self.session.client(service, region_name=self.region, config=config)
        return self._made[service]

    def number(self) -> str:
        """Ask AWS whose credentials these are; return the account's number."""
        return str(self.client("sts").get_caller_identity()["Account"])


def open_account(environment: Mapping[str, str]) -> Account:
    """Open the account; nothing is asked of AWS yet.

    Raises
    ------
    CommandFailed
        If no region is said, neither by a variable nor by the profile.
    """
    adopt_aws_environment(environment)
    from boto3.session import Session

    # boto3 itself does not read AWS_REGION.
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    session = Session(region_name=region)
    if not session.region_name:
        raise CommandFailed(
            "no_region",
            "No AWS region is set: export AWS_REGION, the region in which this stage is to be, and try again.",
        )
    return Account(session, session.region_name)
