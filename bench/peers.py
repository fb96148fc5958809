"""Signature, XML and translation alone, beside what PyPI's ``pylti`` and ``lti`` do with the same request.

They were made for the other direction (tools that take launches), so neither does all of it: see ``DOES``.
"""

import importlib
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import lti
import oauthlib.oauth1
from lti.tool_provider import ToolProvider
from pox import replace_result, signed_headers
from stage import gateway_event

from bench.samples import Figure, figure
from bench.stack import CONSUMER_KEY, OUTCOME_URL, SECRET
from chalicelib.clock import from_milliseconds, to_milliseconds
from chalicelib.delivery.records import Cell, CellKey, SubmissionState
from chalicelib.lti11.authorization import read_authorization
from chalicelib.lti11.envelope import read_envelope
from chalicelib.lti11.messages import ReplaceResult
from chalicelib.lti11.outcome import read_outcome
from chalicelib.lti11.signature import check_body_hash, check_timestamp, verify_signature
from chalicelib.lti11.tools import BodyHashRule
from chalicelib.lti13.profiles import PROFILES
from chalicelib.lti13.score_json import write_score
from chalicelib.translation.plan import next_step
from chalicelib.translation.steps import Facts, Order, PostScore
from chalicelib.web.gateway import signed_urls


def _import_pylti() -> Any:
    """Import what ``pylti`` verifies with; None where it cannot be imported.

    The old ``oauth2`` below it asks for distutils, which Python 3.12 has only where setuptools is installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            return importlib.import_module("pylti.common")
        except ModuleNotFoundError:
            return None


PYLTI = _import_pylti()
RUNS = 7
CALLS = 100

Parts = tuple[Callable[[], object] | None, Callable[[], object] | None, Callable[[], object] | None]
"""Verify, parse, translate; None: the library has no such thing."""

DOES = {
    "Passback": "tries every URL the tool may have signed with two secrets, checks body hash and time; reads the XML "
    "hardened, checks score and time; decides the AGS call and writes its JSON",
    "Passback, one URL": "the same, for the one right URL (still with two secrets, so that the time tells nothing)",
    "pylti": "verify_request_common: one URL, one secret, time at most 300 s old; no body hash, PLAINTEXT accepted. "
    "It reads no outcome requests at all: no XML, no translation",
    "lti": "is_valid_request: one URL, one secret, time at most 600 s off, by oauthlib's endpoint and a validator that "
    "must be relaxed; no body hash. from_post_request: lxml.objectify, not hardened, texts unchecked, "
    "resultScore only. No translation",
}


@dataclass(frozen=True, slots=True)
class Peer:
    """One library. Times are seconds; None: it has no such thing."""

    name: str
    verify: Figure
    parse: Figure | None
    translate: Figure | None
    whole: Figure


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The request that all of them get."""

    headers: dict[str, str]
    body: bytes
    urls: tuple[str, ...]
    now: datetime


def measure() -> list[Peer]:
    """Measure all of them.

    Raises
    ------
    RuntimeError
        If one of them does not accept the request, or accepts it under another secret.
    """
    request = signed_request()
    check_verdicts(request)
    steps: dict[str, Parts] = {
        "Passback": _ours(request),
        "Passback, one URL": _ours(replace(request, urls=(OUTCOME_URL,))),
        **({"pylti": (lambda: verify_by_pylti(request, SECRET), None, None)} if PYLTI else {}),
        "lti": (lambda: verify_by_lti(request, SECRET), lambda: parse_by_lti(request), None),
    }
    timings: dict[str, list[list[list[float]]]] = {name: [] for name in steps}
    for _ in range(RUNS):
        for name, run in _run(steps).items():
            timings[name].append(run)
    return [_peer(name, [part is not None for part in steps[name]], runs) for name, runs in timings.items()]


def signed_request() -> SignedRequest:
    """Sign one plain outcome, received now, for the URLs that the door would try."""
    now = datetime.now(UTC)
    body = replace_result("sourced-0123456789abcdef", "0.87")
    headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(now.timestamp()))
    event = gateway_event(OUTCOME_URL, headers, body, now)
    return SignedRequest(headers, body, signed_urls(event, (), local=False), now)


def check_verdicts(request: SignedRequest) -> None:
    """Make sure that each of them says yes to the right secret and no to a wrong one.

    Raises
    ------
    RuntimeError
        If one does not: its time would then mean nothing.
    """
    verifiers = {"Passback": verify_by_us, "lti": verify_by_lti, **({"pylti": verify_by_pylti} if PYLTI else {})}
    for name, verify in verifiers.items():
        if not verify(request, SECRET) or verify(request, "another secret"):
            raise RuntimeError(f"{name} gives the wrong verdict on the request")


def verify_by_us(request: SignedRequest, secret: str) -> bool:
    """Verify as the door does."""
    authorization = read_authorization([request.headers["Authorization"]])
    found = verify_signature("POST", request.urls, authorization, (), (secret,))
    check_body_hash(authorization, request.body, BodyHashRule.REQUIRED)
    check_timestamp(authorization, request.now, 90 * 60, 5 * 60)
    return found == OUTCOME_URL


def verify_by_pylti(request: SignedRequest, secret: str) -> bool:
    """Verify as a tool that is built on ``pylti`` does."""
    try:
        consumers = {CONSUMER_KEY: {"secret": secret}}
        return bool(PYLTI.verify_request_common(consumers, OUTCOME_URL, "POST", request.headers, {}))
    except PYLTI.LTIException:
        return False


def verify_by_lti(request: SignedRequest, secret: str) -> bool:
    """Verify as a tool that is built on ``lti`` does."""
    provider = ToolProvider(CONSUMER_KEY, secret, {}, OUTCOME_URL, dict(request.headers))
    return bool(provider.is_valid_request(_RelaxedValidator(secret)))


def parse_by_lti(request: SignedRequest) -> Any:
    """Read the XML as ``lti`` does: it wants an object with the body as an attribute."""
    return lti.OutcomeRequest.from_post_request(request)


class _RelaxedValidator(oauthlib.oauth1.RequestValidator):
    """The rules with which oauthlib's endpoint takes what real tools send, and no store behind it."""

    enforce_ssl = False
    allowed_signature_methods = (oauthlib.oauth1.SIGNATURE_HMAC_SHA1,)
    client_key_length = nonce_length = (1, 255)
    dummy_client = "dummy"

    def __init__(self, secret: str) -> None:
        super().__init__()
        self._secret = secret

    @property
    def safe_characters(self) -> set[str]:
        return set(map(chr, range(32, 127)))

    def validate_timestamp_and_nonce(self, *_: object, **__: object) -> bool:
        return True

    def validate_client_key(self, client_key: str, _request: object) -> bool:
        return client_key == CONSUMER_KEY

    def get_client_secret(self, _client_key: str, _request: object) -> str:
        return self._secret


def _ours(request: SignedRequest) -> Parts:
    received_at = from_milliseconds(to_milliseconds(request.now))
    cell = Cell(CellKey("canvas", "https://canvas.example/line_items/1", "user"), submission=SubmissionState.EXISTS)
    write = read_outcome(read_envelope(request.body), request.now)
    if not isinstance(write, ReplaceResult):
        raise TypeError("the request writes a score")

    def translate() -> bytes:
        step = next_step(Order(write, "user", received_at, received_at), cell, PROFILES["canvas"], Facts())
        if not isinstance(step, PostScore):
            raise TypeError("a plain score is posted at once")
        return write_score(step.score)

    return (
        lambda: verify_by_us(request, SECRET),
        lambda: read_outcome(read_envelope(request.body), request.now),
        translate,
    )


def _run(steps: dict[str, Parts]) -> dict[str, list[list[float]]]:
    """Time each part that a library has, the libraries taking turns call by call."""
    parts = {name: [part for part in three if part is not None] for name, three in steps.items()}
    timings: dict[str, list[list[float]]] = {name: [[] for _ in there] for name, there in parts.items()}
    for _ in range(CALLS):
        for name, there in parts.items():
            for part, found in zip(there, timings[name], strict=True):
                started = time.perf_counter()
                part()
                found.append(time.perf_counter() - started)
    return timings


def _peer(name: str, has: list[bool], runs: list[list[list[float]]]) -> Peer:
    """Put one library's runs together; each run holds the timings of the parts that the library has."""
    figures = iter(figure([run[part] for run in runs]) for part in range(sum(has)))
    verify, parse, translate = (next(figures) if there else None for there in has)
    assert verify is not None
    whole = figure([[sum(parts) for parts in zip(*run, strict=True)] for run in runs])
    return Peer(name, verify, parse, translate, whole)
