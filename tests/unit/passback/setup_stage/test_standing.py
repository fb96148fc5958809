"""What was removed behind CloudFormation's back is named, with what brings it back."""

from typing import Any

import pytest

from passback.failures import CommandFailed
from passback.packaging.build import ROOT
from passback.setup.references import values_of
from passback.setup.standing import queue_attributes, refuse_removed
from passback.setup.states import StackState
from passback.setup.template import read_template
from setup_stage.accounts import Answers

TEMPLATE = read_template(ROOT)
STACK = "arn:aws:cloudformation:eu-central-1:111122223333:stack/passback-prod-data/1"
KEY = "arn:aws:kms:eu-central-1:111122223333:key/1111"
OTHER = "arn:aws:kms:eu-central-1:111122223333:key/2222"
DEAD = "arn:aws:sqs:eu-central-1:111122223333:passback-prod-dead.fifo"
OUTPUTS = {
    "KeyArn": KEY,
    "KeyAlias": "alias/passback-prod",
    "TableName": "passback-prod",
    "QueueName": "passback-prod.fifo",
    "DeadLetterQueueName": "passback-prod-dead.fifo",
    "DeadLetterQueueArn": DEAD,
}


def key(answers: Answers, asked: str = KEY, state: str | None = "Enabled", alias: bool = True) -> None:
    stub = answers.of("kms")
    if state is None:
        stub.add_client_error("describe_key", "NotFoundException")
        return
    found: dict[str, Any] = {"KeyMetadata": {"KeyId": asked.rpartition("/")[2], "KeyState": state}}
    stub.add_response("describe_key", found, {"KeyId": asked})
    if alias:
        stub.add_response("describe_key", found, {"KeyId": "alias/passback-prod"})
    else:
        stub.add_client_error("describe_key", "NotFoundException")


def table(answers: Answers, there: bool = True) -> None:
    stub = answers.of("dynamodb")
    if there:
        stub.add_response("describe_table", {"Table": {}}, {"TableName": "passback-prod"})
    else:
        stub.add_client_error("describe_table", "ResourceNotFoundException")


def queues(answers: Answers, *there: bool) -> None:
    for one in there or (True, True):
        if one:
            answers.of("sqs").add_response("get_queue_url", {"QueueUrl": "https://sqs"})
        else:
            answers.of("sqs").add_client_error("get_queue_url", "AWS.SimpleQueueService.NonExistentQueue")


def look(
    answers: Answers,
    parameters: dict[str, str] | None = None,
    outputs: dict[str, str] | None = None,
    chosen: dict[str, str] | None = None,
) -> None:
    told = OUTPUTS if outputs is None else outputs
    state = StackState("passback-prod-data", STACK, "UPDATE_COMPLETE", "", told, parameters or {})
    refuse_removed(answers.account, TEMPLATE, "prod", state, chosen or {})


def said(answers: Answers) -> str:
    with pytest.raises(CommandFailed) as failed:
        look(answers)
    assert failed.value.code == "removed"
    return failed.value.message


def test_what_is_all_there_is_not_refused(answers: Answers) -> None:
    table(answers)
    key(answers)
    queues(answers)
    look(answers)


def test_what_an_older_stack_does_not_name_is_not_looked_for(answers: Answers) -> None:
    look(answers, outputs={})


def test_the_key_that_seals_is_the_one_that_is_looked_at(answers: Answers) -> None:
    table(answers)
    key(answers, OTHER)
    queues(answers)
    look(answers, {"MasterKeyArn": OTHER})


def test_another_key_can_be_chosen_for_one_that_is_gone(answers: Answers) -> None:
    table(answers)
    key(answers, OTHER)
    queues(answers)
    look(answers, {"MasterKeyArn": KEY}, chosen={"MasterKeyArn": OTHER})


def test_a_table_comes_back_from_a_backup(answers: Answers) -> None:
    table(answers, there=False)
    key(answers)
    queues(answers)
    message = said(answers)
    assert "restore-table-from-backup --target-table-name passback-prod --backup-arn ARN" in message
    assert "list-backups --table-name passback-prod" in message


@pytest.mark.parametrize(
    ("state", "commands"),
    [
        ("PendingDeletion", "`aws kms cancel-key-deletion --key-id 1111`, then `aws kms enable-key --key-id 1111`."),
        ("Disabled", "can be opened: `aws kms enable-key --key-id 1111`."),
        (None, "is gone for good, and nothing that it sealed can be opened: set up another stage"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_with_what_helps(answers: Answers, state: str | None, commands: str) -> None:
    table(answers)
    key(answers, state=state)
    queues(answers)
    assert commands in said(answers)


def test_a_removed_name_of_the_key_is_made_again(answers: Answers) -> None:
    table(answers)
    key(answers, alias=False)
    queues(answers)
    assert "create-alias --alias-name alias/passback-prod --target-key-id 1111" in said(answers)


def test_both_queues_are_named_the_dead_letter_queue_first(answers: Answers) -> None:
    table(answers)
    key(answers)
    queues(answers, False, False)
    message = said(answers)
    dead, deliveries = message.index("Queue passback-prod-dead.fifo was"), message.index("Queue passback-prod.fifo was")
    assert dead < deliveries
    assert "--queue-name passback-prod.fifo --attributes '{" in message


def test_a_queue_is_made_again_as_the_template_has_it() -> None:
    values = values_of(TEMPLATE.document, OUTPUTS, {"Stage": "prod"}, STACK, {})
    assert queue_attributes(TEMPLATE, "Deliveries", values) == {
        "FifoQueue": "true",
        "ContentBasedDeduplication": "false",
        "MessageRetentionPeriod": "1209600",
        "VisibilityTimeout": "360",
        "MaximumMessageSize": "1024",
        "SqsManagedSseEnabled": "true",
        "RedrivePolicy": f'{{"deadLetterTargetArn":"{DEAD}","maxReceiveCount":5}}',
    }
