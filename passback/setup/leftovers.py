"""What is in the account under a stage's names without being in its stack: taken over, or named to its owner."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from passback.failures import CommandFailed
from passback.setup.account import Account
from passback.setup.refusals import error_words, is_code
from passback.setup.template import KEY, TABLE, Template

GONE = (
    "ResourceNotFoundException",
    "NotFoundException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
)
"""Codes by which services say that there is none of the name."""
_REMOVAL = {
    "AWS::SQS::Queue": "see that it is empty, then `aws sqs delete-queue`; SQS keeps the name for a minute",
    "AWS::KMS::Alias": "`aws kms delete-alias` removes the name, and not the key",
    "AWS::Logs::LogGroup": "`aws logs delete-log-group` removes it with its lines",
}


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What an earlier stack of the stage has left: table and key, or neither."""

    table: str
    key: str

    def imports(self) -> list[dict[str, Any]]:
        """Return what CloudFormation is told to take over."""
        return [
            _imported("AWS::DynamoDB::Table", TABLE, {"TableName": self.table}),
            _imported("AWS::KMS::Key", KEY, {"KeyId": self.key}),
        ]


def find_leftovers(account: Account, template: Template, stage: str, key: str | None) -> Leftovers | None:
    """Look for what an earlier stack has left; None if there is nothing.

    Parameters
    ----------
    key
        The key's id, where somebody has said which one it is.

    Raises
    ------
    CommandFailed
        If the names are taken by something that is not Passback's, or the key of a kept table cannot be told.
    """
    table = template.name_of(TABLE, stage)
    described = described_table(account, table)
    if described is not None:
        _refuse_owned(account, table, stage)
    _refuse_taken(account, template, stage)
    if described is None:
        return None
    if not _is_ours(described, template):
        raise CommandFailed(
            "name_taken",
            f"There is a table {table} already, and not one of Passback's: choose another stage, or remove it if "
            "nobody "
            "needs it.",
        )
    return Leftovers(table, _key_of(account, template, stage, table, key))


def check_sealing(leftovers: Leftovers | None, sealed_with: str | None, chosen: Mapping[str, str]) -> None:
    """See that what is in a kept table can be opened: it may have been sealed anew since, with another key.

    Parameters
    ----------
    sealed_with
        The ARN of the key that the stage's functions were told last, where Chalice's configuration knows one.
    chosen
        Parameters for the new stack.

    Raises
    ------
    CommandFailed
        If that is another key than the one that is taken over.
    """
    if leftovers is None or "MasterKeyArn" in chosen or sealed_with is None or ":key/" not in sealed_with:
        return
    if sealed_with.rpartition("/")[2] != leftovers.key:
        raise CommandFailed(
            "which_key",
            f"The kept table {leftovers.table} was last sealed with {sealed_with}, as .chalice/config.json says, "
            "and its "
            f"first stack's own key is {leftovers.key}: add --parameter MasterKeyArn={sealed_with}.",
        )


def refuse_needless_key(key: str | None, stage: str) -> None:
    """Refuse to be told a key where no table is taken over.

    Raises
    ------
    CommandFailed
        If one is told.
    """
    if key is not None:
        raise CommandFailed(
            "usage",
            f"--key goes with a table that an earlier stack has left, and there is none of stage {stage} to take over: "
            "leave it out; a key of your own is told by --parameter MasterKeyArn=ARN.",
            2,
        )


def _imported(kind: str, name: str, identifier: Mapping[str, str]) -> dict[str, Any]:
    return {"ResourceType": kind, "LogicalResourceId": name, "ResourceIdentifier": dict(identifier)}


def described_table(account: Account, table: str) -> dict[str, Any] | None:
    """Return a table as DynamoDB describes it; None if there is none."""
    from botocore.exceptions import ClientError

    try:
        found: dict[str, Any] = account.client("dynamodb").describe_table(TableName=table)["Table"]
    except ClientError as error:
        if is_code(error, *GONE):
            return None
        raise
    return found


def _is_ours(described: Mapping[str, Any], template: Template) -> bool:
    """Tell whether a table has the keys that Passback's has."""
    declared = template.resources[TABLE]["Properties"]
    indexes = {each["IndexName"]: each["KeySchema"] for each in described.get("GlobalSecondaryIndexes", [])}
    wanted = {each["IndexName"]: each["KeySchema"] for each in declared["GlobalSecondaryIndexes"]}
    return bool(described["KeySchema"] == declared["KeySchema"] and indexes == wanted)


def _refuse_owned(account: Account, table: str, stage: str) -> None:
    """Refuse a table that is part of another stack.

    Raises
    ------
    CommandFailed
        If it is.
    """
    from botocore.exceptions import ClientError

    try:
        found = account.client("cloudformation").describe_stack_resources(PhysicalResourceId=table)["StackResources"]
    except ClientError as error:
        if is_code(error, "ValidationError") and "does not exist" in error_words(error):
            return
        raise
    for resource in found:
        if resource["ResourceStatus"].startswith("DELETE_"):  # given up by a stack that is going or gone
            continue
        raise CommandFailed(
            "stage_taken",
            f"Stage {stage} is put up already, by stack {resource['StackName']}: a stage belongs to one way of "
            "deploying. "
            "Choose another stage, or go on with that stack (docs/deploy.md).",
        )


def _refuse_taken(account: Account, template: Template, stage: str) -> None:
    """Refuse names that CloudFormation could not give.

    Raises
    ------
    CommandFailed
        If one is taken; it names the first.
    """
    for kind, name in _taken(account, template, stage):
        raise CommandFailed(
            "name_taken",
            f"{name} ({kind}) is there already, and is not in the stage's stack: choose another stage, or remove it if "
            f"nobody needs it ({_REMOVAL[kind]}), then run this again.",
        )


def _taken(account: Account, template: Template, stage: str) -> Iterator[tuple[str, str]]:
    for resource, declared in template.resources.items():
        kind = declared["Type"]
        if kind in _REMOVAL and _is_taken(account, kind, name := template.name_of(resource, stage)):
            yield kind, name


def _is_taken(account: Account, kind: str, name: str) -> bool:
    from botocore.exceptions import ClientError

    if kind == "AWS::Logs::LogGroup":
        found = account.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        return any(group["logGroupName"] == name for group in found)
    try:
        if kind == "AWS::SQS::Queue":
            account.client("sqs").get_queue_url(QueueName=name)
        else:
            account.client("kms").describe_key(KeyId=name)
    except ClientError as error:
        if is_code(error, *GONE):
            return False
        raise
    return True


def _key_of(account: Account, template: Template, stage: str, table: str, said: str | None) -> str:
    """Return the id of the key that sealed what is in a kept table.

    Raises
    ------
    CommandFailed
        If none or several can be it, or it is about to be deleted.
    """
    ids = [said] if said is not None else list(_all_keys(account))
    described = [account.client("kms").describe_key(KeyId=each)["KeyMetadata"] for each in ids]
    wanted = template.key_description(stage)
    fitting = [each for each in described if said is not None or each.get("Description") == wanted]
    usable = [each for each in fitting if each["KeyState"] == "Enabled"]
    if len(usable) == 1:
        return str(usable[0]["KeyId"])
    kept = f"An earlier stage {stage} has left its table {table}"
    if usable:
        ids_of = ", ".join(str(each["KeyId"]) for each in usable)
        raise CommandFailed(
            "which_key", f"{kept}, and several keys can be the one that goes with it: say --key with one of {ids_of}."
        )
    if fitting:
        one = fitting[0]
        raise CommandFailed(
            "no_key",
            f"{kept}; the key that goes with it, {one['KeyId']}, is {one['KeyState']}. Make it usable again (`aws kms "
            "cancel-key-deletion`, `aws kms enable-key`), then run this again.",
        )
    raise CommandFailed(
        "no_key",
        f"{kept}, and no key of this region goes with it. Say --key with its id; or, if nobody needs what is in the "
        "table, remove the table (docs/deploy.md) or choose another stage.",
    )


def _all_keys(account: Account) -> Iterator[str]:
    for page in account.client("kms").get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            yield key["KeyId"]
