"""A plan is CloudFormation's change set: read whole, refused where it would lose data, taken back without a trace."""

from datetime import UTC, datetime
from typing import Any

import pytest

from passback.failures import CommandFailed
from passback.setup.changes import ChangeSet
from passback.setup.cloudformation import PATIENCE, Stack
from setup_stage.accounts import Answers

NAME, ID, CHANGE_SET = "passback-prod-data", "arn:aws:cloudformation:r:1:stack/x/1", "arn:aws:cloudformation:r:1:cs/1"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


class MovingClock:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def stack(answers: Answers) -> Stack:
    return Stack(answers.client("cloudformation"), NAME, MovingClock())


def described(status: str) -> dict[str, Any]:
    return {"Stacks": [{"StackName": NAME, "StackId": ID, "StackStatus": status, "CreationTime": NOW}]}


def change(resource: str = "Deliveries", action: str = "Modify", **more: Any) -> dict[str, Any]:
    return {
        "Type": "Resource",
        "ResourceChange": {
            "Action": action,
            "LogicalResourceId": resource,
            "PhysicalResourceId": f"the {resource}",
            "ResourceType": "AWS::SQS::Queue",
            "Replacement": "False",
            "Scope": ["Properties"],
            "Details": [{"Target": {"Attribute": "Properties", "Name": "VisibilityTimeout"}}],
            **more,
        },
    }


def made(answers: Answers, *pages: dict[str, Any]) -> None:
    stub = answers.of("cloudformation")
    stub.add_response("create_change_set", {"Id": CHANGE_SET, "StackId": ID})
    for page in pages:
        stub.add_response("describe_change_set", {"Status": "CREATE_COMPLETE", **page})


def plan(answers: Answers, *, new: bool = False) -> ChangeSet | None:
    return stack(answers).plan("CREATE" if new else "UPDATE", "{}", [], new=new)


def test_all_changes_are_read_and_the_plan_is_waited_for(answers: Answers) -> None:
    pages = (
        {"Status": "CREATE_PENDING"},
        {"Changes": [change()], "NextToken": "more"},
        {"Changes": [change("ApiLog", "Add", Details=[])]},
    )
    made(answers, *pages)
    found = plan(answers)
    assert found is not None
    assert [(one.action, one.resource, one.what) for one in found.changes] == [
        ("Modify", "Deliveries", ("VisibilityTimeout",)),
        ("Add", "ApiLog", ("Properties",)),
    ]


@pytest.mark.parametrize(
    "reason",
    [
        "The submitted information didn't contain changes. Submit different information to create a change set.",
        "No updates are to be performed.",
    ],
)
def test_no_changes_are_no_failure_and_leave_no_change_set(answers: Answers, reason: str) -> None:
    made(answers, {"Status": "FAILED", "StatusReason": reason})
    answers.of("cloudformation").add_response("delete_change_set", {}, {"ChangeSetName": CHANGE_SET})
    assert plan(answers) is None


def test_a_plan_that_cannot_be_made_says_why(answers: Answers) -> None:
    made(answers, {"Status": "FAILED", "StatusReason": "Table already exists"})
    answers.of("cloudformation").add_response("delete_change_set", {})
    with pytest.raises(CommandFailed, match=r"cannot make a plan: Table already exists\. Something"):
        plan(answers)


def test_what_cloudformation_does_not_take_is_told_in_its_words(answers: Answers) -> None:
    answers.of("cloudformation").add_client_error("create_change_set", "ValidationError", "Parameter 'X' is wrong")
    with pytest.raises(CommandFailed, match=r"does not take the plan: Parameter 'X' is wrong\."):
        plan(answers)


@pytest.mark.parametrize(
    "loss",
    [
        change("Table", Replacement="True"),
        change("Table", Replacement="Conditional"),
        change("SecretsKey", Replacement="True"),
        change("SecretsKey", "Remove"),
    ],
)
def test_a_plan_that_would_lose_data_is_refused_and_taken_back(answers: Answers, loss: dict[str, Any]) -> None:
    made(answers, {"Changes": [change(), loss]})
    answers.of("cloudformation").add_response("delete_change_set", {}, {"ChangeSetName": CHANGE_SET})
    with pytest.raises(CommandFailed, match="without what is in it: it is not done"):
        plan(answers)


def test_a_plan_of_a_new_stack_takes_the_empty_stack_back_with_it(answers: Answers) -> None:
    made(answers, {"Changes": [change("Table", "Add", Replacement="False")]})
    stub = answers.of("cloudformation")
    stub.add_response("delete_change_set", {})
    stub.add_response("describe_stacks", described("REVIEW_IN_PROGRESS"), {"StackName": ID})
    stub.add_response("delete_stack", {}, {"StackName": ID})
    found = plan(answers, new=True)
    assert found is not None
    stack(answers).discard(found)


def event(identifier: str, resource: str, status: str, reason: str = "") -> dict[str, Any]:
    return {
        "StackId": ID,
        "EventId": identifier,
        "StackName": NAME,
        "LogicalResourceId": resource,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        "Timestamp": NOW,
    }


def test_a_failure_is_told_by_the_resource_that_failed_first(answers: Answers) -> None:
    older = event("1", "Old", "CREATE_FAILED", "of another operation")
    newest_first = [
        event("5", "x", "CREATE_FAILED", "The following resource(s) failed to create: [DeadLetters, Table]."),
        event("4", "Table", "CREATE_FAILED", "Resource creation cancelled"),
        event("3", "DeadLetters", "CREATE_FAILED", "QueueAlreadyExists: it already exists"),
        event("2", "ApiLog", "CREATE_COMPLETE"),
        older,
    ]
    notes: list[str] = []
    stub = answers.of("cloudformation")
    stub.add_response("describe_stack_events", {"StackEvents": [older]})
    stub.add_response("execute_change_set", {}, {"ChangeSetName": CHANGE_SET, "DisableRollback": True})
    stub.add_response("describe_stacks", described("CREATE_IN_PROGRESS"))
    stub.add_response("describe_stack_events", {"StackEvents": newest_first[3:]})
    stub.add_response("describe_stacks", described("CREATE_FAILED"))
    stub.add_response("describe_stack_events", {"StackEvents": newest_first})
    stub.add_response("describe_stack_events", {"StackEvents": newest_first[:2], "NextToken": "n"}, {"StackName": ID})
    stub.add_response("describe_stack_events", {"StackEvents": newest_first[2:]}, {"StackName": ID, "NextToken": "n"})
    with pytest.raises(CommandFailed) as failed:
        stack(answers).execute(ChangeSet(CHANGE_SET, ID, (), for_review=True), notes.append, keep=True)
    assert failed.value.message.startswith("DeadLetters failed: QueueAlreadyExists: it already exists. Something else")
    assert failed.value.message.endswith("the same command goes on from there.")
    assert notes[0] == "CREATE_COMPLETE  ApiLog"
    assert len(notes) == len(set(notes)) == 4


class EverBusy:
    """CloudFormation, never done."""

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        return described("UPDATE_IN_PROGRESS")

    def describe_stack_events(self, **_: Any) -> dict[str, Any]:
        return {"StackEvents": []}


def test_nobody_waits_for_ever() -> None:
    clock = MovingClock()
    with pytest.raises(CommandFailed, match=r"is still at work .* it goes on by itself"):
        Stack(EverBusy(), NAME, clock).wait(ID, lambda _: None, set())
    assert PATIENCE < clock.seconds < PATIENCE + 10
