"""What AWS refuses, in one sentence that says what to do."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from passback.failures import CommandFailed

_ACTION = re.compile(r"not authorized to perform:? ?\[?(?P<action>[a-z0-9-]+:[A-Za-z]+)")
_NO_CREDENTIALS = (
    "No AWS credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and try again."
)
_EXPIRED = "The AWS credentials have expired: sign in again (for example with `aws sso login`), then run this again."
_WRONG = "AWS does not know these credentials: check AWS_PROFILE, or the access key and its secret."
_BY_CODE = {
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "InvalidClientTokenId": _WRONG,
    "UnrecognizedClientException": _WRONG,
    "SignatureDoesNotMatch": _WRONG,
    "InvalidSignatureException": _WRONG,
    "AuthFailure": _WRONG,
    "OptInRequired": "This account may not use the region: enable it in the account's settings, or set AWS_REGION "
    "to another.",
}
_BY_TYPE = {
    "NoCredentialsError": _NO_CREDENTIALS,
    "PartialCredentialsError": _NO_CREDENTIALS,
    "CredentialRetrievalError": _NO_CREDENTIALS,
    "ProfileNotFound": "There is no AWS profile of the name in AWS_PROFILE: `aws configure list-profiles` names them.",
    "TokenRetrievalError": _EXPIRED,
    "SSOTokenLoadError": _EXPIRED,
    "UnauthorizedSSOTokenError": _EXPIRED,
    "LoginRefreshRequired": _EXPIRED,
    "InvalidRegionError": "AWS_REGION is no region's name: one is written like eu-central-1.",
}
_UNREACHABLE = (
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ConnectionClosedError",
    "SSLError",
)
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError")
_THROTTLED = ("Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded")


@contextmanager
def aws_refusals() -> Iterator[None]:
    """Turn what botocore raises into ``CommandFailed``."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise CommandFailed("aws", _refused(error)) from error
    except BotoCoreError as error:
        raise CommandFailed("aws", _not_sent(error)) from error


def is_code(error: Any, *codes: str) -> bool:
    """Tell whether a refusal by AWS has one of these codes."""
    return error_code(error) in codes


def error_code(error: Any) -> str:
    """Return the code of a refusal by AWS."""
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def error_words(error: Any) -> str:
    """Return AWS's own words of a refusal, as one sentence."""
    return sentence(str(error.response.get("Error", {}).get("Message", "") or error_code(error)))


def advice(reason: str) -> str:
    """Say what can be done about the reason that CloudFormation gives for a resource; empty if nothing is known."""
    lower = reason.lower()
    if "60 seconds" in lower or "queuedeletedrecently" in lower:
        return "SQS keeps the name of a removed queue for a minute: wait that long."
    if "already exist" in lower or "alreadyexists" in lower:
        return "Something else in the account has this name: remove it if nobody needs it, or choose another stage."
    if "not authorized" in lower or "accessdenied" in lower or "access denied" in lower:
        return "Let an administrator allow these credentials what is missing (docs/deploy.md names the rights)."
    if "limit" in lower or "quota" in lower:
        return "A quota of the account is reached: have it raised in Service Quotas, or remove what is not needed."
    return ""


def sentence(text: str) -> str:
    """Return a text as one line that ends like a sentence."""
    line = " ".join(text.split())
    return line if line.endswith((".", "!", "?")) else line + "."


def _refused(error: Any) -> str:
    code = error_code(error)
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code in _DENIED:
        found = _ACTION.search(error_words(error))
        action = found["action"] if found else f"{_service(error)}:{error.operation_name}"
        return (
            f"These credentials may not do {action}: let an administrator allow it (docs/deploy.md names the rights), "
            "then run this again."
        )
    if "LimitExceeded" in code or "QuotaExceeded" in code:
        return (
            f"A quota of the account is reached: {error_words(error)} Have it raised in Service Quotas, and try again."
        )
    if code in _THROTTLED:
        return "AWS takes no more calls from this account just now: wait a minute, then run this again."
    return f"AWS refused {error.operation_name} ({code}): {error_words(error)}"


def _not_sent(error: Exception) -> str:
    kind = type(error).__name__
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    if kind in _UNREACHABLE:
        return (
            f"AWS cannot be reached ({kind}): check AWS_REGION, AWS_ENDPOINT_URL, and whether a proxy or a firewall "
            "stands between."
        )
    return f"AWS did not take the call ({kind}): {sentence(str(error))}"


def _service(error: Any) -> str:
    operation = str(error.operation_name)
    return "cloudformation" if "Stack" in operation or "ChangeSet" in operation else "aws"
