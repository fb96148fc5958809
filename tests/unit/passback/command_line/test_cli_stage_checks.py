"""What the doctor checks of a stage: a request signed for it, its queues, the traces of worker and schedule, clocks."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from chalicelib.clock import to_milliseconds
from chalicelib.config import Settings
from chalicelib.delivery.breaker import PlatformHealth
from chalicelib.delivery.pacing import Pace
from chalicelib.delivery.records import Cell, CellKey, Delivery, DeliveryState, PlaceInLine
from chalicelib.delivery.sqs import create_queues
from chalicelib.lti11.messages import DeleteResult
from chalicelib.lti13.transport import Transport
from chalicelib.services import Services, connect
from chalicelib.storage.clients import make_sqs_client
from chalicelib.storage.ledger import Change
from command_line.running import NOW, Operator, StillClock
from passback.check import Check, CheckState
from passback.failures import CommandFailed
from passback.outcome_message import OutcomeAnswer, SignedRequest
from passback.queues import Queues, QueueState
from passback.stage_checks import check_clock, check_queues, check_signed_urls, check_worker

AT = to_milliseconds(NOW)
MINUTE = 60_000
BASE = "https://grades.example.org/base"


@pytest.fixture
def registered(operator: Operator) -> Operator:
    operator.environment["AWS_ENDPOINT_URL_SQS"] = "https://sqs.us-east-1.amazonaws.com"
    operator.add_platform()
    operator.add_tool()
    return operator


# the signed URL


@dataclass
class Door:
    """Answers what the doctor posts."""

    status: int = 422
    code_major: str = "unsupported"
    posted: list[SignedRequest] = field(default_factory=list)

    def __call__(self, request: SignedRequest) -> OutcomeAnswer:
        self.posted.append(request)
        return OutcomeAnswer(self.status, self.code_major, "", None, None, None, "")


def test_a_signature_for_each_public_url_is_tried_with_a_tools_secret(registered: Operator) -> None:
    door = Door()
    check = check_signed_urls(registered.services, [BASE, "https://other.example.org"], door)
    assert check.state is CheckState.OK
    assert [each.url for each in door.posted] == [f"{BASE}/outcomes", "https://other.example.org/outcomes"]
    assert 'oauth_consumer_key="quiz-tool"' in door.posted[0].headers["Authorization"]
    assert door.posted[0].body == b"<doctor/>"


@pytest.mark.parametrize(
    ("door", "says"),
    [(Door(401, "failure"), "PASSBACK_PUBLIC_URLS"), (Door(200, ""), "not as Passback does"), (Door(403, ""), "403")],
)
def test_a_door_that_does_not_take_the_signature_is_told(registered: Operator, door: Door, says: str) -> None:
    check = check_signed_urls(registered.services, [BASE], door)
    assert check.state is CheckState.FAILED
    assert says in f"{check.detail} {check.remedy}"


def test_where_nobody_answers_or_nothing_can_be_signed(registered: Operator, operator: Operator) -> None:
    def nobody(_request: SignedRequest) -> OutcomeAnswer:
        raise CommandFailed("no_answer", "nobody")

    assert "gives no answer" in check_signed_urls(registered.services, [BASE], nobody).detail
    assert check_signed_urls(registered.services, [], Door()).state is CheckState.SKIPPED
    operator.services.tools.remove("quiz-tool")
    assert check_signed_urls(registered.services, [BASE], Door()).state is CheckState.SKIPPED


# the queues


def queues(operator: Operator, name: str = "passback.fifo") -> Queues:
    return Queues(lambda: make_sqs_client(Settings(), operator.environment), name, "passback-dead.fifo")


def test_queues_as_passback_makes_them_are_right(registered: Operator) -> None:
    create_queues(make_sqs_client(Settings(), registered.environment), "passback.fifo", "passback-dead.fifo")
    check, found = check_queues(queues(registered))
    assert (check.state, check.remedy) == (CheckState.OK, "")
    assert found is not None


def test_a_queue_that_is_not_there_is_told_by_its_name(registered: Operator) -> None:
    check, found = check_queues(queues(registered, "nowhere.fifo"))
    assert (check.state, found) == (CheckState.FAILED, None)
    assert "nowhere.fifo" in check.detail


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"VisibilityTimeout": "30"}, "less than 360 seconds"),
        ({"MessageRetentionPeriod": "345600"}, "less than 14 days"),
        ({"ContentBasedDeduplication": "true"}, "deduplicates by content"),
        ({"RedrivePolicy": ""}, "no redrive policy"),
        ({"RedrivePolicy": '{"deadLetterTargetArn": "arn:other", "maxReceiveCount": 5}'}, "another queue"),
        ({"RedrivePolicy": "[]"}, "no redrive policy"),
    ],
)
def test_attributes_that_are_not_as_they_should_be_are_told(
    registered: Operator, changed: dict[str, str], says: str
) -> None:
    client = make_sqs_client(Settings(), registered.environment)
    create_queues(client, "passback.fifo", "passback-dead.fifo")
    _, found = check_queues(queues(registered))
    assert found is not None
    wrong = replace(found[0], attributes={**found[0].attributes, **changed})
    check, _ = check_queues(Looking(wrong, found[1]))  # type: ignore[arg-type]  # only its look is used
    assert check.state is CheckState.FAILED
    assert says in check.detail


@dataclass
class Looking:
    """Queues that look like this."""

    queue: QueueState
    dead_letters: QueueState

    def look(self) -> tuple[QueueState, QueueState]:
        return self.queue, self.dead_letters


def test_dead_letters_are_told(registered: Operator) -> None:
    client = make_sqs_client(Settings(), registered.environment)
    create_queues(client, "passback.fifo", "passback-dead.fifo")
    url = client.get_queue_url(QueueName="passback-dead.fifo")["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="1")
    check, _ = check_queues(queues(registered))
    assert check.state is CheckState.FAILED
    assert "about 1 message." in check.detail


# worker and schedule

NOBODY = (QueueState("q", 3, 0, {}), QueueState("d", 0, 0, {}))
SOMEBODY = (QueueState("q", 3, 1, {}), QueueState("d", 0, 0, {}))


def stand(operator: Operator, state: DeliveryState, due_at: int) -> None:
    key = CellKey("campus", "https://canvas.example.edu/api/lti/courses/1/line_items/2", "u")
    delivery = Delivery(
        id="d1",
        cell=key,
        consumer_key="quiz-tool",
        sourcedid_digest="digest",
        context="",
        operation="deleteResult",
        write=DeleteResult(),
        received_at=AT - 60 * MINUTE,
        timestamp=AT,
        reference="1",
        body_digest="b",
        receipt_key="r",
        state=state,
        expires_at=AT + 10**9,
    )
    cell = Cell(key, line=(PlaceInLine("d1", AT),), due_at=due_at, generation=1)
    operator.services.ledger.commit(NOW, delivery=Change(None, delivery), cell=Change(None, cell))


@pytest.mark.parametrize(
    ("state", "due_at", "found", "expected", "says"),
    [
        (DeliveryState.WAITING, AT - 10 * MINUTE, NOBODY, CheckState.FAILED, "each_minute"),
        (DeliveryState.WAITING, AT - 1 * MINUTE, NOBODY, CheckState.OK, "in time"),
        (DeliveryState.WAITING, AT + 1 * MINUTE, NOBODY, CheckState.OK, "in time"),
        (DeliveryState.QUEUED, AT + 3 * MINUTE, NOBODY, CheckState.FAILED, "deliver"),
        (DeliveryState.QUEUED, AT + 3 * MINUTE, SOMEBODY, CheckState.OK, "in time"),
        (DeliveryState.QUEUED, AT + 3 * MINUTE, None, CheckState.OK, "in time"),
        (DeliveryState.QUEUED, AT + 9 * MINUTE, NOBODY, CheckState.OK, "in time"),
    ],
)
def test_what_should_have_happened_long_ago_tells_who_does_not_run(
    registered: Operator,
    state: DeliveryState,
    due_at: int,
    found: tuple[QueueState, QueueState] | None,
    expected: CheckState,
    says: str,
) -> None:
    stand(registered, state, due_at)
    check = check_worker(registered.services, found)
    assert check.state is expected
    assert says in f"{check.detail} {check.remedy}"


def test_what_waits_for_a_platform_that_is_down_accuses_nobody(registered: Operator) -> None:
    stand(registered, DeliveryState.WAITING, AT - 10 * MINUTE)
    health = PlatformHealth("campus", opened_at=AT - 20 * MINUTE, probe_at=AT + MINUTE // 2)
    registered.services.health.put(PlatformHealth("campus"), health)
    assert check_worker(registered.services, NOBODY).state is CheckState.OK
    assert "no trace" in check_worker(registered.services, NOBODY).detail


# clocks


def services_with(operator: Operator, answer: Callable[[httpx.Request], httpx.Response]) -> Services:
    plain, clock = operator.services, StillClock()
    http = httpx.Client(transport=httpx.MockTransport(answer))
    transport = Transport(http, clock, resolve=lambda _host, _port: ["93.184.216.34"])
    return connect(plain.settings, clock, transport, plain.table, plain.tools._sealer, operator.queue, Pace(clock))


def clock_check(operator: Operator, **headers: str) -> Check:
    services = services_with(operator, lambda _request: httpx.Response(405, headers=headers))
    return check_clock(services, next(iter(services.platforms.list())))


@pytest.mark.parametrize(
    ("seconds", "state", "says"),
    [
        (0, CheckState.OK, "Within"),
        (59, CheckState.OK, "Within"),
        (200, CheckState.FAILED, "200 seconds behind"),
        (-3600, CheckState.FAILED, "3600 seconds ahead"),
    ],
)
def test_the_platforms_clock_is_compared(registered: Operator, seconds: int, state: CheckState, says: str) -> None:
    check = clock_check(registered, Date=format_datetime(NOW + timedelta(seconds=seconds), usegmt=True))
    assert check.state is state
    assert says in check.detail


@pytest.mark.parametrize("headers", [{}, {"Date": "soon"}])
def test_a_platform_that_does_not_say_its_time(registered: Operator, headers: dict[str, str]) -> None:
    assert clock_check(registered, **headers).state is CheckState.SKIPPED


def test_a_platform_that_does_not_answer_has_no_clock(registered: Operator) -> None:
    def away(_request: httpx.Request) -> Any:
        raise httpx.ConnectError("no")

    services = services_with(registered, away)
    assert check_clock(services, next(iter(services.platforms.list()))).state is CheckState.SKIPPED
