"""A stage as tools, platforms and operators meet it: the deployed stack, a Canvas beside it, a class in it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from e2e.legacy_tool import CanvasOutcomeRequest

from chalicelib.clock import SystemClock
from chalicelib.lti11.tools import Tool
from chalicelib.lti13.keys import generate_signing_key
from chalicelib.mapping.model import Mapping, Submitted
from chalicelib.services import Services
from deployed.account import Account
from passback.connection import connect_operator
from passback.local.demo_setup import CLIENT_ID, simulator_platform
from passback.local.engine import answers
from passback.local.processes import Child, choose_port
from passback.local.simulator_control import SimulatorControl

PLATFORM = "canvas"
CONSUMER_KEY = "legacy tool"
SECRET = "a secret & of the test"
PATIENCE = 25.0


class OverTheWire(requests.adapters.HTTPAdapter):
    """Stands where TLS ends: what is signed and sent as https reaches the emulator as plain http, Host kept."""

    def __init__(self, account: Account) -> None:
        super().__init__()
        self._account = account

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        assert parts.scheme == "https"
        request.headers["Host"] = str(parts.netloc)
        request.url = f"{self._account.engine.endpoint}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return super().send(request, *args, **kwargs)


@dataclass
class Canvas:
    """The simulator as a process, which can be away for a while."""

    folder: Path
    port: int = field(default_factory=lambda: choose_port(0, ""))
    child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, environment: dict[str, str]) -> None:
        words = ["simulator", "--port", str(self.port), "--state-file", str(self.folder / "canvas.json"), "--json"]
        self.child = Child("simulator", words, environment, self.folder / "canvas.log")
        self.child.wait_until(lambda: answers(self.port, "/_sim/health"))

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()


@dataclass(frozen=True)
class Student:
    sourcedid: str
    handle: str


@dataclass
class Deployed:
    """Everything, for tests."""

    account: Account
    canvas: Canvas
    control: SimulatorControl
    services: Services
    environment: dict[str, str]

    def new_student(self) -> Student:
        """Map a student in a course of their own."""
        seat = self.control.order("prepare", {"client_id": CLIENT_ID})
        sourcedid = seat["lti11"]["sourcedid"]
        self.services.mappings.put(
            Mapping(CONSUMER_KEY, sourcedid, PLATFORM, seat["line_item"], seat["user_id"], Submitted.NO)
        )
        return Student(sourcedid, seat["handle"])

    def outcome(self, student: Student, *, url: str | None = None, secret: str = SECRET) -> CanvasOutcomeRequest:
        """Prepare an outcome as PyPI's ``lti`` does."""
        return CanvasOutcomeRequest(
            {
                "consumer_key": CONSUMER_KEY,
                "consumer_secret": secret,
                "lis_outcome_service_url": url or self.account.outcome_url,
                "lis_result_sourcedid": student.sourcedid,
                "message_identifier": "m-1",
            }
        )

    def score(self, student: Student) -> Any:
        return self.control.order("state", {"handle": student.handle})["score"]

    @contextmanager
    def canvas_away(self) -> Iterator[None]:
        self.canvas.stop()
        try:
            yield
        finally:
            self.canvas.start(self.environment)


def eventually(
    reached: Callable[[], bool], *, meanwhile: Callable[[], object] = lambda: None, patience: float = PATIENCE
) -> bool:
    """Wait until something is reached that other processes do; tells whether it was."""
    give_up = time.monotonic() + patience
    while not reached():
        if time.monotonic() > give_up:
            return False
        meanwhile()
        time.sleep(0.2)
    return True


@contextmanager
def class_in(account: Account, folder: Path) -> Iterator[Deployed]:
    """Register a Canvas and a tool at a deployed stage, as an operator does."""
    services = connect_operator(account.environment, SystemClock())
    services.signing_keys.add(generate_signing_key(services.clock.now() - timedelta(days=2)))
    services.tools.add(Tool(CONSUMER_KEY, (SECRET,)))
    canvas = Canvas(folder)
    environment = dict(account.environment)
    canvas.start(environment)
    try:
        services.platforms.add(simulator_platform(PLATFORM, CLIENT_ID, canvas.url))
        with SimulatorControl(canvas.url) as control:
            control.order("register", {"client_id": CLIENT_ID, "jwks_url": account.key_set_url})
            yield Deployed(account, canvas, control, services, environment)
    finally:
        canvas.stop()


def events(lines: list[str]) -> list[dict[str, Any]]:
    """Pick our own lines out of a function's log."""
    return [json.loads(line) for line in lines if line.startswith("{")]
