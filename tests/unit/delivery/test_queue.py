import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.delivery.queue import (
    LARGEST_DEAD_LETTER,
    LARGEST_MESSAGE,
    Message,
    read_message,
    write_dead_letter,
    write_message,
)
from chalicelib.delivery.sqs import SqsQueue
from chalicelib.errors import PoisonMessage, QueueUnavailable, SetupError
from chalicelib.identifiers import Identifiers

MESSAGE = Message(Identifiers(lambda size: b"\xff" * size).delivery_id(1_800_000_000_000), 3)


def test_a_message_is_what_is_written_down() -> None:
    assert json.loads(write_message(MESSAGE)) == {
        "passback": 1,
        "delivery": MESSAGE.delivery_id,
        "generation": 3,
    }
    assert MESSAGE.deduplication_id == f"{MESSAGE.delivery_id}-3"


@pytest.mark.parametrize("generation", [0, 1, 10**9])
def test_a_message_is_read_as_it_was_written(generation: int) -> None:
    message = Message(MESSAGE.delivery_id, generation)
    assert read_message(write_message(message)) == message


def test_the_longest_message_fits_the_queue_and_its_deduplication_id() -> None:
    longest = Message("f" * 64, 10**9)
    assert read_message(write_message(longest)) == longest
    assert len(write_message(longest)) < LARGEST_MESSAGE
    assert len(longest.deduplication_id) <= 128  # SQS, SendMessage: MessageDeduplicationId


def changed(**fields: object) -> str:
    return json.dumps({**json.loads(write_message(MESSAGE)), **fields})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "not JSON"),
        ("hello", "not JSON"),
        ("<xml/>", "not JSON"),
        ("[" * 1000, "not JSON"),
        ("9" * 5000, "longer than 1024"),
        (write_message(MESSAGE)[:-1], "cut short"),
        (write_message(MESSAGE)[:20], "cut short"),
        (write_message(MESSAGE) + "x", "not JSON"),
        (write_message(MESSAGE) + " " * LARGEST_MESSAGE, "longer than 1024"),
        ("null", "not a message of Passback"),
        ("[]", "not a message of Passback"),
        ("{}", "not a message of Passback"),
        ('"passback"', "not a message of Passback"),
        ('{"delivery": "a", "generation": 1}', "not a message of Passback"),
        (changed(passback=0), "another version of Passback: version 0, this one reads version 1"),
        (changed(passback=2), "version 2"),
        (changed(passback=True), "no version"),
        (changed(passback="1"), "no version"),
        (changed(passback=1.0), "no version"),
        (changed(passback=10**300), "no version"),
        (changed(more=1), "other fields"),
        ('{"passback": 1}', "other fields"),
        (write_dead_letter("body", "reason"), "other fields"),
        (changed(delivery=7), "delivery"),
        (changed(delivery=None), "delivery"),
        (changed(delivery=""), "delivery"),
        (changed(delivery="a b"), "delivery"),
        (changed(delivery="a\n"), "delivery"),
        (changed(delivery="a" * 65), "delivery"),
        (changed(delivery="ä"), "delivery"),
        (changed(generation="3"), "generation"),
        (changed(generation=3.0), "generation"),
        (changed(generation=True), "generation"),
        (changed(generation=None), "generation"),
        (changed(generation=-1), "generation"),
        (changed(generation=10**9 + 1), "generation"),
    ],
)
def test_anything_else_is_poison_and_says_why(body: str, reason: str) -> None:
    with pytest.raises(PoisonMessage) as poison:
        read_message(body)
    assert reason in poison.value.reason
    assert not poison.value.retryable


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
@example("[" * 1024)
@example("1" * 1024)
@example('"\ud800"')
def test_no_text_breaks_the_reader_and_none_is_repeated(body: str) -> None:
    with pytest.raises(PoisonMessage) as poison:
        read_message(body)
    assert len(body) < 10 or body not in str(poison.value)


@given(st.text(max_size=3000), st.text(max_size=500))
@example("\U0001f511" * 1000, "\x00" * 300)
@example("\ud800", "")
def test_a_dead_letter_always_fits_in_characters_that_sqs_takes(body: str, reason: str) -> None:
    letter = write_dead_letter(body, reason)
    assert letter.isascii()
    assert letter.isprintable()
    assert len(letter) <= LARGEST_DEAD_LETTER
    assert json.loads(letter) == {"passback": 1, "reason": reason[:200], "body": body[:1000]}


def test_a_queue_that_is_not_used_makes_no_client_and_one_that_cannot_be_made_is_not_there() -> None:
    made: list[str] = []

    def make() -> None:
        made.append("client")
        raise SetupError("no region")

    queue = SqsQueue(make, "a.fifo", "b.fifo")  # type: ignore[arg-type]  # makes none
    assert made == []
    with pytest.raises(QueueUnavailable, match="SetupError"):
        queue.send(MESSAGE, "group")
    with pytest.raises(QueueUnavailable, match="SetupError"):
        queue.bury("body", "reason")
    assert made == ["client"] * 2
