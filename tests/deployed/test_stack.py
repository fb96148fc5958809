"""The stack that ``make package`` gives, put up on a local AWS: outcomes go in, grades arrive.

Rights are enforced there as on AWS: a call that a role does not allow would fail these tests.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.delivery.queue import Message, write_message
from chalicelib.delivery.sqs import VISIBILITY_SECONDS
from deployed.account import STAGE
from deployed.stack import Deployed, Student, events, eventually
from passback.local.worker import schedule_event

pytestmark = pytest.mark.engine

API, WORKER, SCHEDULE = (f"passback-{STAGE}{name}" for name in ("", "-deliver", "-each_minute"))


def minute(deployed: Deployed) -> None:
    answer = deployed.account.invoke(SCHEDULE, schedule_event(deployed.services.clock.now(), "us-east-1"))
    assert "FunctionError" not in answer, answer["Payload"].read()


def log(deployed: Deployed, function: str) -> list[str]:
    return deployed.account.log(f"/aws/lambda/{function}")


def test_a_signed_outcome_is_delivered(deployed: Deployed, student: Student) -> None:
    response = deployed.outcome(student).post_replace_result(0.92)
    assert response.is_success(), response.post_response.text
    assert not response.description
    assert deployed.score(student) == Decimal("9.2")
    assert deployed.outcome(student).post_read_result().score == "0.92"


def test_the_signed_url_is_the_one_with_the_stage(deployed: Deployed, student: Student) -> None:
    assert deployed.account.outcome_url.endswith("/api/outcomes")
    assert deployed.outcome(student).post_replace_result(0.5).is_success()
    refused = deployed.outcome(student, secret="another").post_replace_result(0.7)
    assert (refused.is_success(), refused.post_response.status_code) == (False, 401)
    assert deployed.score(student) == 5


def test_what_waits_for_a_platform_is_brought_by_schedule_and_worker(deployed: Deployed, student: Student) -> None:
    with deployed.canvas_away():
        first = deployed.outcome(student).post_replace_result(0.4)
        second = deployed.outcome(student).post_replace_result(0.7)
    assert [first.description, second.description] == ["queued for delivery"] * 2
    assert deployed.score(student) is None
    assert eventually(lambda: deployed.score(student) == 7, meanwhile=lambda: minute(deployed))
    assert any(event.get("event") == "schedule" for event in events(log(deployed, SCHEDULE)))


def test_what_nobody_can_read_ends_among_the_dead_letters(deployed: Deployed) -> None:
    queues, outputs = deployed.account.queues, deployed.account.outputs
    url = queues.get_queue_url(QueueName=outputs["QueueName"])["QueueUrl"]
    dead = queues.get_queue_url(QueueName=outputs["DeadLetterQueueName"])["QueueUrl"]
    queues.send_message(QueueUrl=url, MessageBody="not ours", MessageGroupId="x", MessageDeduplicationId="x")
    found: list[Any] = []

    def look() -> bool:
        found.extend(queues.receive_message(QueueUrl=dead, VisibilityTimeout=60).get("Messages", []))
        return bool(found)

    assert eventually(look)
    letter = json.loads(found[0]["Body"])
    assert letter["body"] == "not ours"
    assert letter["reason"]
    counts = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == "0"


def test_there_is_one_door_to_the_functions(deployed: Deployed) -> None:
    """The transform makes a stage of its own, named Stage, where nobody stops it."""
    api = deployed.account.outputs["RestAPIId"]
    stages = deployed.account.client("apigateway").get_stages(restApiId=api)["item"]
    assert [stage["stageName"] for stage in stages] == ["api"]


def test_no_function_was_refused_a_right(deployed: Deployed) -> None:
    lines = [line for function in (API, WORKER, SCHEDULE) for line in log(deployed, function)]
    assert not [line for line in lines if "AccessDenied" in line or "not authorized" in line]


@contextmanager
def without_its_table(deployed: Deployed, function: str, policy: str) -> Iterator[None]:
    """Take a function's rights on the table away for a while."""
    iam = deployed.account.client("iam")
    role = deployed.account.client("lambda").get_function(FunctionName=function)["Configuration"]["Role"].split("/")[-1]
    kept = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    others = [one for one in kept["Statement"] if not one["Action"][0].startswith("dynamodb:")]
    assert len(others) < len(kept["Statement"])
    iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps({**kept, "Statement": others}))
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(kept))


def test_rights_are_enforced_here(deployed: Deployed, student: Student) -> None:
    """The judge of the test before: without the table a function gets nowhere, and its log says why."""
    with without_its_table(deployed, API, "outcomes"):
        answer = deployed.outcome(student).post_replace_result(0.5)
    assert answer.post_response.status_code == 500
    assert any("AccessDenied" in line for line in log(deployed, API))


@contextmanager
def broken(deployed: Deployed, function: str) -> Iterator[None]:
    """Give a function a setting with which it cannot start, for a while."""
    functions = deployed.account.client("lambda")
    kept = functions.get_function_configuration(FunctionName=function)["Environment"]
    wrong = {"Variables": {**kept["Variables"], "PASSBACK_SHARDS": "many"}}
    functions.update_function_configuration(FunctionName=function, Environment=wrong)
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=function, Environment=kept)


def test_what_fails_its_worker_again_and_again_is_set_aside_by_the_queue(deployed: Deployed) -> None:
    queues, outputs = deployed.account.queues, deployed.account.outputs
    url = queues.get_queue_url(QueueName=outputs["QueueName"])["QueueUrl"]
    dead = queues.get_queue_url(QueueName=outputs["DeadLetterQueueName"])["QueueUrl"]
    body = write_message(Message("nobody", 1))
    found: list[str] = []

    def look() -> bool:
        messages = queues.receive_message(QueueUrl=dead, VisibilityTimeout=60).get("Messages", [])
        found.extend(message["Body"] for message in messages)
        return body in found

    queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "0"})
    try:
        with broken(deployed, WORKER):
            queues.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="y", MessageDeduplicationId="y")
            assert eventually(look, patience=60)  # five receives, each after the poller's own pauses
    finally:
        queues.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(VISIBILITY_SECONDS)})
