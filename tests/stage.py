"""A whole Passback in this process: the real app and stores, a table in memory, the simulator for the platform.

Nothing else of ours is replaced. The simulator is reached through httpx's transport seam, so no socket is opened, and
time is the stage's own: it moves when somebody sleeps or when a test moves it.
"""

import json
import urllib.parse
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from lxml import etree
from memory_queue import MemoryQueue
from memory_table import MemoryTable
from pox import signed_headers

import app as app_module
from chalicelib import services as service_graph
from chalicelib import worker
from chalicelib.clock import to_milliseconds
from chalicelib.config import Settings
from chalicelib.delivery.pacing import Pace
from chalicelib.lti11.tools import OnDelay, Tool
from chalicelib.lti13.keys import SigningKey, generate_signing_key, jwks
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.transport import Transport
from chalicelib.mapping.model import Mapping as SourcedidMapping
from chalicelib.mapping.model import Submitted
from chalicelib.services import Services, connect
from chalicelib.storage.sealing import KeyFileSealer
from simulator.exchange import Request as SimulatorRequest
from simulator.simulator import Simulator

HOST = "passback.example.org"
OUTCOME_URL = f"https://{HOST}/api/outcomes"
PLATFORM_URL = "https://canvas.example.edu"
CONSUMER_KEY = "legacy tool"
SECRET = "s3cr3t & café"  # a test's secret


START = datetime(2026, 2, 3, 10, 15, 30, 123000, tzinfo=UTC)
WRITES = ("PutItem", "UpdateItem", "TransactWriteItems")


class Crash(BaseException):
    """The process stopped dead. No handler of ours may catch it."""


class StageClock:
    """Time that moves by itself only when somebody sleeps."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def sleep(self, seconds: float) -> None:
        self.move(seconds)

    def move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


@dataclass(frozen=True)
class ToolAnswer:
    """What a tool reads: HTTP status and the parts of the POX."""

    status: int
    text: str
    headers: Mapping[str, str]

    def _find(self, name: str) -> str | None:
        found = etree.fromstring(self.text.encode()).find(f".//{{*}}{name}")
        return None if found is None else found.text or ""

    @property
    def code(self) -> str | None:
        return self._find("imsx_codeMajor")

    @property
    def description(self) -> str:
        return self._find("imsx_description") or ""

    @property
    def error(self) -> str | None:
        return self._find("ext_canvas_error_code")

    @property
    def score(self) -> str | None:
        return self._find("textString")

    @property
    def message_ref(self) -> str | None:
        return self._find("imsx_messageRefIdentifier")

    @property
    def operation(self) -> str | None:
        return self._find("imsx_operationRefIdentifier")


@dataclass(frozen=True)
class Seat:
    """One student on one line item: where the simulator keeps it, and the sourcedids on both sides."""

    handle: str
    sourcedid: str
    prepared: dict[str, Any]
    platform: str

    @property
    def lti11(self) -> dict[str, Any]:
        found: dict[str, Any] = self.prepared["lti11"]
        return found


class Stage:
    """Passback and Canvas, side by side."""

    def __init__(
        self,
        services: Services,
        simulator: Simulator,
        clock: StageClock,
        queue: MemoryQueue,
        start: Callable[[], Services],
    ) -> None:
        self.services = services
        self.queue = queue
        self._start = start
        self.table_requests: list[str] = []
        self.interruption: Callable[[httpx.Request], None] | None = None
        """Called before each request reaches the platform: what happens there just then."""
        self.table_interruption: Callable[[str], None] | None = None
        """Called before each request reaches the table: what another container does just then."""
        self.key_set: Callable[[], bytes] | None = None
        """What the platform finds where our key set is; None: all our keys."""
        self.crash_at: int | None = None
        self._moments = 0
        self.simulator = simulator
        self.clock = clock
        self.calls: list[tuple[str, str, dict[str, Any] | None]] = []

    # Canvas

    def control(self, name: str, **fields: Any) -> dict[str, Any]:
        request = SimulatorRequest(
            "POST",
            f"/_sim/{name}",
            headers={"host": "canvas.example.edu"},
            body=json.dumps(fields).encode(),
            scheme="https",
        )
        response = self.simulator.handle(request)
        assert response.status == 200, response.body
        document: dict[str, Any] = json.loads(response.body, parse_float=Decimal)
        return document

    def seat(
        self,
        *,
        platform: str = "canvas",
        submitted: Submitted = Submitted.UNKNOWN,
        sourcedid: str | None = None,
        **fields: Any,
    ) -> Seat:
        """A fresh course with one student in a named state, mapped at Passback."""
        prepared = self.control("prepare", **fields)
        seat = Seat(prepared["handle"], sourcedid or f"sourced-{uuid.uuid4().hex}", prepared, platform)
        self.map(seat, submitted=submitted)
        return seat

    def map(self, seat: Seat, *, submitted: Submitted = Submitted.UNKNOWN, sourcedid: str | None = None) -> str:
        name = sourcedid or seat.sourcedid
        self.services.mappings.put(
            SourcedidMapping(
                CONSUMER_KEY, name, seat.platform, seat.prepared["line_item"], seat.prepared["user_id"], submitted
            )
        )
        return name

    def state(self, seat: Seat) -> dict[str, Any]:
        return self.control("state", handle=seat.handle)

    def grade(self, seat: Seat, score: str | None) -> None:
        """A teacher grades by hand."""
        self.control("grade", handle=seat.handle, score=None if score is None else float(score))

    def faults(self, *faults: dict[str, Any]) -> None:
        self.control("switch", faults=list(faults))

    def scores_posted(self) -> list[dict[str, Any]]:
        return [body for method, path, body in self.calls if method == "POST" and path.endswith("/scores") and body]

    def answer_http(self, request: httpx.Request) -> httpx.Response:
        """The seam: httpx's request to the simulator and back."""
        if self.interruption is not None:
            self.interruption(request)
        self._moment()
        body = request.read()
        is_json = "json" in request.headers.get("content-type", "")
        self.calls.append(
            (request.method, request.url.path, json.loads(body, parse_float=Decimal) if is_json else None)
        )
        response = self.simulator.handle(
            SimulatorRequest(
                request.method,
                request.url.raw_path.decode().partition("?")[0],
                request.url.query.decode(),
                {name.lower(): value for name, value in request.headers.items()},
                body,
                request.url.scheme,
            )
        )
        if response.delay_seconds:
            self.clock.move(min(response.delay_seconds, 8.0))
            if response.delay_seconds >= 8.0:
                raise httpx.ReadTimeout("the answer did not come", request=request)
        if response.drop:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
        self._moment()
        return httpx.Response(response.status, headers=list(response.headers), content=response.body)

    # the queue

    def work(self) -> list[Exception]:
        """Let the worker take every message that is out, by way of the app's own door; returns what it raised."""
        return self.queue.drain(self._lambda)

    def _lambda(self, body: str, receive_count: int) -> None:
        worker.deliver(
            {
                "Records": [
                    {
                        "messageId": uuid.uuid4().hex,
                        "receiptHandle": "handle",
                        "body": body,
                        "attributes": {"ApproximateReceiveCount": str(receive_count)},
                        "eventSource": "aws:sqs",
                    }
                ]
            },
            None,
        )

    def minutes(self, count: int = 1) -> None:
        """Let minutes pass: in each the schedule runs, then the worker."""
        for _ in range(count):
            self.clock.move(60)
            self.services.schedule.run()
            self.work()

    # crashes

    def crash(self, moment: int | None) -> None:
        """Let the process stop dead at the n-th moment from now: just before or after a write or a platform call."""
        self.crash_at, self._moments = moment, 0

    def restart(self) -> None:
        """Start Passback again: nothing is left but the table."""
        self.crash(None)
        self.services = self._start()
        service_graph.use(self.services)

    def _moment(self) -> None:
        self._moments += 1
        if self._moments == self.crash_at:
            raise Crash

    def table_request(self, operation: str) -> None:
        self.table_requests.append(operation)
        if self.table_interruption is not None:
            self.table_interruption(operation)
        if operation in WRITES:
            self._moment()

    def table_answer(self, operation: str) -> None:
        if operation in WRITES:
            self._moment()

    # the tool

    def send(
        self,
        body: bytes,
        *,
        url: str = OUTCOME_URL,
        consumer_key: str = CONSUMER_KEY,
        secret: str = SECRET,
        headers: Mapping[str, str] | None = None,
        changed_body: bytes | None = None,
        **signing: Any,
    ) -> ToolAnswer:
        """Sign a POX as a tool does and send it through API Gateway's event to the app."""
        signing.setdefault("timestamp", int(self.clock.now().timestamp()))
        signed = signed_headers(url, body, consumer_key, secret, **signing) | dict(headers or {})
        return self.deliver(url, signed, body if changed_body is None else changed_body)

    def deliver(
        self, url: str, headers: Mapping[str, str], body: bytes, method: str = "POST", received: datetime | None = None
    ) -> ToolAnswer:
        """Hand a request over as API Gateway does; ``received``: when the gateway got it, now if not said."""
        event = gateway_event(url, headers, body, received or self.clock.now(), method)
        self.clock.move(0.005)
        answer = app_module.app(event, None)
        return ToolAnswer(answer["statusCode"], answer["body"], answer["headers"])


def gateway_event(
    url: str, headers: Mapping[str, str], body: bytes, now: datetime, method: str = "POST", stage: str = "api"
) -> dict[str, Any]:
    """Write the event that API Gateway's default domain sends for a request (REST API, payload version 1)."""
    parts = urllib.parse.urlsplit(url)
    path = parts.path.removeprefix(f"/{stage}") or "/"
    resource, parameters = _route(path)
    query = urllib.parse.parse_qs(parts.query, keep_blank_values=True) or None
    named = {"Host": parts.netloc, "X-Forwarded-Proto": parts.scheme, **headers}
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": named,
        "multiValueHeaders": {name: [value] for name, value in named.items()},
        "queryStringParameters": None if query is None else {name: values[-1] for name, values in query.items()},
        "multiValueQueryStringParameters": query,
        "pathParameters": parameters,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": parts.path,
            "stage": stage,
            "domainName": parts.netloc,
            "requestTimeEpoch": to_milliseconds(now),
            "identity": {"sourceIp": "198.51.100.7"},
        },
        "body": body.decode(),
        "isBase64Encoded": False,
    }


def _route(path: str) -> tuple[str, dict[str, str] | None]:
    plain = path.rstrip("/") or "/"
    if plain in ("/", "/outcomes", "/health", "/.well-known/jwks.json"):
        return plain, None
    parts = plain.split("/")
    if (
        plain.startswith("/api/lti/v1/tools/")
        and len(parts) == 7
        and parts[6] in ("grade_passback", "ext_grade_passback")
    ):
        return f"/api/lti/v1/tools/{{id}}/{parts[6]}", {"id": parts[5]}
    return "/{proxy+}", {"proxy": plain.lstrip("/")}


@contextmanager
def open_stage(folder: Path, *, on_delay: OnDelay = OnDelay.FAIL, **settings: Any) -> Iterator[Stage]:
    """Set the stage: table made, key made, platforms and tool registered.

    The tool is told of delays, unless a test is about the queue.
    """
    clock = StageClock(START)
    queue, pace = MemoryQueue(clock), Pace(clock)
    holder: list[Stage] = []
    table = MemoryTable(
        before=lambda name: holder[0].table_request(name), after=lambda name: holder[0].table_answer(name)
    )
    http = httpx.Client(transport=httpx.MockTransport(lambda request: holder[0].answer_http(request)))
    plain = Settings(stage="test", **settings)
    transport = Transport(http, clock, resolve=lambda _host, _port: ["93.184.216.34"], observe=pace.observe)
    sealer = KeyFileSealer(folder / "master.key")

    def start() -> Services:
        return connect(plain, clock, transport, table, sealer, queue, pace, chance=lambda: 0.5)

    services = start()

    def fetch(_url: str) -> bytes:
        asked = holder[0].key_set
        return asked() if asked is not None else json.dumps(jwks(services.signing_keys.list())).encode()

    simulator = Simulator(clock=clock.now, fetch=fetch)
    stage = Stage(services, simulator, clock, queue, start)
    holder.append(stage)
    _register(stage, on_delay)
    service_graph.use(services)
    try:
        yield stage
    finally:
        service_graph.use(None)
        http.close()


@cache
def _signing_key() -> SigningKey:
    """One key for all stages: making one takes a tenth of a second."""
    return generate_signing_key(START - timedelta(days=2))


def _register(stage: Stage, on_delay: OnDelay) -> None:
    services = stage.services
    services.signing_keys.add(_signing_key())
    services.tools.add(Tool(CONSUMER_KEY, (SECRET,), on_delay=on_delay))
    prepared = stage.control("prepare")
    for profile in ("canvas", "canvas-older", "generic"):
        services.platforms.add(
            Platform(
                name=profile,
                profile=profile,
                issuer=prepared["issuer"],
                client_id=prepared["client_id"],
                token_url=prepared["token_url"],
                audience=prepared["audience"],
                hosts=(prepared["host"],),
            )
        )
    stage.control("register", client_id=prepared["client_id"], jwks_url=f"https://{HOST}/api/.well-known/jwks.json")
