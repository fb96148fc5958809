"""A captured request as the doors read it: its OAuth parameters, and what Passback would sign for each of its URLs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from oauthlib.oauth1.rfc5849 import signature as rfc5849

from chalicelib.lti11.authorization import Authorization
from chalicelib.lti11.doors import Door, FormDoor, PoxDoor
from chalicelib.web.gateway import IncomingRequest, signed_urls
from passback.signature.capture import CapturedRequest
from passback.signature.signing import Pairs, Signing


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A request whose Authorization header can be read. ``fields`` are signed form fields."""

    door: Door
    incoming: IncomingRequest
    authorization: Authorization
    fields: Pairs

    def signings(self) -> list[Signing]:
        """Return what Passback signs: for each URL that the tool may have meant, and each reading of its query."""
        return list(self._signings())

    def _signings(self) -> Iterator[Signing]:
        for url in self.incoming.urls:
            try:
                uri = rfc5849.base_string_uri(url)
            except ValueError:  # not a URL; the doors pass over it too
                continue
            for query in _query_readings(url):
                yield Signing("POST", uri, self.authorization.parameters, query, self.fields)


def incoming_of(capture: CapturedRequest, public_urls: Sequence[str], *, local: bool) -> tuple[Door, IncomingRequest]:
    """Return the request as the web hands it over, and the door that its path leads to."""
    is_form = capture.path.rstrip("/").endswith("/ext_grade_passback")
    incoming = IncomingRequest(
        method=capture.method.upper(),
        urls=signed_urls(capture.event(), public_urls, local=local),
        authorization=capture.header("authorization"),
        content_type=", ".join(capture.header("content-type")),
        body=capture.body,
        received_at=0,
    )
    return FormDoor() if is_form else PoxDoor(), incoming


def read_request(door: Door, incoming: IncomingRequest) -> ReadRequest:
    """Read the OAuth parameters.

    Raises
    ------
    RequestRefused
        As the door does.
    """
    authorization, fields = door.authorization(incoming)
    return ReadRequest(door, incoming, authorization, fields)


def _query_readings(url: str) -> tuple[Pairs, ...]:
    once = tuple(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    twice = tuple((name, unquote(value)) for name, value in once)  # as Python's oauth2 library signs
    return (once,) if once == twice else (once, twice)
