"""What goes in and out of the simulator: one HTTP request, one answer, and how the answer is to be spoilt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from simulator import exact_json


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; header names are in lower case, the path is as sent (not decoded)."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    scheme: str = "http"

    def header(self, name: str) -> str:
        """Give a header's value, empty when it was not sent."""
        return self.headers.get(name.lower(), "")

    @property
    def host(self) -> str:
        """Host and port this request was sent to."""
        return self.header("host")

    @property
    def base_url(self) -> str:
        """Scheme and host, without a final slash."""
        return f"{self.scheme}://{self.host}"

    @property
    def media_type(self) -> str:
        """Content type without its parameters, in lower case."""
        return self.header("content-type").partition(";")[0].strip().lower()

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Query parameters in order, decoded, blank values kept."""
        return parse_qsl(self.query, keep_blank_values=True)

    def parameter(self, name: str) -> str | None:
        """Give the last value of a query parameter, as Rack reads it; None when absent."""
        return dict(self.parameters).get(name)


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer, and what the connection does to it.

    ``drop`` closes the connection without answering (``reset`` does so with a TCP reset), ``delay_seconds`` holds the
    answer back, ``drip_seconds`` sends a body that does not end for so long.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    drop: bool = False
    reset: bool = False
    delay_seconds: float = 0.0
    drip_seconds: float = 0.0

    def header(self, name: str) -> str:
        """Give a header's value, empty when it is not there."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")


def json_response(
    status: int, value: object, media_type: str = "application/json", extra: tuple[tuple[str, str], ...] = ()
) -> Response:
    """Answer with JSON; numbers are written exactly."""
    headers = (("Content-Type", f"{media_type}; charset=utf-8"), *extra)
    return Response(status, headers, exact_json.encode(value).encode())


def text_response(status: int, text: str, media_type: str = "text/plain") -> Response:
    """Answer with text in UTF-8."""
    return Response(status, (("Content-Type", f"{media_type}; charset=utf-8"),), text.encode())
