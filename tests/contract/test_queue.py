"""Sender, worker and redrive: the queue in memory does what SQS FIFO queues of the local engine do."""

import json
import threading
import uuid
from typing import TYPE_CHECKING, Protocol

import pytest
from engine import Engine
from memory_queue import MemoryQueue, Received
from stage import START, StageClock

from chalicelib.config import Settings
from chalicelib.delivery.queue import KEPT_OF_BODY, Message, Queue, read_message, write_message
from chalicelib.delivery.sqs import MOST_RECEIVES, SqsQueue, create_queues
from chalicelib.errors import QueueUnavailable
from chalicelib.storage.clients import make_sqs_client

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

FIRST, SECOND, THIRD = (Message(f"delivery-{number}", 1) for number in range(1, 4))


class Bench(Protocol):
    """A queue, and its consumer's side."""

    @property
    def queue(self) -> Queue: ...
    def take(self) -> Received | None: ...
    def done(self, received: Received) -> None: ...
    def leave(self, received: Received) -> None: ...
    def buried(self) -> list[str]: ...
    def put(self, body: str) -> None: ...


class MemoryBench:
    def __init__(self) -> None:
        self.queue = MemoryQueue(StageClock(START))
        self.take = self.queue.take
        self.done = self.queue.done
        self.leave = self.queue.leave
        self.put = self.queue.put

    def buried(self) -> list[str]:
        return self.queue.buried


class SqsBench:
    def __init__(self, client: "SQSClient") -> None:
        self.client = client
        self.name, self.dead_name = f"q{uuid.uuid4().hex}.fifo", f"d{uuid.uuid4().hex}.fifo"
        create_queues(client, self.name, self.dead_name)
        self.queue = SqsQueue(lambda: client, self.name, self.dead_name)
        self.url = client.get_queue_url(QueueName=self.name)["QueueUrl"]
        self.dead_url = client.get_queue_url(QueueName=self.dead_name)["QueueUrl"]
        self._handles: dict[int, str] = {}

    def take(self) -> Received | None:
        answer = self.client.receive_message(QueueUrl=self.url, MessageSystemAttributeNames=["All"])
        for message in answer.get("Messages", ()):
            attributes = message["Attributes"]
            number = len(self._handles)
            self._handles[number] = message["ReceiptHandle"]
            receives = int(attributes["ApproximateReceiveCount"])
            return Received(number, message["Body"], attributes["MessageGroupId"], receives)
        return None

    def done(self, received: Received) -> None:
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=self._handles[received.number])

    def leave(self, received: Received) -> None:
        handle = self._handles[received.number]
        self.client.change_message_visibility(QueueUrl=self.url, ReceiptHandle=handle, VisibilityTimeout=0)

    def buried(self) -> list[str]:
        answer = self.client.receive_message(QueueUrl=self.dead_url, MaxNumberOfMessages=10, VisibilityTimeout=0)
        return [message["Body"] for message in answer.get("Messages", ())]

    def put(self, body: str) -> None:
        self.client.send_message(
            QueueUrl=self.url, MessageBody=body, MessageGroupId="stranger", MessageDeduplicationId=uuid.uuid4().hex
        )


@pytest.fixture(scope="session")
def sqs(engine: Engine) -> "SQSClient":
    return make_sqs_client(Settings(stage="local"), engine.environment)


@pytest.fixture(params=["memory", pytest.param("ministack", marks=pytest.mark.engine)])
def bench(request: pytest.FixtureRequest) -> Bench:
    return MemoryBench() if request.param == "memory" else SqsBench(request.getfixturevalue("sqs"))


def taken(bench: Bench) -> Received:
    received = bench.take()
    assert received is not None
    return received


def test_an_empty_queue_gives_nothing(bench: Bench) -> None:
    assert bench.take() is None
    assert bench.buried() == []


def test_what_was_sent_is_received_with_its_group_and_count(bench: Bench) -> None:
    bench.queue.send(FIRST, "canvas/0")
    received = taken(bench)
    assert (read_message(received.body), received.group, received.receive_count) == (FIRST, "canvas/0", 1)


def test_a_group_is_in_order_and_one_at_a_time(bench: Bench) -> None:
    for message in (FIRST, SECOND, THIRD):
        bench.queue.send(message, "group")
    seen = []
    for _ in range(3):
        received = taken(bench)
        assert bench.take() is None
        seen.append(read_message(received.body))
        bench.done(received)
    assert seen == [FIRST, SECOND, THIRD]
    assert bench.take() is None


def test_other_groups_go_on(bench: Bench) -> None:
    bench.queue.send(FIRST, "one")
    bench.queue.send(SECOND, "one")
    bench.queue.send(THIRD, "two")
    assert [read_message(taken(bench).body) for _ in range(2)] == [FIRST, THIRD]
    assert bench.take() is None


def test_a_message_that_is_left_comes_again_before_the_rest_of_its_group(bench: Bench) -> None:
    bench.queue.send(FIRST, "group")
    bench.queue.send(SECOND, "group")
    bench.leave(taken(bench))
    again = taken(bench)
    assert (read_message(again.body), again.receive_count) == (FIRST, 2)


def test_the_same_generation_is_queued_once_also_when_it_is_done(bench: Bench) -> None:
    bench.queue.send(FIRST, "group")
    bench.queue.send(FIRST, "group")
    bench.done(taken(bench))
    bench.queue.send(FIRST, "group")
    assert bench.take() is None


def test_the_next_generation_is_queued_though_the_first_is_in_hand(bench: Bench) -> None:
    bench.queue.send(FIRST, "group")
    bench.done(taken(bench))
    bench.queue.send(Message(FIRST.delivery_id, 2), "group")
    assert read_message(taken(bench).body).generation == 2


def test_a_message_left_too_often_goes_to_the_dead_letters_as_it_is_and_its_group_goes_on(bench: Bench) -> None:
    bench.queue.send(FIRST, "group")
    bench.queue.send(SECOND, "group")
    for receives in range(1, MOST_RECEIVES + 1):
        received = taken(bench)
        assert (read_message(received.body), received.receive_count) == (FIRST, receives)
        bench.leave(received)
    assert read_message(taken(bench).body) == SECOND
    assert bench.buried() == [write_message(FIRST)]


def test_what_is_buried_says_why_and_is_there_once(bench: Bench) -> None:
    body = "\x00<\ufffe\U0001f511>" * 1000
    bench.queue.bury(body, "not JSON, or cut short")
    bench.queue.bury(body, "not JSON, or cut short")
    bench.queue.bury("other", "not JSON, or cut short")
    letters = [json.loads(letter) for letter in bench.buried()]
    assert letters == [
        {"passback": 1, "reason": "not JSON, or cut short", "body": text} for text in (body[:KEPT_OF_BODY], "other")
    ]
    assert bench.take() is None


def test_what_a_stranger_sends_is_received(bench: Bench) -> None:
    bench.put("hello")
    assert taken(bench).body == "hello"


# SQS alone


def attributes(client: "SQSClient", url: str) -> dict[str, str]:
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return {str(name): text for name, text in answer["Attributes"].items()}


@pytest.mark.engine
def test_the_queues_are_as_designed_and_a_second_making_changes_nothing(sqs: "SQSClient") -> None:
    bench = SqsBench(sqs)
    bench.queue.send(FIRST, "group")
    sqs.set_queue_attributes(QueueUrl=bench.url, Attributes={"VisibilityTimeout": "7"})
    create_queues(sqs, bench.name, bench.dead_name)
    assert read_message(taken(bench).body) == FIRST
    found, dead = attributes(sqs, bench.url), attributes(sqs, bench.dead_url)
    redrive = json.loads(found["RedrivePolicy"])
    assert (redrive["deadLetterTargetArn"], redrive["maxReceiveCount"]) == (dead["QueueArn"], 5)
    names = ("FifoQueue", "ContentBasedDeduplication", "MessageRetentionPeriod", "VisibilityTimeout")
    assert [found[name] for name in names] == ["true", "false", "1209600", "7"]
    assert [dead[name] for name in names] == ["true", "false", "1209600", "360"]
    assert (found["MaximumMessageSize"], dead["MaximumMessageSize"]) == ("1024", "16384")


@pytest.mark.engine
def test_an_address_is_looked_up_once_by_all_threads_together(engine: Engine) -> None:
    made: list[SQSClient] = []
    requests: list[str] = []

    def make() -> "SQSClient":
        made.append(make_sqs_client(Settings(stage="local"), engine.environment))
        made[-1].meta.events.register("before-call.sqs", lambda model, **_: requests.append(model.name))
        return made[-1]

    bench = SqsBench(make_sqs_client(Settings(stage="local"), engine.environment))
    queue = SqsQueue(make, bench.name, bench.dead_name)
    assert made == []
    ready = threading.Barrier(8)

    def send(number: int) -> None:
        ready.wait()
        queue.send(Message("delivery", number), "group")

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert sorted(requests) == ["GetQueueUrl"] + ["SendMessage"] * 8


@pytest.mark.engine
def test_a_queue_that_is_missing_is_unavailable_until_it_is_there(sqs: "SQSClient") -> None:
    name, dead_name = f"q{uuid.uuid4().hex}.fifo", f"d{uuid.uuid4().hex}.fifo"
    queue = SqsQueue(lambda: sqs, name, dead_name)
    with pytest.raises(QueueUnavailable, match="GetQueueUrl was refused") as missing:
        queue.send(FIRST, "group")
    assert missing.value.retryable
    with pytest.raises(QueueUnavailable):
        queue.bury("body", "reason")
    create_queues(sqs, name, dead_name)
    queue.send(FIRST, "group")


@pytest.mark.engine
def test_a_queue_that_goes_away_is_unavailable(sqs: "SQSClient") -> None:
    bench = SqsBench(sqs)
    bench.queue.send(FIRST, "group")
    sqs.delete_queue(QueueUrl=bench.url)
    with pytest.raises(QueueUnavailable, match="SendMessage was refused"):
        bench.queue.send(SECOND, "group")


def test_nobody_at_the_address_is_unavailable_and_nothing_sent_is_in_the_words() -> None:
    environment = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "us-east-1"}
    environment |= {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
    client = make_sqs_client(Settings(stage="local"), environment)
    with pytest.raises(QueueUnavailable, match="EndpointConnectionError") as refused:
        SqsQueue(lambda: client, "a.fifo", "b.fifo").send(FIRST, "group")
    assert FIRST.delivery_id not in str(refused.value)
    with pytest.raises(QueueUnavailable, match="CreateQueue"):
        create_queues(client, "a.fifo", "b.fifo")


# the queue in memory alone


def test_a_generation_is_queued_again_after_five_minutes() -> None:
    clock = StageClock(START)
    queue = MemoryQueue(clock)
    queue.send(FIRST, "group")
    clock.move(299)
    queue.send(FIRST, "group")
    assert len(queue.messages()) == 1
    clock.move(1)
    queue.send(FIRST, "group")
    assert queue.messages() == [FIRST, FIRST]


def test_faults_can_be_switched_on() -> None:
    queue = MemoryQueue(StageClock(START))
    queue.refusing = True
    with pytest.raises(QueueUnavailable):
        queue.send(FIRST, "group")
    with pytest.raises(QueueUnavailable):
        queue.bury("body", "reason")
    queue.refusing, queue.losing = False, True
    queue.send(FIRST, "group")
    assert (queue.waiting, queue.buried) == ([], [])
    queue.losing, queue.confused = False, True
    with pytest.raises(QueueUnavailable):
        queue.send(FIRST, "group")
    assert queue.messages() == [FIRST]
    queue.confused, queue.doubling = False, True
    seen: list[tuple[str, int]] = []
    assert queue.drain(lambda body, receives: seen.append((body, receives))) == []
    assert seen == [(write_message(FIRST), 1), (write_message(FIRST), 2)]
    assert queue.sent == [(FIRST, "group")]


def test_a_worker_that_always_fails_ends_with_the_dead_letters() -> None:
    queue = MemoryQueue(StageClock(START))
    queue.send(FIRST, "group")

    def fail(_body: str, _receives: int) -> None:
        raise ValueError

    assert len(queue.drain(fail)) == MOST_RECEIVES
    assert (queue.waiting, queue.buried, queue.dead) == ([], [write_message(FIRST)], [])
