"""What API Gateway hands over, unpacked: the bytes, the headers, the time, and the URLs the tool may have signed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from chalice.app import Request

from chalicelib.clock import Clock, to_milliseconds
from chalicelib.lti11.authorization import refused_authorization

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class IncomingRequest:
    """One request to an outcome door.

    ``urls`` are the absolute URLs that the tool may have signed, the configured ones first. ``received_at`` is
    time R, milliseconds since 1970, by the gateway's clock.
    """

    method: str
    urls: tuple[str, ...]
    authorization: tuple[str, ...]
    content_type: str
    body: bytes
    received_at: int


def unpack(request: Request, public_urls: Sequence[str], clock: Clock, *, local: bool) -> IncomingRequest:
    """Unpack a REST API event (payload version 1) as Chalice wraps it. Raises RequestRefused (401) for half characters.

    Texts in JSON can hold a lone half of a surrogate pair, which no UTF-8 holds: no tool has signed or hashed that.
    """
    event: Event = request.to_original_event()
    context: Event = event.get("requestContext") or {}
    try:
        body = request.raw_body
    except UnicodeEncodeError:
        raise refused_authorization("the body is no text") from None
    return IncomingRequest(
        method=str(context.get("httpMethod", "")),
        urls=signed_urls(event, public_urls, local=local),
        authorization=header_values(event, "authorization"),
        content_type=", ".join(header_values(event, "content-type")),
        body=body.encode() if isinstance(body, str) else body,
        received_at=int(context.get("requestTimeEpoch") or to_milliseconds(clock.now())),
    )


def header_values(event: Event, name: str) -> tuple[str, ...]:
    """Return every value of a header; the single-valued view hides a header that was sent twice."""
    many = event.get("multiValueHeaders") or {}
    values = [value for key, found in many.items() if key.lower() == name for value in found]
    if not values:
        values = [value for key, value in (event.get("headers") or {}).items() if key.lower() == name]
    return tuple(str(value) for value in values)


def signed_urls(event: Event, public_urls: Sequence[str], *, local: bool) -> tuple[str, ...]:
    """Return the URLs that a tool may have signed, each with the query string, the configured ones first.

    On the default domain the path that the tool used has the stage in front (``requestContext.path``), on a custom
    domain the base path; ``event.path`` has the base path but never the stage. The stage that the event names is no
    help on custom domains, so every reading is a candidate, and only a signature decides.
    """
    context: Event = event.get("requestContext") or {}
    sent = str(context.get("path") or event.get("path") or "/")
    plain = str(event.get("path") or sent)
    query = _query(event)
    paths = [plain, sent, _template_path(event, context, slash=sent.endswith("/"))]
    candidates = [base for public in public_urls for base in _under(public, paths)]
    candidates += [f"{origin}{path}" for origin in _origins(event, context, local=local) for path in (sent, plain)]
    return tuple(dict.fromkeys(f"{url}{query}" for url in candidates))


def _under(public_url: str, paths: Sequence[str]) -> list[str]:
    """Put the paths under a configured base URL; its own base path may be in them already."""
    parts = urlsplit(public_url)
    origin, base = f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
    found = [f"{origin}{base}{path}" for path in paths]
    return found + [f"{origin}{path}" for path in paths if base and path.startswith(f"{base}/")]


def _template_path(event: Event, context: Event, *, slash: bool) -> str:
    """Return the path below the API's root, from the route and its parameters."""
    path = str(context.get("resourcePath") or event.get("resource") or "/")
    for name, value in (event.get("pathParameters") or {}).items():
        path = path.replace(f"{{{name}+}}", str(value)).replace(f"{{{name}}}", str(value))
    return f"{path}/" if slash and not path.endswith("/") else path


def _origins(event: Event, context: Event, *, local: bool) -> list[str]:
    hosts = [*header_values(event, "host"), str(context.get("domainName") or "")]
    schemes = ("http", "https") if local else ("https",)
    return [f"{scheme}://{host}" for host in dict.fromkeys(hosts) if host for scheme in schemes]


def _query(event: Event) -> str:
    many = event.get("multiValueQueryStringParameters")
    pairs = [(name, value) for name, values in (many or {}).items() for value in values]
    return f"?{urlencode(pairs, quote_via=quote, errors='surrogatepass')}" if pairs else ""
