"""API Gateway's part on one machine: an HTTP request becomes a REST proxy event, the app's answer a response.

Chalice's own local gateway (``chalice local``) leaves out what the doors depend on: the receive time, repeated headers,
the path as sent, bodies that are not UTF-8, and routes that take a whole rest of a path.
"""

import base64
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from chalice.app import Chalice
from chalice.local import LambdaContext, LocalChalice

Event = dict[str, Any]

LARGEST_BODY = 10 * 1024 * 1024
"""Bytes of a request that API Gateway takes (API Gateway quotas, payload size)."""
_FUNCTION_MEMORY = 512
_FUNCTION_MILLISECONDS = 29_000


@dataclass(frozen=True, slots=True)
class GatewayRequest:
    """A request as it came over the wire: path and query as sent, headers in order, the exact bytes of the body."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    source_address: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """What goes back over the wire."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class Route:
    """The resource that a path belongs to, and the values of its parameters."""

    resource: str
    parameters: dict[str, str]


class Gateway:
    """Calls a Chalice app as API Gateway and Lambda do; safe to be used from several threads."""

    def __init__(self, app: Chalice, now: Callable[[], float] = time.time) -> None:
        self._app = _with_request_per_thread(app)
        self._now = now

    def handle(self, request: GatewayRequest) -> GatewayResponse:
        """Answer one request."""
        received_at = int(self._now() * 1000)
        if len(request.body) > LARGEST_BODY:
            return _own_answer(413, "Request Too Long")
        route = match_route(self._app.routes, request.path)
        if route is None:
            return _own_answer(403, "Missing Authentication Token")
        context = LambdaContext("passback-local", _FUNCTION_MEMORY, _FUNCTION_MILLISECONDS)
        return _to_response(self._app(to_event(request, route, received_at), context))


def _with_request_per_thread(app: Chalice) -> Chalice:
    """Give the app a ``current_request`` per thread: on Lambda, one process answers one request at a time."""
    if not isinstance(app, LocalChalice):
        app.__class__ = type("ThreadedChalice", (LocalChalice, app.__class__), {})
    return app


def match_route(resources: Iterable[str], path: str) -> Route | None:
    """Find the resource of a path, as API Gateway does: exact segments before parameters, ``{name+}`` last.

    One trailing slash does not count.
    """
    segments = path.removesuffix("/").split("/")
    for resource in sorted(resources, key=_generality):
        parameters = _parameters(resource.removesuffix("/").split("/"), segments)
        if parameters is not None:
            return Route(resource, parameters)
    return None


def _generality(resource: str) -> list[int]:
    return [0 if not part.startswith("{") else 2 if part.endswith("+}") else 1 for part in resource.split("/")]


def _parameters(pattern: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for position, part in enumerate(pattern):
        if part.startswith("{") and part.endswith("+}"):
            found[part[1:-2]] = "/".join(segments[position:])
            return found if len(segments) > position else None
        if position >= len(segments):
            return None
        if part.startswith("{") and part.endswith("}"):
            found[part[1:-1]] = segments[position]
        elif part != segments[position]:
            return None
    return found if len(pattern) == len(segments) else None


def to_event(request: GatewayRequest, route: Route, received_at: int) -> Event:
    """Make the REST proxy event (payload format 1.0) of a request.

    Parameters
    ----------
    received_at
        Milliseconds since 1970: API Gateway's ``requestTimeEpoch``.
    """
    headers: dict[str, list[str]] = {}
    for name, value in (*_without_forwarding(request.headers), ("X-Forwarded-Proto", "http")):
        headers.setdefault(name, []).append(value)
    query = parse_qs(request.query, keep_blank_values=True) if request.query else None
    host = next((value for name, value in request.headers if name.lower() == "host"), "")
    return {
        "resource": route.resource,
        "path": unquote(request.path),
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} if query else None,
        "multiValueQueryStringParameters": query,
        "pathParameters": route.parameters or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": route.resource,
            "httpMethod": request.method,
            "path": request.path,  # on AWS the stage or base path stands before it; here there is neither
            "protocol": "HTTP/1.1",
            "requestTimeEpoch": received_at,
            "requestId": str(uuid.uuid4()),
            "domainName": host,
            "identity": {"sourceIp": request.source_address},
        },
        # Encoded whatever the type: text that is not UTF-8 must arrive as it was sent.
        "body": base64.b64encode(request.body).decode("ascii") if request.body else None,
        "isBase64Encoded": bool(request.body),
    }


def _without_forwarding(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    # API Gateway writes this one itself; what a client claims does not come through.
    return [(name, value) for name, value in headers if name.lower() != "x-forwarded-proto"]


def _to_response(answer: dict[str, Any]) -> GatewayResponse:
    headers = [(name, str(value)) for name, value in (answer.get("headers") or {}).items()]
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        headers += [(name, str(value)) for value in values]
    body = answer.get("body") or ""
    content = base64.b64decode(body) if answer.get("isBase64Encoded") else str(body).encode("utf-8")
    return GatewayResponse(int(answer["statusCode"]), headers, content)


def _own_answer(status: int, message: str) -> GatewayResponse:
    return GatewayResponse(status, [("Content-Type", "application/json")], f'{{"message":"{message}"}}'.encode())
