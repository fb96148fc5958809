"""The rights of each function beside the calls that it makes: none missing, none that it has no use for.

The account enforces rights, so a missing one shows by itself. What is seen here is the other side: everything that the
functions do is done once, and what they then have not asked for has its reason below.
"""

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.lots import Lot
from chalicelib.lti11.tools import OnDelay, Tool, Unmapped
from chalicelib.lti13.tokens import StoredToken, token_key
from chalicelib.mapping.model import Mapping, Submitted
from chalicelib.storage.lots import TENTHS, tenth_of
from chalicelib.storage.sealer_choice import make_sealer
from chalicelib.storage.tokens import TokenStore
from deployed.account import STAGE
from deployed.recording import Right, granted_rights, used_rights
from deployed.stack import CONSUMER_KEY, PLATFORM, SECRET, Deployed, Student, eventually
from passback.local.demo_setup import CLIENT_ID, simulator_platform
from passback.local.worker import schedule_event

pytestmark = pytest.mark.engine

API, WORKER, SCHEDULE = (f"passback-{STAGE}{name}" for name in ("", "-deliver", "-each_minute"))
WRITES_LOGS = "Lambda writes the log with the function's role; the emulator asks nobody"
POLLS = "Lambda asks the queue with the worker's role; the emulator looks into it by itself"
LONG_TOKEN = "only for an access token of more than 4,096 bytes, which KMS does not encrypt itself"
UNUSED = {
    API: {
        "logs:CreateLogStream": WRITES_LOGS,
        "logs:PutLogEvents": WRITES_LOGS,
        "kms:GenerateDataKey": LONG_TOKEN,
    },
    WORKER: {
        "logs:CreateLogStream": WRITES_LOGS,
        "logs:PutLogEvents": WRITES_LOGS,
        "kms:GenerateDataKey": LONG_TOKEN,
        "sqs:ReceiveMessage": POLLS,
        "sqs:DeleteMessage": POLLS,
        "sqs:GetQueueAttributes": POLLS,
    },
    SCHEDULE: {"logs:CreateLogStream": WRITES_LOGS, "logs:PutLogEvents": WRITES_LOGS},
}
"""Rights that no function was seen to use here, and why they are granted all the same."""


def minute(deployed: Deployed) -> None:
    deployed.account.invoke(SCHEDULE, schedule_event(deployed.services.clock.now(), "us-east-1"))


def arrives(deployed: Deployed, student: Student, score: int) -> bool:
    return eventually(lambda: deployed.score(student) == score, meanwhile=lambda: minute(deployed))


def outcome_of(deployed: Deployed, student: Student, consumer_key: str) -> Any:
    request = deployed.outcome(student)
    request.consumer_key = consumer_key
    return request


def plain_outcomes(deployed: Deployed) -> None:
    student = deployed.new_student()
    assert deployed.outcome(student).post_replace_result(0.5).is_success()
    assert deployed.outcome(student).post_read_result().is_success()
    assert deployed.outcome(student).post_delete_result().is_success()


def worker_with_a_new_token(deployed: Deployed) -> None:
    """Let the worker bring what waits, with a token that has just ended and that it has to renew."""
    services, student = deployed.services, deployed.new_student()
    platform = simulator_platform("canvas of the policies", CLIENT_ID, deployed.canvas.url)
    services.platforms.add(platform)
    mapping = services.mappings.get(CONSUMER_KEY, student.sourcedid)
    assert mapping is not None
    services.mappings.put(replace(mapping, platform=platform.name))
    with deployed.canvas_away():
        for score in (0.5, 0.6):  # the worker calls for the second itself
            assert deployed.outcome(student).post_replace_result(score).description == "queued for delivery"
        tokens = TokenStore(services.table, make_sealer(services.settings, deployed.account.environment))
        tokens.put(token_key(platform), StoredToken("ended", to_milliseconds(services.clock.now()) + 1000, 0))
    assert arrives(deployed, student, 6)


def parked_outcomes(deployed: Deployed) -> None:
    """Park outcomes, map them, and let the schedule find them: it looks at a tenth of them each minute.

    For the last of them another outcome comes first: the API releases what was parked before it, and calls the worker.
    """
    services, parks = deployed.services, "a tool that parks"
    services.tools.add(Tool(parks, (SECRET,), unmapped=Unmapped.PARK))
    tenth = to_milliseconds(services.clock.now()) // 60_000 % TENTHS
    students = []
    for wanted in (tenth, (tenth + 1) % TENTHS, (tenth + 5) % TENTHS):
        known = deployed.new_student()
        names = (f"parked {number}" for number in range(1000))
        sourcedid = next(name for name in names if tenth_of(Lot(parks, name)) == wanted)
        student = Student(sourcedid, known.handle)
        assert outcome_of(deployed, student, parks).post_replace_result(0.7).description == "queued for delivery"
        mapping = services.mappings.get(CONSUMER_KEY, known.sourcedid)
        assert mapping is not None
        services.mappings.put(Mapping(parks, sourcedid, PLATFORM, mapping.line_item, mapping.user_id, Submitted.NO))
        students.append(student)

    *soon, last = students
    assert eventually(lambda: any(deployed.score(each) == 7 for each in soon), meanwhile=lambda: minute(deployed))
    assert outcome_of(deployed, last, parks).post_replace_result(0.8).is_success()
    assert arrives(deployed, last, 8)


def outcomes_that_nobody_knows_of(deployed: Deployed) -> None:
    """Lose the platform's answer to work twice: the API settles the first, the worker the second."""
    services, hurried, student = deployed.services, "a tool in a hurry", deployed.new_student()
    services.tools.add(Tool(hurried, (SECRET,), on_delay=OnDelay.FAIL))
    mapping = services.mappings.get(CONSUMER_KEY, student.sourcedid)
    assert mapping is not None
    services.mappings.put(replace(mapping, consumer_key=hurried))

    def lose_an_answer(text: str) -> None:
        deployed.control.order("switch", {"faults": [{"path": "score", "kind": "drop_after"}]})
        answer = outcome_of(deployed, student, hurried).post_replace_result(0.1, {"text": text})
        deployed.control.order("switch", {"faults": []})
        assert not answer.is_success()

    lose_an_answer("the first")
    assert deployed.outcome(student).post_replace_result(0.2).is_success()
    lose_an_answer("the second")
    with deployed.canvas_away():
        assert deployed.outcome(student).post_replace_result(0.3).description == "queued for delivery"
    assert arrives(deployed, student, 3)


def a_message_that_nobody_can_read(deployed: Deployed) -> None:
    """Let the worker bury one; it is taken out again, as other tests look there too."""
    queues, outputs = deployed.account.queues, deployed.account.outputs
    url = queues.get_queue_url(QueueName=outputs["QueueName"])["QueueUrl"]
    dead = queues.get_queue_url(QueueName=outputs["DeadLetterQueueName"])["QueueUrl"]

    def taken_out() -> bool:
        letters = queues.receive_message(QueueUrl=dead).get("Messages", [])
        for letter in letters:
            queues.delete_message(QueueUrl=dead, ReceiptHandle=letter["ReceiptHandle"])
        return bool(letters)

    queues.send_message(QueueUrl=url, MessageBody="nor is this", MessageGroupId="z", MessageDeduplicationId="z")
    assert eventually(taken_out)


@pytest.fixture(scope="module")
def used(deployed: Deployed) -> dict[str, set[Right]]:
    """Do everything once."""
    plain_outcomes(deployed)
    worker_with_a_new_token(deployed)
    parked_outcomes(deployed)
    outcomes_that_nobody_knows_of(deployed)
    a_message_that_nobody_can_read(deployed)
    return used_rights(deployed.account)


@pytest.mark.parametrize("function", UNUSED)
def test_a_function_has_every_right_that_it_uses(
    function: str, used: dict[str, set[Right]], deployed: Deployed
) -> None:
    assert used[function]
    assert not used[function] - granted_rights(deployed.account, function)


@pytest.mark.parametrize("function", UNUSED)
def test_a_function_uses_every_right_that_it_has(
    function: str, used: dict[str, set[Right]], deployed: Deployed
) -> None:
    unused = granted_rights(deployed.account, function) - used[function]
    assert {right.action for right in unused} == UNUSED[function].keys(), unused


def test_nobody_else_is_in_the_record(used: dict[str, set[Right]]) -> None:
    assert used.keys() == UNUSED.keys()
