import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

import passback.overview
from chalicelib.clock import to_milliseconds
from chalicelib.config import Settings
from chalicelib.delivery.breaker import PlatformHealth
from chalicelib.delivery.records import Cell, CellKey, Delivery, DeliveryState, PlaceInLine
from chalicelib.delivery.sqs import create_queues
from chalicelib.lti11.messages import Answer, CodeMajor, DeleteResult
from chalicelib.storage.clients import make_sqs_client
from chalicelib.storage.ledger import Change
from command_line.running import NOW, Operator
from passback.alarms import alarms_of
from passback.session import Session
from passback.status import status

AT = to_milliseconds(NOW)
QUEUE = "passback.fifo"


@pytest.fixture
def running(operator: Operator) -> Operator:
    operator.environment["AWS_ENDPOINT_URL_SQS"] = "https://sqs.us-east-1.amazonaws.com"
    operator.environment["AWS_ENDPOINT_URL_CLOUDWATCH"] = "https://monitoring.us-east-1.amazonaws.com"
    create_queues(make_sqs_client(Settings(), operator.environment), QUEUE, "passback-dead.fifo")
    operator.add_platform()
    operator.add_tool()
    operator.ok("key", "show")
    return operator


def delivery(number: int, **changed: Any) -> Delivery:
    made = Delivery(
        id=f"d{number}",
        cell=CellKey("campus", "https://canvas.example.edu/api/lti/courses/1/line_items/2", f"u{number}"),
        consumer_key="quiz-tool",
        sourcedid_digest="digest",
        context="",
        operation="replaceResult",
        write=None,
        received_at=AT - number * 60_000,
        timestamp=AT,
        reference=str(number),
        body_digest="b",
        receipt_key=f"r{number}",
        expires_at=AT + 10**9,
    )
    return replace(made, **changed)


def store(operator: Operator, *deliveries: Delivery) -> None:
    for each in deliveries:
        change = None
        if each.state.under_way:
            place = PlaceInLine(each.id, each.received_at)
            change = Change(None, Cell(each.cell, line=(place,), due_at=AT))
        write = DeleteResult() if each.state.under_way else None
        operator.services.ledger.commit(NOW, delivery=Change(None, replace(each, write=write)), cell=change)


def ended(number: int, state: DeliveryState, words: str = "", status: int | None = None) -> Delivery:
    answer = Answer(CodeMajor.SUCCESS if state is DeliveryState.DELIVERED else CodeMajor.FAILURE, "")
    at = AT - number * 60_000 + 1000
    return delivery(number, state=state, answer=answer, ended_at=at, platform_words=words, platform_status=status)


def test_the_key_in_use_is_named_and_not_one_that_is_still_to_come(running: Operator) -> None:
    running.services.signing_keys.change(
        lambda keys: tuple(replace(key, created_at=NOW - timedelta(days=9)) for key in keys)
    )
    (in_use,) = (key["kid"] for key in running.ok("key", "show")["keys"])
    coming = running.ok("key", "rotate")["key"]["kid"]
    screen = "".join(running.run("status").output.split())
    assert f"2,{in_use}inuse" in screen
    assert coming not in screen


def test_when_nothing_has_happened_it_says_so(running: Operator) -> None:
    document = running.ok("status")
    assert document["queue"] == {"waiting": 0, "in_hand": 0}
    assert (document["dead_letters"], document["undelivered"]["number"], document["parked"]) == (0, 0, 0)
    assert [each["state"] for each in document["platforms"]] == ["go"]
    assert len(document["keys"]) == 1
    text = running.run("status").stdout
    assert "campus    ok  not known" in text
    assert "None today." in text


def test_one_screen_tells_what_stands_and_what_failed(running: Operator) -> None:
    store(
        running,
        ended(1, DeliveryState.DELIVERED),
        ended(2, DeliveryState.REFUSED, "Insufficient permissions", 401),
        ended(3, DeliveryState.REFUSED, "Insufficient permissions", 401),
        ended(4, DeliveryState.FAILED, "no answer in time"),
        delivery(5, state=DeliveryState.WAITING, due_at=AT + 60_000),
        delivery(130, state=DeliveryState.QUEUED),
        ended(1500, DeliveryState.FAILED),
    )
    document = running.ok("status")
    assert document["undelivered"]["states"] == {"queued": 1, "waiting": 1}
    assert document["undelivered"]["oldest"]["id"] == "d130"
    assert document["last_day"]["states"] == {"queued": 1, "waiting": 1, "delivered": 1, "refused": 2, "failed": 1}
    reasons = document["last_day"]["reasons"]
    assert (reasons[0]["state"], reasons[0]["number"]) == ("refused", 2)
    assert sum(each["number"] for each in reasons) == 3
    assert [each["id"] for each in document["last_deliveries"]] == ["d1", "d2", "d3", "d4", "d5"]
    assert document["platforms"][0]["answered_at"] is not None
    text = running.run("status").stdout
    assert "2: 1 queued, 1 waiting; the oldest was received 2 h ago (d130)" in text
    assert reasons[0]["newest"] == "d2"
    assert [each["why"] in text for each in reasons] == [True, True]
    assert reasons[0]["remedy"] not in text
    assert "59 s ago" in text


def test_where_only_the_platform_knows_the_reason_its_last_words_are_shown(running: Operator) -> None:
    older = ended(2, DeliveryState.REFUSED, "Something of before", 418)
    store(running, ended(1, DeliveryState.REFUSED, "Teapots take no grades " + "at all " * 50, 418), older)
    (reason,) = running.ok("status")["last_day"]["reasons"]
    assert (reason["remedy"], reason["number"]) == ("general-refused", 2)
    assert reason["why"].startswith("The platform refused the outcome for good")
    assert "The last words: Teapots take no grades at all" in reason["why"]
    assert reason["why"].endswith(" …")
    screen = running.run("status").stdout
    assert "Teapots take no grades" in screen
    assert "general-refused" not in screen


def test_numbers_of_queue_and_dead_letters_are_sqs_own(running: Operator) -> None:
    client = make_sqs_client(Settings(), running.environment)
    for name, count in ((QUEUE, 3), ("passback-dead.fifo", 1)):
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
        for number in range(count):
            client.send_message(
                QueueUrl=url, MessageBody="x", MessageGroupId="g", MessageDeduplicationId=f"{name}{number}"
            )
    document = running.ok("status")
    assert (document["queue"]["waiting"], document["dead_letters"]) == (3, 1)
    assert "about 1: read their reasons" in running.run("status").stdout


def test_a_queue_that_cannot_be_read_is_told_and_the_rest_is_shown(running: Operator) -> None:
    running.environment["PASSBACK_QUEUE"] = "nowhere.fifo"
    document = running.ok("status")
    assert document["queue"] is None
    assert "nowhere.fifo cannot be read" in document["queue_problem"]
    assert "passback doctor" in running.run("status").stdout


@pytest.mark.parametrize(
    ("health", "state", "says"),
    [
        (PlatformHealth("campus", opened_at=AT - 5000, probe_at=AT + 10_000), "closed off", "next probe in 10 s"),
        (PlatformHealth("campus", slowed_until=AT + 5000, slowings=1), "slowed", "slowed until 2026-11-23T09:00:05"),
    ],
)
def test_a_platform_that_is_left_alone(running: Operator, health: PlatformHealth, state: str, says: str) -> None:
    before = running.services.health.get("campus")
    running.services.health.put(before, health)
    document = running.ok("status")
    assert document["platforms"][0]["state"] == state
    assert says in document["platforms"][0]["standing"]


def test_how_far_was_looked_is_told(running: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    store(running, *(delivery(number, state=DeliveryState.QUEUED) for number in range(1, 5)))
    monkeypatch.setattr(passback.overview, "MOST_UNDELIVERED", 3)
    monkeypatch.setattr(passback.overview, "MOST_OF_A_DAY", 2)
    document = running.ok("status")
    assert (document["undelivered"]["number"], document["undelivered"]["more"]) == (3, True)
    assert document["last_day"]["more"] is True
    assert document["last_day"]["since"] == "2026-11-23T08:58:00.000Z"
    text = running.run("status").stdout
    assert "3 queued or more" in text
    assert "only the newest, since 2026-11-23T08:58:00.000Z" in text


def test_what_nobody_has_mapped_is_counted(running: Operator) -> None:
    from chalicelib.delivery.lots import Lot, ParkedOutcome

    place = ParkedOutcome("d1", AT, sets_score=True, body_digest="b")
    lots = [Lot("quiz-tool", "a", wanted=2, parked=(place,)), Lot("quiz-tool", "b", wanted=1, last_seen=AT)]
    for lot in lots:
        running.services.ledger.commit(NOW, lot=Change(None, lot))
    running.services.lots.reserve(lots[0])
    document = running.ok("status")
    assert (document["parked"], document["missing_mappings"]["number"]) == (1, 2)
    assert "passback mapping missing" in running.run("status").stdout


class _Ticking:
    """A clock whose sleeps are over at once."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> Any:
        return NOW

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def test_watching_looks_again_until_the_time_is_over(running: Operator) -> None:
    session = running.session()
    session.clock = _Ticking()
    words = ["--watch", "--interval", "10", "--timeout", "25", "--json"]
    result = running.runner.invoke(status, words, obj=session)
    assert result.exit_code == 0, result.output
    assert len([json.loads(line) for line in result.stdout.splitlines()]) == 4  # at 0, 10, 20 and 25 s
    assert running.fails("status", "--timeout", "3")["code"] == "usage"


def make_alarm(name: str, state: str) -> None:
    alarms = boto3.client("cloudwatch", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    alarms.put_metric_alarm(
        AlarmName=name,
        Namespace="Passback",
        MetricName="Faults",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    alarms.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a try")


def test_alarms_of_the_stage_that_are_raised_are_named(running: Operator) -> None:
    assert running.ok("status")["alarms"] == {"number": 0, "raised": [], "problem": None}
    assert "alarms        there are none" in running.run("status").stdout
    for name, state in (("test-faults", "ALARM"), ("test-failed", "OK"), ("other-failed", "ALARM")):
        make_alarm(f"passback-{name}", state)
    assert running.ok("status")["alarms"] == {"number": 2, "raised": ["faults"], "problem": None}
    assert "faults of 2 raised" in running.run("status").stdout


def test_alarms_that_cannot_be_read_keep_nothing_else_away(running: Operator) -> None:
    running.environment["AWS_ENDPOINT_URL_CLOUDWATCH"] = "http://127.0.0.1:9"  # nobody listens there
    document = running.ok("status")
    assert document["alarms"] == {"number": None, "raised": [], "problem": "EndpointConnectionError"}
    assert document["queue"] == {"waiting": 0, "in_hand": 0}
    assert "cannot be read (EndpointConnectionError)" in running.run("status").stdout


def test_the_local_stack_has_no_alarms() -> None:
    session = Session(environment={"PASSBACK_STAGE": "local", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    session._services = SimpleNamespace(settings=Settings(stage="local"))  # type: ignore[assignment]  # all it looks at
    assert alarms_of(session) is None
