"""Connections that go to an address checked beforehand, while TLS and the Host header keep the name.

Each connection belongs to one request at a time, so each carries that request's deadline, down to the single read: a
peer that sends one byte a second is cut off at the deadline, not at a time-out per read.
"""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpcore
import httpx

from chalicelib.clock import Clock, Deadline

LONGEST_CONNECT = 3.0
"""Seconds for one address, so that a dead one leaves time for the next."""
LONGEST_IDLE = timedelta(seconds=20)
"""By the wall clock: a frozen container wakes up with connections that the other side gave up long ago."""
MOST_IDLE = 16

_COUNTERPARTS: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.WriteError: httpx.WriteError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
}


@dataclass(slots=True)
class _Limit:
    """The deadline of the request that a connection works for at present."""

    deadline: Deadline

    def seconds(self, timeout: float | None, too_late: type[Exception]) -> float:
        left = self.deadline.remaining()
        if left <= 0:
            raise too_late("no time left")
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore.NetworkStream):
    """A socket that keeps to the limit at each operation."""

    def __init__(self, inner: httpcore.NetworkStream, limit: _Limit) -> None:
        self._inner = inner
        self._limit = limit

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._limit.seconds(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # Not the inner write, which takes the whole time again for each part that the peer accepts.
        socket = self._inner.get_extra_info("socket")
        rest = memoryview(buffer)
        while rest:
            socket.settimeout(self._limit.seconds(timeout, httpcore.WriteTimeout))
            try:
                rest = rest[socket.send(rest) :]
            except TimeoutError as failure:
                raise httpcore.WriteTimeout(str(failure)) from failure
            except OSError as failure:
                raise httpcore.WriteError(str(failure)) from failure

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            limited = self._limit.seconds(timeout, httpcore.ConnectTimeout)
        except httpcore.ConnectTimeout:
            self.close()  # as the inner one does when the handshake fails
            raise
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, limited), self._limit)

    def get_extra_info(self, info: str) -> Any:  # httpcore's signature
        return self._inner.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Connects to one address, whatever host it is asked for."""

    def __init__(self, address: str, limit: _Limit) -> None:
        self._address = address
        self._limit = limit
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002  # the name that was resolved and checked; resolving it again would undo the check
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        limited = self._limit.seconds(timeout, httpcore.ConnectTimeout)
        inner = self._sockets.connect_tcp(self._address, port, limited, local_address, socket_options)
        return _Stream(inner, self._limit)


@dataclass(slots=True, eq=False)
class _Connection:
    """One connection: for one (scheme, host, port), to one address."""

    origin: httpcore.Origin
    address: str
    limit: _Limit
    http: httpcore.HTTPConnection
    idle_since: datetime


class PinnedTransport(httpx.BaseTransport):
    """Sends each request to one of the addresses in its extension ``addresses``, until its ``deadline``.

    Connections are kept open per (scheme, host, port, address): never shared between names, so that an address checked
    for one registration is not used for another.
    """

    def __init__(self, clock: Clock, tls: ssl.SSLContext | None = None) -> None:
        self._clock = clock
        self._tls = tls
        self._lock = threading.Lock()
        self._idle: list[_Connection] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request; addresses are tried in turn as long as none took the connection."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
        )
        outgoing = httpcore.Request(
            method=request.method,
            url=url,
            headers=request.headers.raw,
            content=request.read(),
            extensions={"timeout": {"connect": LONGEST_CONNECT}},
        )
        addresses: Sequence[str] = request.extensions["addresses"]
        failure: httpcore.ConnectError | httpcore.ConnectTimeout = httpcore.ConnectError("no address")
        with _as_httpx():
            for connection in self._candidates(url.origin, addresses, request.extensions["deadline"]):
                try:
                    answer = connection.http.handle_request(outgoing)
                except (httpcore.ConnectError, httpcore.ConnectTimeout) as refused:
                    failure = refused
                    continue
                return httpx.Response(
                    status_code=answer.status,
                    headers=answer.headers,
                    stream=_Body(answer, partial(self._give_back, connection)),
                    extensions={"reason_phrase": answer.extensions["reason_phrase"]},
                )
            raise failure

    def close(self) -> None:
        """Close the connections that are kept open."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.http.close()

    def _candidates(
        self, origin: httpcore.Origin, addresses: Sequence[str], deadline: Deadline
    ) -> Iterator[_Connection]:
        idle = self._take_idle(origin, addresses)
        if idle is not None:
            idle.limit.deadline = deadline
            yield idle
            return
        if origin.scheme == b"https" and self._tls is None:
            self._tls = httpx.create_ssl_context(trust_env=False)  # 32 ms, so only when it is needed
        for address in addresses:
            limit = _Limit(deadline)
            http = httpcore.HTTPConnection(origin, ssl_context=self._tls, network_backend=_Backend(address, limit))
            yield _Connection(origin, address, limit, http, self._clock.now())

    def _take_idle(self, origin: httpcore.Origin, addresses: Sequence[str]) -> _Connection | None:
        oldest = self._clock.now() - LONGEST_IDLE
        with self._lock:
            dead = [idle for idle in self._idle if idle.idle_since < oldest or idle.http.has_expired()]
            living = [idle for idle in self._idle if idle not in dead]
            taken = next((idle for idle in living if idle.origin == origin and idle.address in addresses), None)
            self._idle = [idle for idle in living if idle is not taken]
        for connection in dead:
            connection.http.close()
        return taken

    def _give_back(self, connection: _Connection) -> None:
        if not connection.http.is_idle():  # the answer was not read to its end, or the peer wants to close
            connection.http.close()
            return
        connection.idle_since = self._clock.now()
        with self._lock:
            self._idle.append(connection)
            surplus = self._idle[:-MOST_IDLE]
            self._idle = self._idle[-MOST_IDLE:]
        for old in surplus:
            old.http.close()


class _Body(httpx.SyncByteStream):
    """The body of an answer; when it is closed, its connection is given back, once."""

    def __init__(self, answer: httpcore.Response, give_back: Callable[[], None]) -> None:
        self._answer = answer
        self._give_back: Callable[[], None] | None = give_back

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            self._answer.close()
            give_back()


@contextlib.contextmanager
def _as_httpx() -> Iterator[None]:
    try:
        yield
    except tuple(_COUNTERPARTS) as failure:
        raise _COUNTERPARTS[type(failure)](str(failure)) from failure
