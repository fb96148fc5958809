"""The services as the command line uses them: the same graph as the deployed one, over a client that has patience."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.clock import Clock
from chalicelib.config import Settings
from chalicelib.delivery.pacing import Pace
from chalicelib.delivery.sqs import SqsQueue
from chalicelib.errors import SetupError
from chalicelib.lti13.transport import Transport
from chalicelib.lti13.transport import make_client as make_http_client
from chalicelib.services import Services, connect
from chalicelib.storage.clients import make_sqs_client
from chalicelib.storage.sealer_choice import make_sealer
from chalicelib.storage.table import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONNECT_SECONDS = 3.0
READ_SECONDS = 12.0
TRIES = 2
"""No tool waits for an operator's command, and the local engine needs seconds for a page of a hundred thousand
mappings; but a person must not look at a table that hangs for longer than half a minute."""


def connect_operator(environment: Mapping[str, str], clock: Clock) -> Services:
    """Build the services of the stack that the environment names; touches no network.

    Raises
    ------
    SetupError
        If a setting is missing or wrong.
    """
    settings = Settings.from_environment(environment)
    pace = Pace(clock)
    transport = Transport(make_http_client(clock), clock, local=settings.is_local, observe=pace.observe)
    table = Table(_patient_client(settings, environment), settings.table)
    queue = SqsQueue(lambda: make_sqs_client(settings, environment), settings.queue, settings.dead_letter_queue)
    return connect(settings, clock, transport, table, make_sealer(settings, environment), queue, pace)


def _patient_client(settings: Settings, environment: Mapping[str, str]) -> "DynamoDBClient":
    import botocore.exceptions
    from boto3.session import Session
    from botocore.config import Config

    endpoint = environment.get("AWS_ENDPOINT_URL_DYNAMODB") or environment.get("AWS_ENDPOINT_URL")
    if settings.is_local and not endpoint:
        raise SetupError("Stage local needs AWS_ENDPOINT_URL: the address of the local DynamoDB engine.")
    try:
        return Session().client(
            "dynamodb",
            region_name=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
            endpoint_url=endpoint,
            aws_access_key_id=environment.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=environment.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=environment.get("AWS_SESSION_TOKEN"),
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": TRIES},
            ),
        )
    except botocore.exceptions.NoRegionError:
        raise SetupError(
            "No AWS region is set. Set AWS_REGION to the region of Passback's table; `. .chalice/STAGE.env` does."
        ) from None
