"""What the measurements run on: the local engine and the simulator as processes of their own, and Passback here."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from engine import running_engine
from pox import replace_result, signed_headers
from stage import gateway_event

from bench import ROOT
from chalicelib import services as service_graph
from chalicelib import telemetry
from chalicelib.clock import SystemClock
from chalicelib.config import Settings
from chalicelib.lti11.tools import Tool
from chalicelib.lti13.keys import generate_signing_key, jwks
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.transport import Transport
from chalicelib.lti13.transport import make_client as make_http_client
from chalicelib.mapping.model import Mapping
from chalicelib.services import Services, connect
from chalicelib.storage.clients import make_client
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
    """One student on one line item, mapped at Passback."""

    sourcedid: str
    line_item: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Stack:
    """The running stack. ``environment`` is all that a fresh Passback needs to join it."""

    environment: dict[str, str]
    services: Services
    client: Any
    simulator: httpx.Client

    def control(self, name: str, **fields: Any) -> Document:
        """Give the simulator an order (docs/simulator.md)."""
        response = self.simulator.post(f"/_sim/{name}", json=fields)
        response.raise_for_status()
        document: Document = response.json()
        return document

    def seat(self) -> Seat:
        """Make a fresh course with one student who has handed in nothing, and map it."""
        prepared = self.control("prepare")
        seat = Seat(f"sourced-{random.randbytes(16).hex()}", prepared["line_item"], prepared["user_id"])  # noqa: S311 - no secret
        self.services.mappings.put(Mapping(CONSUMER_KEY, seat.sourcedid, PLATFORM, seat.line_item, seat.user_id))
        return seat

    def requests_at_platform(self, since: int) -> Document:
        """Return what the simulator was asked after request number ``since``: ``requests`` and ``last``."""
        document: Document = self.simulator.get("/_sim/requests", params={"since": since}).raise_for_status().json()
        return document


def outcome_event(seat: Seat) -> Document:
    """Sign a plain outcome (one fraction, nothing else) and put it into API Gateway's event, received now."""
    now = datetime.now(UTC)
    body = replace_result(seat.sourcedid, f"0.{random.randrange(1000, 9999)}")  # noqa: S311 - no secret
    headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(now.timestamp()))
    return gateway_event(OUTCOME_URL, headers, body, now)


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
def running_stack(folder: Path) -> Iterator[Stack]:
    """Start everything on loopback and free ports, register a tool and a platform, and stop everything at the end."""
    with (
        running_engine(folder) as engine,
        _running_simulator() as url,
        httpx.Client(base_url=url, trust_env=False, timeout=10.0) as simulator,
        Path(os.devnull).open("w") as nowhere,
    ):
        telemetry.start(nowhere)  # lines are written, as in Lambda, but not to the terminal
        environment = {
            **engine.environment,
            "PASSBACK_STAGE": "local",
            "PASSBACK_TABLE": TABLE,
            "PASSBACK_KEY_FILE": str(folder / "master.key"),
        }
        services, client = _services(environment)
        stack = Stack(environment, services, client, simulator)
        _register(stack)
        service_graph.use(services)
        try:
            yield stack
        finally:
            service_graph.use(None)


def _services(environment: dict[str, str]) -> tuple[Services, Any]:
    """Build Passback as it runs in Lambda, but for loopback http, which only stage ``local`` lets through.

    That stage would also try each signature over http URLs, which costs time that Lambda does not spend.
    """
    settings = Settings(stage="bench", table=TABLE, key_file=environment["PASSBACK_KEY_FILE"])
    clock = SystemClock()
    client = make_client(settings, environment)
    create(client, TABLE)
    transport = Transport(make_http_client(clock), clock, local=True)
    return connect(settings, clock, transport, Table(client, TABLE), make_sealer(settings, environment)), client


def _register(stack: Stack) -> None:
    services, prepared = stack.services, stack.control("prepare")
    key = generate_signing_key(datetime.now(UTC) - timedelta(days=2))
    services.signing_keys.add(key)
    services.tools.add(Tool(CONSUMER_KEY, (SECRET,)))
    services.platforms.add(
        Platform(
            name=PLATFORM,
            profile=PLATFORM,
            issuer=prepared["issuer"],
            client_id=prepared["client_id"],
            token_url=prepared["token_url"],
            audience=prepared["audience"],
            hosts=(prepared["host"],),
        )
    )
    stack.control("register", client_id=prepared["client_id"], public_jwk=jwks([key])["keys"][0])


@contextmanager
def _running_simulator() -> Iterator[str]:
    """Run the simulator in another process, so that it does not wait for this one's interpreter lock."""
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--port", "0", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        announced = process.stdout.readline()
        if not announced:
            raise RuntimeError("the simulator did not start")
        yield json.loads(announced)["url"]
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(10.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def wait_for_tick() -> None:
    """Let a millisecond pass: two outcomes of one student in the same millisecond would wait for each other."""
    time.sleep(0.001)
