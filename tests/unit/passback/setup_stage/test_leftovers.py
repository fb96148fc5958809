"""What is there under a stage's names without being in its stack."""

from typing import Any

import pytest

from passback.failures import CommandFailed
from passback.packaging.build import ROOT
from passback.setup.leftovers import Leftovers, check_sealing, find_leftovers, refuse_needless_key
from passback.setup.template import TABLE, read_template
from setup_stage.accounts import Answers

TEMPLATE = read_template(ROOT)
KEYS = TEMPLATE.resources[TABLE]["Properties"]
OURS = {
    "KeySchema": KEYS["KeySchema"],
    "GlobalSecondaryIndexes": [
        {"IndexName": one["IndexName"], "KeySchema": one["KeySchema"]} for one in KEYS["GlobalSecondaryIndexes"]
    ],
}


def table(answers: Answers, described: dict[str, Any] | None) -> None:
    stub = answers.of("dynamodb")
    if described is None:
        stub.add_client_error("describe_table", "ResourceNotFoundException")
    else:
        stub.add_response("describe_table", {"Table": described}, {"TableName": "passback-prod"})


def no_names(answers: Answers) -> None:
    """Nothing else has a name of the stage."""
    for resource in TEMPLATE.resources.values():
        if resource["Type"] == "AWS::SQS::Queue":
            answers.of("sqs").add_client_error("get_queue_url", "AWS.SimpleQueueService.NonExistentQueue")
        elif resource["Type"] == "AWS::KMS::Alias":
            answers.of("kms").add_client_error("describe_key", "NotFoundException")
        elif resource["Type"] == "AWS::Logs::LogGroup":
            others = {"logGroups": [{"logGroupName": "/aws/lambda/passback-production"}]}
            answers.of("logs").add_response("describe_log_groups", others)


def find(answers: Answers) -> Leftovers | None:
    return find_leftovers(answers.account, TEMPLATE, "prod", None)


def test_where_nothing_is_there_is_nothing_to_take_over(answers: Answers) -> None:
    table(answers, None)
    no_names(answers)
    assert find(answers) is None


def test_a_table_of_another_stack_is_left_to_it(answers: Answers) -> None:
    table(answers, OURS)
    owned = {"StackName": "passback-prod", "ResourceStatus": "CREATE_COMPLETE"}
    resource = {"LogicalResourceId": "Table", "ResourceType": "AWS::DynamoDB::Table", "Timestamp": "2026-11-23"}
    answers.of("cloudformation").add_response("describe_stack_resources", {"StackResources": [resource | owned]})
    with pytest.raises(CommandFailed, match="put up already, by stack passback-prod: a stage"):
        find(answers)


def test_a_table_of_another_kind_is_left_alone(answers: Answers) -> None:
    table(answers, {**OURS, "GlobalSecondaryIndexes": []})
    answers.of("cloudformation").add_client_error(
        "describe_stack_resources", "ValidationError", "Stack for passback-prod does not exist"
    )
    no_names(answers)
    with pytest.raises(CommandFailed, match="not one of Passback's"):
        find(answers)


def test_a_name_that_is_taken_is_told_with_what_frees_it(answers: Answers) -> None:
    table(answers, None)
    answers.of("sqs").add_response("get_queue_url", {"QueueUrl": "https://sqs"})
    with pytest.raises(CommandFailed, match=r"passback-prod.*\.fifo \(AWS::SQS::Queue\) is there"):
        find(answers)


LEFT = Leftovers("passback-prod", "1111")


@pytest.mark.parametrize("sealed_with", [None, "alias/passback-prod", "arn:aws:kms:r:1:key/1111"])
def test_a_table_sealed_with_its_own_key_is_taken_over(sealed_with: str | None) -> None:
    check_sealing(LEFT, sealed_with, {})
    check_sealing(None, "arn:aws:kms:r:1:key/2222", {})


def test_a_table_sealed_anew_needs_the_key_that_did_it() -> None:
    newer = "arn:aws:kms:r:1:key/2222"
    with pytest.raises(CommandFailed, match="add --parameter MasterKeyArn=arn:aws:kms:r:1:key/2222"):
        check_sealing(LEFT, newer, {})
    check_sealing(LEFT, newer, {"MasterKeyArn": newer})


def test_a_key_for_no_kept_table_is_refused() -> None:
    refuse_needless_key(None, "prod")
    with pytest.raises(CommandFailed, match="there is none of stage prod to take over: leave it out"):
        refuse_needless_key("1111", "prod")
