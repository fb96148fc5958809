"""A stage whose table is one of a real engine: begun anew, or with what an image holds.

Items get everything that a real table gives them, and every condition is judged by an engine that is not ours.
Only what every version's tests have is used of the stage: an older checkout's is driven by this module too.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import httpx
import stage as stage_module
from memory_queue import MemoryQueue
from platforms.campus import make_moodle
from platforms.moodle import Moodle
from platforms.wires import through_the_seam
from stage import Stage, StageClock

from chalicelib import services as service_graph
from chalicelib.config import Settings
from chalicelib.delivery.pacing import Pace
from chalicelib.lti11.tools import OnDelay
from chalicelib.lti13.keys import jwks
from chalicelib.lti13.transport import Transport
from chalicelib.services import Services, connect
from chalicelib.storage.clients import make_client
from chalicelib.storage.schema import create
from chalicelib.storage.sealing import KeyFileSealer
from chalicelib.storage.table import Table
from simulator.simulator import Simulator
from upgrade.image import Image, Story

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PUT_BATCH = 25
KEY_FILE = "master.key"
"""Where the stage keeps the key that seals secrets."""

Announce = Callable[[str], None]


def client_of(environment: dict[str, str]) -> "DynamoDBClient":
    """Make a client of the engine, as the service makes its own."""
    return make_client(Settings(stage="local"), environment)


@contextmanager
def fresh_stage(client: "DynamoDBClient", folder: Path) -> Iterator[tuple[Stage, Moodle]]:
    """Set an empty stage with a Moodle beside the simulator; tools are told of no delays."""

    def table(before: Announce, after: Announce) -> Table:
        return _announcing(client, _new_table(client), before, after)

    # The stage of an older checkout takes no other table, so that its own is put aside.
    with (
        patch.object(stage_module, "MemoryTable", table),
        stage_module.open_stage(folder, on_delay=OnDelay.QUEUE) as stage,
    ):
        moodle = make_moodle(stage)
        _put_beside(stage, moodle)
        yield stage, moodle


@contextmanager
def stage_of(image: Image, client: "DynamoDBClient", folder: Path) -> Iterator[tuple[Stage, Moodle]]:
    """Set the stage with what an image holds, at its moment. Containers are new, and no fault is switched on."""
    name = _new_table(client)
    _fill(client, name, image)
    key_file = folder / KEY_FILE
    key_file.write_text(f"{image.sealing_key}\n", encoding="ascii")
    key_file.chmod(0o600)
    clock = StageClock(image.story.instant)
    queue, pace = MemoryQueue(clock), Pace(clock)
    for body, group in image.messages:
        queue.put(body, group)
    holder: list[Stage] = []
    table = _announcing(
        client, name, lambda request: holder[0].table_request(request), lambda request: holder[0].table_answer(request)
    )
    http = httpx.Client(transport=httpx.MockTransport(lambda request: holder[0].answer_http(request)))
    transport = Transport(http, clock, resolve=lambda _host, _port: ["93.184.216.34"], observe=pace.observe)

    def start() -> Services:
        sealer = KeyFileSealer(key_file)
        return connect(Settings(stage="test"), clock, transport, table, sealer, queue, pace, chance=lambda: 0.5)

    def key_set(_url: str) -> bytes:
        return json.dumps(jwks(holder[0].services.signing_keys.list())).encode()

    simulator = Simulator.load(image.gradebook, clock=clock.now, fetch=key_set)
    # Making the services asks the table nothing, so that nobody is announced before the stage stands.
    stage = Stage(start(), simulator, clock, queue, start)
    holder.append(stage)
    moodle = make_moodle(stage)
    _give_back(moodle, image)
    _put_beside(stage, moodle)
    service_graph.use(stage.services)
    try:
        yield stage, moodle
    finally:
        service_graph.use(None)
        http.close()


def image_of(story: Story, client: "DynamoDBClient", stage: Stage, moodle: Moodle, folder: Path) -> Image:
    """Take the image of a stage as it is now; the queue is empty afterwards."""
    now = stage.clock.now()
    states = {each.id: str(each.state) for each in stage.services.deliveries.list(now, days=2)}
    grades = [column.grade(user) for user, column in zip(moodle.people, moodle.columns.values(), strict=True)]
    return Image(
        story=replace(
            story,
            moment=now.isoformat(),
            outcomes={name: replace(each, state=states[each.delivery]) for name, each in story.outcomes.items()},
            moodle=[(None if grade.points is None else str(grade.points), grade.second) for grade in grades],
        ),
        sealing_key=(folder / KEY_FILE).read_text("ascii").strip(),
        items=items_of(client, stage.services.table.name),
        messages=messages_of(stage.queue),
        gradebook=stage.simulator.dump(),
    )


def items_of(client: "DynamoDBClient", table: str) -> list[dict[str, Any]]:
    """Read everything that is in the table."""
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return [dict(item) for page in pages for item in page["Items"]]


def messages_of(queue: MemoryQueue) -> list[tuple[str, str]]:
    """Take everything out of the queue, in its order."""
    messages = []
    while received := queue.take():
        messages.append((received.body, received.group))
        queue.done(received)
    return messages


def _new_table(client: "DynamoDBClient") -> str:
    """Make a table of a name of its own: stages may share an engine."""
    name = f"passback-{uuid.uuid4().hex}"
    create(client, name)
    return name


def _announcing(client: "DynamoDBClient", name: str, before: Announce, after: Announce) -> Table:
    """Make a table that announces every request, as the one in memory does."""

    def announce_request(model: Any, **_: Any) -> None:
        before(model.name)

    def announce_answer(model: Any, **_: Any) -> None:
        after(model.name)

    client.meta.events.register("before-call.dynamodb", announce_request)
    client.meta.events.register("after-call.dynamodb", announce_answer)
    return Table(client, name)


def _fill(client: "DynamoDBClient", name: str, image: Image) -> None:
    for first in range(0, len(image.items), PUT_BATCH):
        requests: Any = [{"PutRequest": {"Item": item}} for item in image.items[first : first + PUT_BATCH]]
        left = client.batch_write_item(RequestItems={name: requests})["UnprocessedItems"]
        assert not left, "the engine left items out"


def _put_beside(stage: Stage, moodle: Moodle) -> None:
    """Let Moodle's host be answered by Moodle; the simulator goes on answering the rest."""
    canvas, answer = stage.answer_http, through_the_seam(moodle)

    def routed(request: httpx.Request) -> httpx.Response:
        return answer(request) if request.url.host == moodle.host else canvas(request)

    stage.answer_http = routed  # type: ignore[method-assign]  # the stage has no other door for a second platform


def _give_back(moodle: Moodle, image: Image) -> None:
    """Make Moodle's columns and students anew, in their order, which gives them their numbers; and their grades."""
    for points, second in image.story.moodle:
        column, user_id = moodle.add_column(), moodle.add_person()
        grade = column.grade(user_id)
        grade.points, grade.second = None if points is None else Decimal(points), second
