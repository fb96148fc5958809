"""What AWS refuses is told in a sentence that says what to do."""

import botocore.exceptions
import pytest
from botocore.exceptions import ClientError

from passback.failures import CommandFailed
from passback.setup.refusals import advice, aws_refusals


def told(error: Exception) -> str:
    with pytest.raises(CommandFailed) as refused, aws_refusals():
        raise error
    assert refused.value.message.endswith((".", "`."))
    return refused.value.message


def client_error(code: str, message: str = "", operation: str = "CreateChangeSet") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("ExpiredToken", "have expired: sign in again"),
        ("ExpiredTokenException", "have expired: sign in again"),
        ("InvalidClientTokenId", "does not know these credentials"),
        ("UnrecognizedClientException", "does not know these credentials"),
        ("SignatureDoesNotMatch", "does not know these credentials"),
        ("OptInRequired", "may not use the region"),
        ("LimitExceededException", "Have it raised in Service Quotas"),
        ("Throttling", "wait a minute"),
        ("SomethingNew", "AWS refused CreateChangeSet (SomethingNew)"),
    ],
)
def test_a_refusal_says_what_to_do(code: str, words: str) -> None:
    assert words in told(client_error(code, "AWS's words"))


def test_a_missing_right_is_named() -> None:
    message = (
        "User: arn:aws:iam::1:user/x is not authorized to perform: cloudformation:CreateChangeSet on resource: arn"
    )
    assert "may not do cloudformation:CreateChangeSet: let an administrator" in told(
        client_error("AccessDenied", message)
    )
    assert "may not do cloudformation:DescribeStacks" in told(client_error("AccessDenied", "no", "DescribeStacks"))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (botocore.exceptions.NoCredentialsError(), "No AWS credentials were found"),
        (botocore.exceptions.PartialCredentialsError(provider="env", cred_var="x"), "No AWS credentials were found"),
        (botocore.exceptions.ProfileNotFound(profile="x"), "no AWS profile of the name in AWS_PROFILE"),
        (botocore.exceptions.SSOTokenLoadError(error_msg="x"), "sign in again"),
        (botocore.exceptions.UnauthorizedSSOTokenError(), "sign in again"),
        (botocore.exceptions.InvalidRegionError(region_name="x y"), "AWS_REGION is no region's name"),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="x"), "AWS cannot be reached"),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="x"), "AWS cannot be reached"),
        (botocore.exceptions.NoAuthTokenError(), "AWS did not take the call (NoAuthTokenError)"),
    ],
)
def test_what_does_not_get_to_aws_says_what_to_do(error: Exception, words: str) -> None:
    assert words in told(error)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("You must wait 60 seconds after deleting a queue before you can create another", "wait that long"),
        ("Table already exists: passback-prod", "choose another stage"),
        ("User is not authorized to perform: kms:CreateKey", "Let an administrator"),
        ("Subscriber limit exceeded: 2500 tables", "Service Quotas"),
        ("Internal failure", ""),
    ],
)
def test_the_reason_of_a_resource_has_its_advice(reason: str, words: str) -> None:
    found = advice(reason)
    assert words in found
    assert bool(found) == bool(words)
