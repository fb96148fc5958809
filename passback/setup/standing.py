"""Whether table, queues and key of a stack that stands are really there: a change set does not notice a removal."""

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from passback.failures import CommandFailed
from passback.setup.account import Account
from passback.setup.leftovers import GONE, described_table
from passback.setup.project import master_keys
from passback.setup.references import Values, resolve, values_of
from passback.setup.refusals import is_code
from passback.setup.states import StackState
from passback.setup.template import Template

_QUEUES = {"DeadLetters": "DeadLetterQueueName", "Deliveries": "QueueName"}
"""The output that names each; the dead-letter queue first, as the other one refers to it."""


def refuse_removed(
    account: Account, template: Template, stage: str, state: StackState, chosen: Mapping[str, str]
) -> None:
    """Refuse to call a stage whole of which something was removed behind CloudFormation's back.

    Names are those that the stack's outputs say; what an older template did not say is not looked for.

    Parameters
    ----------
    chosen
        Parameters that are to change: the master key can be one that is there, instead of one that is gone.

    Raises
    ------
    CommandFailed
        If something is; it names all of it, and how each is brought back.
    """
    sentences = [
        *_missing_table(account, state),
        *_unusable_key(account, state, chosen),
        *_missing_queues(account, template, stage, state),
    ]
    if sentences:
        raise CommandFailed(
            "removed",
            f"Stage {stage} is not whole, which CloudFormation does not notice. {' '.join(sentences)}",
        )


def _missing_table(account: Account, state: StackState) -> Iterator[str]:
    table = state.outputs.get("TableName")
    if table is not None and described_table(account, table) is None:
        yield (
            f"Table {table} was removed: bring it back under its name with `aws "
            f"dynamodb restore-table-from-backup --target-table-name {table} --backup-arn ARN`; `aws dynamodb "
            f"list-backups --table-name {table} --backup-type ALL` names the backups (docs/deploy.md has the rest)."
        )


def _unusable_key(account: Account, state: StackState, chosen: Mapping[str, str]) -> Iterator[str]:
    """Look at the key that seals, and at the name by which operators know it."""
    sealing = master_keys({**state.parameters, **chosen})["MasterKeyArn"] or state.outputs.get("KeyArn")
    if sealing is None:
        return
    found = _described_key(account, sealing)
    if found is None:
        yield (
            f"Key {sealing} is gone for good, and nothing that it sealed can be opened: set up another stage, and give "
            "it platforms and tools with their secrets anew."
        )
        return
    if found["KeyState"] != "Enabled":
        waits = found["KeyState"] == "PendingDeletion"
        cancel = f"`aws kms cancel-key-deletion --key-id {found['KeyId']}`, then " if waits else ""
        yield (
            f"Key {sealing} is {found['KeyState']}, so that no secret can be opened: {cancel}`aws kms enable-key "
            f"--key-id {found['KeyId']}`."
        )
    alias = state.outputs.get("KeyAlias")
    if alias is not None and _described_key(account, alias) is None:
        yield (
            f"The key's name {alias} was removed: make it again with `aws kms "
            f"create-alias --alias-name {alias} --target-key-id {found['KeyId']}`."
        )


def _missing_queues(account: Account, template: Template, stage: str, state: StackState) -> Iterator[str]:
    from botocore.exceptions import ClientError

    values = values_of(template.document, state.outputs, {"Stage": stage}, state.id, {})
    for resource, output in _QUEUES.items():
        name = state.outputs.get(output)
        if name is None:
            continue
        try:
            account.client("sqs").get_queue_url(QueueName=name)
        except ClientError as error:
            if not is_code(error, *GONE):
                raise
            attributes = shlex.quote(json.dumps(queue_attributes(template, resource, values)))
            yield (
                f"Queue {name} was removed: make it again as it was, a minute "
                f"after its removal, with `aws sqs create-queue --queue-name {name} --attributes {attributes}`; the "
                "table still has what was in it."
            )


def queue_attributes(template: Template, resource: str, values: Values) -> Mapping[str, str]:
    """Return what SQS is told of a queue: the template's properties, which SQS calls the same, as texts."""
    properties: dict[str, Any] = resolve(dict(template.resources[resource]["Properties"]), values)
    return {
        name: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        for name, value in properties.items()
        if name != "QueueName"
    }


def _described_key(account: Account, key: str) -> dict[str, Any] | None:
    from botocore.exceptions import ClientError

    try:
        found: dict[str, Any] = account.client("kms").describe_key(KeyId=key)["KeyMetadata"]
    except ClientError as error:
        if is_code(error, *GONE):
            return None
        raise
    return found
