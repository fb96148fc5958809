"""Containers at work at once on one table: real threads, real time, a real engine for the table."""

import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from engine import Engine, running_engine
from memory_queue import MemoryQueue
from pox import delete_result, replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, PLATFORM_URL, SECRET

from chalicelib.clock import SystemClock
from chalicelib.config import Settings
from chalicelib.delivery.pacing import Pace
from chalicelib.delivery.reception import Received
from chalicelib.delivery.records import DeliveryState
from chalicelib.lti11.doors import PoxDoor
from chalicelib.lti11.keys import sourcedid_digest
from chalicelib.lti11.messages import Answer
from chalicelib.lti11.tools import Tool
from chalicelib.lti13.keys import generate_signing_key, jwks
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.transport import Transport
from chalicelib.mapping.model import Mapping
from chalicelib.services import Services, connect
from chalicelib.storage.clients import make_client
from chalicelib.storage.sealing import KeyFileSealer
from chalicelib.storage.table import Table, create
from chalicelib.translation.answers import SUPERSEDED
from chalicelib.web.gateway import IncomingRequest
from simulator.exchange import Request as SimulatorRequest
from simulator.simulator import Simulator

pytestmark = pytest.mark.engine

AT_ONCE = 4
"""Requests at once in each of the two containers."""
PLATFORM_SECONDS = (0.0, 0.02, 0.005, 0.05)
"""How long the platform takes, in turn: so that calls overlap in ever other ways."""
ESSAY = {"text": "an essay"}


@dataclass(frozen=True)
class Seat:
    handle: str
    sourcedid: str


class Class:
    """Two containers over one table, and the platform that both call."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.clock = SystemClock()
        self._engine = engine
        self._sealer = KeyFileSealer(folder / "key")
        self._queue = MemoryQueue(self.clock)
        self._table = f"passback-{uuid.uuid4().hex}"
        self._lock = threading.Lock()
        self._turns = itertools.cycle(PLATFORM_SECONDS)
        self.posted: list[dict[str, Any]] = []
        create(self._client(), self._table)
        self.containers = [self._container(), self._container()]
        services = self.containers[0]
        services.signing_keys.add(generate_signing_key(self.clock.now()))
        services.tools.add(Tool(CONSUMER_KEY, (SECRET,)))
        key_set = json.dumps(jwks(services.signing_keys.list())).encode()
        self.simulator = Simulator(clock=self.clock.now, fetch=lambda _url: key_set)
        prepared = self.control("prepare")
        services.platforms.add(
            Platform(
                name="canvas",
                profile="canvas",
                issuer=prepared["issuer"],
                client_id=prepared["client_id"],
                token_url=prepared["token_url"],
                audience=prepared["audience"],
                hosts=(prepared["host"],),
            )
        )
        self.control("register", client_id=prepared["client_id"], jwks_url=f"{OUTCOME_URL}/jwks.json")

    def _client(self) -> Any:
        return make_client(Settings(stage="local"), self._engine.environment)

    def _container(self) -> Services:
        http = httpx.Client(transport=httpx.MockTransport(self._answer))
        transport = Transport(http, self.clock, resolve=lambda _host, _port: ["93.184.216.34"])
        table = Table(self._client(), self._table)
        return connect(
            Settings(stage="test"), self.clock, transport, table, self._sealer, self._queue, Pace(self.clock)
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        with self._lock:
            seconds = next(self._turns)
            if request.url.path.endswith("/scores"):
                self.posted.append(json.loads(body, parse_float=Decimal))
        time.sleep(seconds)
        headers = {name.lower(): value for name, value in request.headers.items()}
        answer = self.simulator.handle(
            SimulatorRequest(request.method, request.url.path, request.url.query.decode(), headers, body, "https")
        )
        time.sleep(seconds)
        return httpx.Response(answer.status, headers=list(answer.headers), content=answer.body)

    def control(self, name: str, **fields: Any) -> dict[str, Any]:
        host = PLATFORM_URL.removeprefix("https://")
        order = SimulatorRequest("POST", f"/_sim/{name}", "", {"host": host}, json.dumps(fields).encode(), "https")
        answer = self.simulator.handle(order)
        assert answer.status == 200, answer.body
        document: dict[str, Any] = json.loads(answer.body, parse_float=Decimal)
        return document

    def seat(self) -> Seat:
        prepared = self.control("prepare", points=10)
        seat = Seat(prepared["handle"], f"sourced-{uuid.uuid4().hex}")
        mapping = Mapping(CONSUMER_KEY, seat.sourcedid, "canvas", prepared["line_item"], prepared["user_id"])
        self.containers[0].mappings.put(mapping)
        return seat

    def state(self, seat: Seat) -> dict[str, Any]:
        return self.control("state", handle=seat.handle)

    def request(self, body: bytes, received_at: int) -> IncomingRequest:
        headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=received_at // 1000)
        return IncomingRequest(
            "POST", (OUTCOME_URL,), (headers["Authorization"],), "application/xml", body, received_at
        )

    def now(self) -> int:
        return int(self.clock.now().timestamp() * 1000)

    def at_once(self, requests: Sequence[IncomingRequest]) -> list[Answer]:
        """Send all requests at the same moment, by turns to the two containers."""
        start = threading.Barrier(len(requests))

        def send(numbered: tuple[int, IncomingRequest]) -> Received:
            number, request = numbered
            start.wait(10)
            return self.containers[number % 2].reception.receive(request, PoxDoor(), f"{number}")

        with ThreadPoolExecutor(len(requests)) as pool:
            return [received.answer for received in pool.map(send, enumerate(requests))]

    def states(self, seat: Seat) -> list[DeliveryState]:
        listed = self.containers[0].deliveries.list(self.clock.now())
        mine = sourcedid_digest(seat.sourcedid)
        return [delivery.state for delivery in listed if delivery.sourcedid_digest == mine]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running_engine(tmp_path_factory.mktemp("engine")) as running:
        yield running


@pytest.fixture(scope="module")
def opened(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Class:
    return Class(engine, tmp_path_factory.mktemp("class"))


@pytest.fixture
def course(opened: Class) -> Class:
    opened.posted.clear()
    return opened


def in_some_order(number: int) -> list[int]:
    """The later ones are not always the last to come."""
    return [(3 * index + 2) % number for index in range(number)]


def newest(requests: Sequence[IncomingRequest], answers: Sequence[Answer]) -> int:
    """Give the place of the newest request that was told success."""
    accepted = [place for place, answer in enumerate(answers) if answer.succeeded]
    return max(accepted, key=lambda place: requests[place].received_at)


@pytest.mark.parametrize("history", ["nothing before", "a score before"])
def test_simultaneous_scores_make_one_attempt_and_the_newest_stays(course: Class, history: str) -> None:
    seat = course.seat()
    if history == "a score before":
        course.at_once([course.request(replace_result(seat.sourcedid, "0.01"), course.now())])
        time.sleep(0.01)
    scores = [f"0.{10 + place}" for place in range(2 * AT_ONCE)]
    base = course.now() - 2 * AT_ONCE
    order = in_some_order(2 * AT_ONCE)
    requests = [
        course.request(replace_result(seat.sourcedid, score), base + moment)
        for score, moment in zip(scores, order, strict=True)
    ]
    answers = course.at_once(requests)

    state = course.state(seat)
    assert state["attempt"] == 1
    assert any(answer.succeeded for answer in answers)
    assert {answer.error_code for answer in answers} <= {None, "platform_unavailable"}
    last = newest(requests, answers)
    assert state["score"] == Decimal(scores[last]) * 10
    assert answers[last].description == ""
    posted = {str(post.get("scoreGiven")) for post in course.posted}
    for score, answer in zip(scores, answers, strict=True):
        if answer.succeeded:
            assert (score in posted) is (answer.description != SUPERSEDED)
    ended = course.states(seat)
    assert DeliveryState.ACCEPTED not in ended
    told = sum(answer.succeeded for answer in answers) + (history == "a score before")
    assert sum(state in (DeliveryState.DELIVERED, DeliveryState.SUPERSEDED) for state in ended) == told


def test_the_same_moment_for_all_is_a_tie_that_loses_none(course: Class) -> None:
    """One millisecond: the platform's own order must not refuse any of them as stale."""
    seat = course.seat()
    moment = course.now()
    requests = [
        course.request(replace_result(seat.sourcedid, f"0.{10 + place}"), moment) for place in range(2 * AT_ONCE)
    ]
    answers = course.at_once(requests)
    assert all(answer.succeeded for answer in answers), answers
    assert all(answer.description == "" for answer in answers)
    assert len(course.posted) == 2 * AT_ONCE
    stamps = [post["timestamp"] for post in course.posted]
    assert stamps == sorted(set(stamps))
    state = course.state(seat)
    assert state["attempt"] == 1
    assert state["score"] == course.posted[-1]["scoreGiven"] * 10


@pytest.mark.parametrize(
    "body",
    [
        lambda sourcedid: replace_result(sourcedid, "0.92", data=ESSAY),
        delete_result,
    ],
    ids=["text", "delete"],
)
def test_the_same_signed_request_eight_times_at_once_has_one_effect(
    course: Class, body: Callable[[str], bytes]
) -> None:
    seat = course.seat()
    request = course.request(body(seat.sourcedid), course.now())
    answers = course.at_once([request] * 2 * AT_ONCE)
    assert any(answer.succeeded for answer in answers)
    for answer in answers:
        assert answer.succeeded or answer.error_code == "platform_unavailable"
    assert len({answer for answer in answers if answer.succeeded}) == 1
    assert len(course.posted) == 1
    assert course.state(seat)["attempt"] <= 1
    assert course.states(seat) == [DeliveryState.DELIVERED]
    assert all(answer.succeeded for answer in course.at_once([request] * 2))
    assert len(course.posted) == 1


def test_the_same_outcome_newly_signed_eight_times_at_once_is_one_piece_of_work(course: Class) -> None:
    seat = course.seat()
    body = replace_result(seat.sourcedid, "0.92", data=ESSAY)
    moment = course.now()
    answers = course.at_once([course.request(body, moment + place) for place in range(2 * AT_ONCE)])
    assert any(answer.succeeded for answer in answers)
    state = course.state(seat)
    assert (state["attempt"], state["score"], state["body"]) == (1, Decimal("9.2"), "an essay")


def test_simultaneous_pieces_of_work_are_each_one_attempt(course: Class) -> None:
    seat = course.seat()
    base = course.now() - 2 * AT_ONCE
    requests = [
        course.request(replace_result(seat.sourcedid, "0.5", data={"text": f"essay {place}"}), base + moment)
        for place, moment in enumerate(in_some_order(2 * AT_ONCE))
    ]
    answers = course.at_once(requests)
    delivered = [answer for answer in answers if answer.succeeded and answer.description != SUPERSEDED]
    state = course.state(seat)
    assert state["attempt"] == len(delivered)
    assert state["body"] == f"essay {newest(requests, answers)}"
    bodies = [version["body"] for version in state["history"]]
    assert len(bodies) == len(set(bodies))


def test_students_do_not_wait_for_each_other(course: Class) -> None:
    seats = [course.seat() for _ in range(2 * AT_ONCE)]
    moment = course.now()
    answers = course.at_once([course.request(replace_result(seat.sourcedid, "0.5"), moment) for seat in seats])
    assert [answer.succeeded for answer in answers] == [True] * len(seats)
    assert [course.state(seat)["score"] for seat in seats] == [Decimal(5)] * len(seats)
