"""What the measurements run on: the local engine and the simulator as processes of their own, and Passback here."""

import logging
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from engine import Engine, running_engine
from pox import replace_result, signed_headers
from stage import gateway_event

import app
from bench.children import running_simulator
from chalicelib import services as service_graph
from chalicelib import telemetry
from chalicelib.clock import SystemClock
from chalicelib.config import Settings
from chalicelib.delivery.pacing import Pace
from chalicelib.delivery.sqs import SqsQueue, create_queues
from chalicelib.lti11.tools import Tool
from chalicelib.lti13.keys import generate_signing_key, jwks
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.transport import Transport
from chalicelib.lti13.transport import make_client as make_http_client
from chalicelib.mapping.model import Mapping
from chalicelib.services import Services, connect
from chalicelib.storage.clients import make_client, make_kms_client, make_sqs_client
from chalicelib.storage.schema import create
from chalicelib.storage.sealer_choice import make_sealer
from chalicelib.storage.table import Table

CONSUMER_KEY = "legacytool1234567890"
SECRET = "a secret of the benchmark"
OUTCOME_URL = "https://passback.example.org/api/outcomes"
TABLE = "passback"
PLATFORM = "canvas"

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seat:
    """One student on one line item, mapped at Passback. ``handle`` is the simulator's name for it."""

    platform: str
    sourcedid: str
    line_item: str
    user_id: str
    handle: str


@dataclass(frozen=True, slots=True)
class Site:
    """One platform: the name that it is registered by, and the simulator that plays it."""

    name: str
    simulator: httpx.Client

    def control(self, name: str, **fields: Any) -> Document:
        """Give the simulator an order (docs/simulator.md)."""
        response = self.simulator.post(f"/_sim/{name}", json=fields)
        response.raise_for_status()
        document: Document = response.json()
        return document

    def seat(self, beside: Seat | None = None) -> Seat:
        """Make a student who has handed in nothing: in a course of their own, or in another one's course."""
        prepared = self.control("prepare", **({} if beside is None else {"beside": beside.handle}))
        sourcedid = f"sourced-{random.randbytes(16).hex()}"  # noqa: S311 - no secret
        return Seat(self.name, sourcedid, prepared["line_item"], prepared["user_id"], prepared["handle"])

    def seats(self, students: int, courses: int) -> list[Seat]:
        """Make students spread evenly over courses, the courses taking turns."""
        seats: list[Seat] = []
        for number in range(students):
            seats.append(self.seat(seats[number % courses] if number >= courses else None))
        return seats


@dataclass(frozen=True, slots=True)
class Stack:
    """The running stack. ``environment`` is all that a fresh Passback needs to join it; ``sites`` has one at least."""

    environment: dict[str, str]
    services: Services
    client: Any
    queues: Any
    engine: Engine
    sites: dict[str, Site]

    @property
    def site(self) -> Site:
        """Return the first site."""
        return next(iter(self.sites.values()))

    def seat(self) -> Seat:
        """Make a fresh course at the first site with one student who has handed in nothing, and map it."""
        seat = self.site.seat()
        self.map([seat])
        return seat

    def map(self, seats: Sequence[Seat]) -> None:
        """Map seats at Passback."""
        self.services.mappings.put_many(
            Mapping(CONSUMER_KEY, seat.sourcedid, seat.platform, seat.line_item, seat.user_id) for seat in seats
        )

    def requests_at_platform(self, since: int) -> Document:
        """Return what the first simulator was asked after request number ``since``: ``requests`` and ``last``."""
        answer = self.site.simulator.get("/_sim/requests", params={"since": since})
        document: Document = answer.raise_for_status().json()
        return document

    def answer(self, event: Document) -> Document:
        """Have the app of this process answer an event."""
        answer: Document = app.app(event, None)
        return answer

    def take_message(self) -> Document:
        """Take the one message that is in the queue, as the event in which Lambda hands it to the worker."""
        url = self.queues.get_queue_url(QueueName=self.services.settings.queue)["QueueUrl"]
        [message] = self.queues.receive_message(QueueUrl=url, WaitTimeSeconds=2, MessageSystemAttributeNames=["All"])[
            "Messages"
        ]
        self.queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        record = {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message["Attributes"],
            "eventSource": "aws:sqs",
        }
        return {"Records": [record]}


def outcome_event(seat: Seat, score: str | None = None, received: datetime | None = None) -> Document:
    """Sign a plain outcome (one fraction) and put it into API Gateway's event, by default received now."""
    now = received or datetime.now(UTC)
    body = replace_result(seat.sourcedid, score or random_score())
    headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(now.timestamp()))
    return gateway_event(OUTCOME_URL, headers, body, now)


def random_score() -> str:
    """Make up a fraction."""
    return f"0.{random.randrange(1000, 9999)}"  # noqa: S311 - no secret


def must_be_success(answer: Document) -> None:
    """Make sure that what was measured is a delivered outcome, and not a failure that was quick.

    Raises
    ------
    RuntimeError
        If the answer is anything but a plain success.
    """
    if answer["statusCode"] != 200 or "<imsx_codeMajor>success<" not in answer["body"]:
        raise RuntimeError(f"an outcome did not succeed: {answer['statusCode']} {answer['body']}")


@contextmanager
def running_stack(
    folder: Path,
    platforms: Sequence[str] = (PLATFORM,),
    *,
    kms: bool = False,
    start_engine: Callable[[Path], AbstractContextManager[Engine]] = running_engine,
) -> Iterator[Stack]:
    """Start everything on loopback and free ports, register a tool and platforms, and stop everything at the end.

    Parameters
    ----------
    kms
        Seal with the engine's KMS, as on AWS, and not with a key file.
    """
    with ExitStack() as cleanup:
        engine = cleanup.enter_context(start_engine(folder))
        sites = {}
        for name in platforms:
            url = cleanup.enter_context(running_simulator())
            sites[name] = Site(name, cleanup.enter_context(httpx.Client(base_url=url, trust_env=False, timeout=10.0)))
        telemetry.start(cleanup.enter_context(Path(os.devnull).open("w")))  # written, as in Lambda, but not shown
        cleanup.callback(logging.getLogger(telemetry.LOGGER).handlers.clear)  # the next stack has a file of its own
        environment = {
            **engine.environment,
            "PASSBACK_STAGE": "local",
            "PASSBACK_TABLE": TABLE,
        }
        environment |= (
            {"PASSBACK_KMS_KEY": _make_kms_key(environment)}
            if kms
            else {"PASSBACK_KEY_FILE": str(folder / "master.key")}
        )
        services, client, queues = _services(environment)
        _register(services, sites)
        service_graph.use(services)
        cleanup.callback(service_graph.use, None)
        yield Stack(environment, services, client, queues, engine, sites)


def _make_kms_key(environment: dict[str, str]) -> str:
    client = make_kms_client(Settings(stage="bench"), environment)
    return client.create_key()["KeyMetadata"]["KeyId"]


def _services(environment: dict[str, str]) -> tuple[Services, Any, Any]:
    """Build Passback as it runs in Lambda, but for loopback http, which only stage ``local`` lets through.

    That stage would also try each signature over http URLs, which costs time that Lambda does not spend.
    """
    settings = replace(Settings.from_environment(environment), stage="bench")
    clock = SystemClock()
    client, queues = make_client(settings, environment), make_sqs_client(settings, environment)
    create(client, TABLE)
    create_queues(queues, settings.queue, settings.dead_letter_queue)
    pace = Pace(clock)
    transport = Transport(make_http_client(clock), clock, local=True, observe=pace.observe)
    queue = SqsQueue(lambda: queues, settings.queue, settings.dead_letter_queue)
    table, sealer = Table(client, TABLE), make_sealer(settings, environment)
    return connect(settings, clock, transport, table, sealer, queue, pace), client, queues


def _register(services: Services, sites: dict[str, Site]) -> None:
    key = generate_signing_key(datetime.now(UTC) - timedelta(days=2))
    services.signing_keys.add(key)
    services.tools.add(Tool(CONSUMER_KEY, (SECRET,)))
    for site in sites.values():
        prepared = site.control("prepare")
        services.platforms.add(
            Platform(
                name=site.name,
                profile="canvas",
                issuer=prepared["issuer"],
                client_id=prepared["client_id"],
                token_url=prepared["token_url"],
                audience=prepared["audience"],
                hosts=(prepared["host"],),
            )
        )
        site.control("register", client_id=prepared["client_id"], public_jwk=jwks([key])["keys"][0])


def wait_for_tick() -> None:
    """Let a millisecond pass: two outcomes of one student in the same millisecond would wait for each other."""
    time.sleep(0.001)
