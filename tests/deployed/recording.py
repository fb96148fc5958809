"""What each function asked of AWS, read from the account's own record (CloudTrail), in the words of its policies."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from deployed.account import Account

_WHOSE = re.compile(r" app/(\S+)")
"""The functions say in each call which one they are; see ``put_up``."""
_PART = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
"""IAM knows no transactions: each part needs the right of its own (DynamoDB, "IAM and transactions")."""


class Right(NamedTuple):
    """An action on a resource, by the resource's ARN."""

    action: str
    resource: str


def used_rights(account: Account) -> dict[str, set[Right]]:
    """Return the rights that functions have made use of until now, by the function's name."""
    used: dict[str, set[Right]] = {}
    for event in _events(account):
        match = _WHOSE.search(event["userAgent"])
        if match:
            used.setdefault(match[1], set()).update(_needed(event, account))
    return used


def granted_rights(account: Account, function: str) -> set[Right]:
    """Return what the policies of a function's role allow, as they are in the account."""
    iam = account.client("iam")
    role = account.client("lambda").get_function(FunctionName=function)["Configuration"]["Role"].split("/")[-1]
    assert not iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    granted = set()
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for statement in document["Statement"]:
            assert statement.keys() == {"Effect", "Action", "Resource"}
            granted |= {Right(action, statement["Resource"]) for action in statement["Action"]}
    return granted


def _needed(event: dict[str, Any], account: Account) -> Iterator[Right]:
    service, asked = event["eventSource"].removesuffix(".amazonaws.com"), event["requestParameters"]
    name = event["eventName"]
    if service == "sqs":
        yield Right(f"sqs:{name}", _queue_arn(asked.get("QueueName") or asked["QueueUrl"], account))
    elif service == "kms":
        yield Right(f"kms:{name}", asked["KeyId"])
    elif "TransactItems" in asked:
        for part in asked["TransactItems"]:
            ((kind, fields),) = part.items()
            yield Right(f"dynamodb:{_PART[kind]}", _table_arn(fields["TableName"], account))
    else:
        index = f"/index/{asked['IndexName']}" if "IndexName" in asked else ""
        for table in asked.get("RequestItems") or [asked["TableName"]]:
            yield Right(f"{service}:{name}", _table_arn(table, account) + index)


def _table_arn(name: str, account: Account) -> str:
    return account.outputs["TableArn"].rpartition("/")[0] + f"/{name}"


def _queue_arn(name_or_url: str, account: Account) -> str:
    return account.outputs["QueueArn"].rpartition(":")[0] + f":{name_or_url.rpartition('/')[2]}"


def _events(account: Account) -> Iterator[dict[str, Any]]:
    """Read the record page by page, the newest event first.

    MiniStack gives no token for the next page, but looks at fractions of a second, which botocore does not send.
    """
    trail, seen, before = account.client("cloudtrail"), set[str](), [time.time() + 60]

    def until(params: dict[str, Any], **_: Any) -> None:
        params["body"] = json.dumps({**json.loads(params["body"]), "EndTime": min(before)}).encode()

    trail.meta.events.register("before-call.cloudtrail.LookupEvents", until)
    try:
        while page := [each for each in trail.lookup_events()["Events"] if each["EventId"] not in seen]:
            seen |= {each["EventId"] for each in page}
            before.append(page[-1]["EventTime"].timestamp())
            yield from (json.loads(each["CloudTrailEvent"]) for each in page)
    finally:
        trail.close()
