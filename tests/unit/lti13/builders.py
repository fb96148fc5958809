"""What most tests here need: a registration, a transport that answers from a list, a token at hand."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import httpx

from chalicelib.clock import Deadline
from chalicelib.lti13.keys import SigningKey, generate_signing_key
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.signing import Signer
from chalicelib.lti13.tokens import StoredToken
from chalicelib.lti13.transport import Transport

from .clocks import FakeClock

PUBLIC_ADDRESS = "203.0.114.7"
LINE_ITEM = "https://school.example/api/lti/courses/42/line_items/7"

CANVAS_SCHOOL = Platform(
    name="school",
    profile="canvas",
    issuer="https://canvas.instructure.com",
    client_id="10000000000042",
    token_url="https://sso.example/login/oauth2/token",
    audience="https://sso.example/login/oauth2/token",
    hosts=("school.example", "sso.example"),
)
MOODLE_SCHOOL = replace(CANVAS_SCHOOL, name="campus", profile="moodle")
GENERIC_SCHOOL = replace(CANVAS_SCHOOL, name="other", profile="generic")

_key: list[SigningKey] = []


def signing_key_of_the_tests() -> SigningKey:
    """One key for all tests: making one takes a while."""
    if not _key:
        _key.append(generate_signing_key(FakeClock().now()))
    return _key[0]


def signer(clock: FakeClock) -> Signer:
    return Signer(lambda: [signing_key_of_the_tests()], clock)


Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Script:
    """Answers requests from a list, in turn, and keeps what was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)

    def add(self, *answers: Answer) -> None:
        self._answers.extend(answers)

    @property
    def urls(self) -> list[str]:
        return [str(request.url) for request in self.requests]


def public_resolve(host: str, port: int) -> Sequence[str]:
    return [PUBLIC_ADDRESS]


def transport(script: Callable[[httpx.Request], httpx.Response], clock: FakeClock) -> Transport:
    return Transport(httpx.Client(transport=httpx.MockTransport(script)), clock, public_resolve)


def deadline(clock: FakeClock, seconds: float = 8.0) -> Deadline:
    return Deadline.after(clock, seconds)


class MemoryTokens:
    """A token table with the condition that the real one has."""

    def __init__(self) -> None:
        self.stored: dict[str, StoredToken] = {}
        self.claims: list[str] = []

    def get(self, key: str) -> StoredToken | None:
        return self.stored.get(key)

    def put(self, key: str, token: StoredToken) -> None:
        self.stored[key] = token

    def claim_renewal(self, key: str, seen: StoredToken, until: int) -> bool:
        if self.stored.get(key) != seen:
            return False
        self.claims.append(key)
        self.stored[key] = replace(seen, renewing_until=until)
        return True


def token_answer(value: str = "token-1", **members: object) -> httpx.Response:
    return httpx.Response(200, json={"access_token": value, "token_type": "Bearer", "expires_in": 3600, **members})
