"""AWS clients with short timeouts, and what becomes of their failures."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError, NoRegionError

from chalicelib.config import Settings
from chalicelib.errors import SetupError, StorageUnavailable

if TYPE_CHECKING:
    from botocore.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_sqs import SQSClient

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 2.5
TRIES = 2
"""Seconds, and tries of one call: 7 seconds at the worst, less than a waiting tool is given."""


def make_session() -> "Session":
    """Make the session that a container's clients share: a second client costs a tenth of what it costs without.

    Clients are not to be made of it by several threads at once.
    """
    # botocore's own session and client are those that boto3 wraps; importing them alone makes a cold start shorter.
    import botocore.session

    return botocore.session.Session()


def make_client(settings: Settings, environ: Mapping[str, str], session: "Session | None" = None) -> "DynamoDBClient":
    """Make the DynamoDB client: of AWS, or of the endpoint that ``AWS_ENDPOINT_URL`` names.

    Credentials come from the same variables, or else from where AWS's libraries look for them.

    Parameters
    ----------
    session
        Of the container; without one the client has a session of its own.

    Raises
    ------
    SetupError
        If no region is named, or if stage ``local`` names no endpoint (it would reach AWS).
    """
    return cast("DynamoDBClient", _make("dynamodb", settings, environ, session))


def make_kms_client(settings: Settings, environ: Mapping[str, str], session: "Session | None" = None) -> "KMSClient":
    """Make the KMS client; the rules are those of ``make_client``."""
    return cast("KMSClient", _make("kms", settings, environ, session))


def make_sqs_client(
    settings: Settings,
    environ: Mapping[str, str],
    session: "Session | None" = None,
    *,
    read_timeout: float = READ_TIMEOUT,
) -> "SQSClient":
    """Make the SQS client; the rules are those of ``make_client``. Who waits for messages reads longer.

    It tries once: a tool may be waiting, and what is not sent now the schedule sends.
    """
    return cast("SQSClient", _make("sqs", settings, environ, session, read_timeout, tries=1))


def _make(
    service: str,
    settings: Settings,
    environ: Mapping[str, str],
    session: "Session | None",
    read_timeout: float = READ_TIMEOUT,
    *,
    tries: int = TRIES,
) -> object:
    import botocore.config

    endpoint = environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or environ.get("AWS_ENDPOINT_URL")
    if settings.is_local and not endpoint:
        raise SetupError("Stage local needs AWS_ENDPOINT_URL: the address of the local DynamoDB engine.")
    try:
        return (session or make_session()).create_client(
            service,
            region_name=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION"),
            endpoint_url=endpoint,
            aws_access_key_id=environ.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=environ.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=environ.get("AWS_SESSION_TOKEN"),
            config=botocore.config.Config(
                connect_timeout=CONNECT_TIMEOUT,
                read_timeout=read_timeout,
                retries={"mode": "standard", "total_max_attempts": tries},
            ),
        )
    except NoRegionError:
        raise SetupError("No AWS region is set. Set AWS_REGION to the region of Passback's table.") from None


@contextmanager
def unavailable_when_refused(operation: str) -> Iterator[None]:
    """Turn whatever the AWS client raises into ``StorageUnavailable``, naming the operation and the error's code.

    The code only: messages can repeat what was sent.
    """
    try:
        yield
    except ClientError as error:
        raise StorageUnavailable(f"{operation} was refused ({error_code(error)})") from error
    except BotoCoreError as error:
        raise StorageUnavailable(f"{operation} did not get through ({type(error).__name__})") from error


def error_code(error: ClientError) -> str:
    """Return the code of a refusal by AWS, such as ``ResourceNotFoundException``."""
    response: Any = error.response
    return str(response.get("Error", {}).get("Code", "unknown"))
