"""The stage's alarms as CloudWatch tells of them: which there are, and which are raised."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.storage.clients import error_code
from passback.home import working_environment

if TYPE_CHECKING:
    from passback.session import Session

CONNECT_SECONDS = 2.0
READ_SECONDS = 4.0
"""They are told beside everything else: who cannot reach CloudWatch is not kept waiting for it."""
MOST = 100
"""Alarms of one answer (CloudWatch, DescribeAlarms); a stage has some twenty."""


@dataclass(frozen=True, slots=True)
class AlarmStates:
    """How the alarms are. ``number`` None: they could not be read, and ``problem`` says why."""

    number: int | None
    raised: tuple[str, ...] = ()
    """By what their names have after the stage's, as docs/operate.md lists them."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Alarms:
    """Looks at the alarms whose names begin with ``prefix``."""

    make_client: Callable[[], Any]
    prefix: str

    def look(self) -> AlarmStates:
        """Read the alarms; never fails, as nothing else depends on them."""
        try:
            answer = self.make_client().describe_alarms(AlarmNamePrefix=self.prefix, MaxRecords=MOST)
        except ClientError as error:
            return AlarmStates(None, problem=error_code(error))
        except BotoCoreError as error:
            return AlarmStates(None, problem=type(error).__name__)
        found = {each["AlarmName"].removeprefix(self.prefix): each["StateValue"] for each in answer["MetricAlarms"]}
        return AlarmStates(len(found), tuple(sorted(name for name, state in found.items() if state == "ALARM")))


def alarms_of(session: "Session") -> Alarms | None:
    """Return the alarms of the stage that the session works on; the local stack has none."""
    settings = session.services.settings
    if settings.is_local:
        return None
    environment = working_environment(session.environment)

    def make_client() -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            "cloudwatch",
            region_name=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
            endpoint_url=environment.get("AWS_ENDPOINT_URL_CLOUDWATCH") or environment.get("AWS_ENDPOINT_URL"),
            aws_access_key_id=environment.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=environment.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=environment.get("AWS_SESSION_TOKEN"),
            config=Config(
                connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": 1}
            ),
        )

    return Alarms(make_client, f"passback-{settings.stage}-")
