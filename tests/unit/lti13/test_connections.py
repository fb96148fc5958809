"""The real transport against real sockets on loopback."""

import gzip
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest

from chalicelib.clock import Deadline, SystemClock
from chalicelib.errors import PlatformUnavailable
from chalicelib.lti13 import connections
from chalicelib.lti13.replies import MalformedAnswer, Reply
from chalicelib.lti13.transport import Transport, make_client

from .builders import CANVAS_SCHOOL
from .loopback import Server, answering, certificate_for, dripping, read_request, serving

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
UNENDING = b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n"


def read_request_only(connection: socket.socket) -> None:
    """Take a request and hang up."""
    read_request(connection)


class WallClock(SystemClock):
    """The machine's clock, of which either hand can be moved."""

    moved = timedelta(0)
    lost_seconds = 0.0

    def now(self) -> datetime:
        return super().now() + self.moved

    def monotonic(self) -> float:
        return super().monotonic() + self.lost_seconds


@dataclass
class Caller:
    """The transport of a container, with names that stand for loopback addresses."""

    http: httpx.Client
    clock: WallClock
    names: dict[str, list[str]] = field(default_factory=lambda: {"good.example": ["127.0.0.1"]})

    def resolve(self, host: str, port: int) -> Sequence[str]:
        return self.names[host]

    def call(
        self,
        server: Server,
        *,
        scheme: str = "http",
        host: str = "good.example",
        seconds: float = 5.0,
        body: bytes = b"",
    ) -> Reply:
        transport = Transport(self.http, self.clock, self.resolve, local=True)
        at = f"{host}:{server.port}"
        platform = replace(CANVAS_SCHOOL, hosts=(at,))
        deadline = Deadline.after(self.clock, seconds)
        return transport.send(platform, "POST", f"{scheme}://{at}/path?a=b", {"X-A": "b"}, body, deadline)

    def failure(
        self, server: Server, *, scheme: str = "http", seconds: float = 5.0, body: bytes = b""
    ) -> PlatformUnavailable:
        with pytest.raises(PlatformUnavailable) as raised:
            self.call(server, scheme=scheme, seconds=seconds, body=body)
        return raised.value


@pytest.fixture
def caller() -> Iterator[Caller]:
    clock = WallClock()
    with make_client(clock) as http:
        yield Caller(http, clock)


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificate_for(["good.example", "127.0.0.1"], tmp_path_factory.mktemp("tls"))


@pytest.fixture
def secure(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> Iterator[Caller]:
    clock = WallClock()
    with make_client(clock, contexts[1]) as http:
        yield Caller(http, clock)


def test_the_request_goes_to_the_address_and_keeps_the_name(caller: Caller) -> None:
    seen: list[bytes] = []

    def behave(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(OK)

    with serving(behave) as server:
        assert caller.call(server, body=b"{}").text == "ok"
    lines = seen[0].split(b"\r\n")
    assert lines[0] == b"POST /path?a=b HTTP/1.1"
    assert f"Host: good.example:{server.port}".encode() in lines
    assert {b"X-A: b", b"Accept-Encoding: identity", b"Content-Length: 2"} <= set(lines)


def test_tls_names_and_checks_the_registered_host(
    secure: Caller, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    with serving(answering(OK), tls=contexts[0]) as server:
        assert secure.call(server, scheme="https").status == 200
    assert server.names == ["good.example"]


def test_an_address_as_a_host_is_checked_against_the_certificate_too(
    secure: Caller, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    with serving(answering(OK), tls=contexts[0]) as server:
        assert secure.call(server, scheme="https", host="127.0.0.1").status == 200


def test_a_certificate_for_another_name_is_refused(
    secure: Caller, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    secure.names["other.example"] = ["127.0.0.1"]
    with serving(answering(OK), tls=contexts[0]) as server, pytest.raises(PlatformUnavailable) as raised:
        secure.call(server, scheme="https", host="other.example")
    assert "certificate" in raised.value.reason
    assert raised.value.maybe_applied is False


def test_a_certificate_of_an_unknown_authority_is_refused(
    caller: Caller, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    with serving(answering(OK), tls=contexts[0]) as server:
        failure = caller.failure(server, scheme="https")
    assert "certificate" in failure.reason
    assert failure.maybe_applied is False


def test_a_refused_connection_had_no_effect(caller: Caller) -> None:
    with serving(answering(OK)) as server:
        pass
    assert caller.failure(server).maybe_applied is False


def test_the_next_address_is_tried_when_one_does_not_answer(caller: Caller) -> None:
    caller.names["good.example"] = ["127.0.0.2", "127.0.0.1"]
    with serving(answering(OK)) as server:
        assert caller.call(server).status == 200


def test_a_connection_is_used_again(caller: Caller) -> None:
    with serving(answering(OK)) as server:
        for _ in range(3):
            caller.call(server)
        assert server.connections == 1


def test_a_connection_is_used_again_for_any_address_the_name_still_has(caller: Caller) -> None:
    with serving(answering(OK)) as server:
        caller.call(server)
        caller.names["good.example"] = ["127.0.0.9", "127.0.0.1"]
        caller.call(server)
        assert server.connections == 1


def test_a_connection_to_an_address_the_name_lost_is_not_used_again(caller: Caller) -> None:
    with serving(answering(OK)) as server:
        caller.call(server)
        caller.names["good.example"] = ["127.0.0.9"]
        assert caller.failure(server).maybe_applied is False


def test_a_connection_is_not_shared_between_names(caller: Caller) -> None:
    caller.names["other.example"] = ["127.0.0.1"]
    with serving(answering(OK)) as server:
        caller.call(server)
        caller.call(server, host="other.example")
        assert server.connections == 2


def test_a_connection_that_was_idle_for_long_is_not_used_again(caller: Caller) -> None:
    with serving(answering(OK)) as server:
        caller.call(server)
        caller.clock.moved = timedelta(seconds=21)
        caller.call(server)
        assert server.connections == 2


def test_a_connection_that_the_platform_closed_is_not_used_again(caller: Caller) -> None:
    def once(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(OK)

    with serving(once) as server:
        caller.call(server)
        time.sleep(0.05)  # the close is on its way
        assert caller.call(server).status == 200
        assert server.connections == 2


def test_a_connection_that_is_announced_to_close_is_not_used_again(caller: Caller) -> None:
    with serving(answering(CLOSING)) as server:
        caller.call(server)
        caller.call(server)
        assert server.connections == 2


def test_a_reused_connection_keeps_to_the_deadline_of_its_new_request(caller: Caller) -> None:
    def first_only(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(OK)
        read_request(connection)
        connection.recv(1)

    with serving(first_only) as server:
        caller.call(server, seconds=60)
        started = time.monotonic()
        assert caller.failure(server, seconds=0.2).reason == "no answer in time"
        assert time.monotonic() - started < 2
        assert server.connections == 1


def test_only_so_many_connections_are_kept_open(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_IDLE", 2)
    with serving(answering(OK)) as server:
        for name in ("a.example", "b.example", "c.example"):
            caller.names[name] = ["127.0.0.1"]
            caller.call(server, host=name)
        caller.call(server, host="c.example")
        assert server.connections == 3
        caller.call(server, host="a.example")
        assert server.connections == 4


def test_calls_at_the_same_time_do_not_share_a_connection(caller: Caller) -> None:
    together = threading.Barrier(2, timeout=5)

    def meet(connection: socket.socket) -> None:
        read_request(connection)
        together.wait()
        connection.sendall(OK)

    statuses: list[int] = []
    with serving(meet) as server:
        threads = [threading.Thread(target=lambda: statuses.append(caller.call(server).status)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [200, 200]


@pytest.mark.parametrize(
    ("answer", "piece"),
    [(b"", b"H"), (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"), (UNENDING, b"x"), (b"HTTP/1.1 200 OK\r\n\r\n", b"x")],
    ids=["status line", "headers", "body", "body until close"],
)
def test_an_answer_that_drips_for_ever_is_cut_off_at_the_deadline(caller: Caller, answer: bytes, piece: bytes) -> None:
    stop = threading.Event()
    with serving(dripping(answer, piece, stop)) as server:
        started = time.monotonic()
        failure = caller.failure(server, seconds=0.3)
        assert time.monotonic() - started < 2
        stop.set()
    assert failure.maybe_applied is True


def test_silence_is_cut_off_at_the_deadline(caller: Caller) -> None:
    with serving(lambda connection: (read_request(connection), connection.recv(1), None)[2]) as server:
        assert caller.failure(server, seconds=0.2).reason == "no answer in time"


def test_a_handshake_that_never_ends_is_cut_off_and_nothing_was_sent(caller: Caller) -> None:
    with serving(lambda connection: (connection.recv(65536), connection.recv(65536), None)[2]) as server:
        started = time.monotonic()
        assert caller.failure(server, scheme="https", seconds=0.3).maybe_applied is False
        assert time.monotonic() - started < 2


@pytest.mark.parametrize(("scheme", "maybe_applied"), [("https", False), ("http", True)])
def test_nothing_begins_after_the_deadline(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, scheme: str, maybe_applied: bool
) -> None:
    connect = httpcore.SyncBackend.connect_tcp

    def connect_at_the_last_moment(*arguments: Any, **options: Any) -> httpcore.NetworkStream:
        stream = connect(*arguments, **options)
        caller.clock.lost_seconds = 60
        return stream

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect_at_the_last_moment)
    with serving(read_request_only) as server:
        assert caller.failure(server, scheme=scheme).maybe_applied is maybe_applied


def test_a_platform_that_does_not_read_is_cut_off_at_the_deadline(caller: Caller) -> None:
    stop = threading.Event()
    with serving(lambda connection: (stop.wait(5), None)[1]) as server:
        started = time.monotonic()
        failure = caller.failure(server, seconds=0.3, body=os.urandom(1 << 20) * 16)
        assert time.monotonic() - started < 2
        stop.set()
    assert failure.maybe_applied is True


def test_a_refusal_before_the_whole_request_was_read_still_counts(caller: Caller) -> None:
    def early(connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 20):
            pass

    with serving(early) as server:
        assert caller.call(server, body=b"x" * (1 << 20)).status == 413


def test_a_connection_reset_while_the_request_is_sent_may_have_had_an_effect(caller: Caller) -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(10)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with serving(reset) as server:
        assert caller.failure(server, body=b"x" * (8 << 20)).maybe_applied is True


def test_a_disconnection_without_an_answer_may_have_had_an_effect(caller: Caller) -> None:
    with serving(read_request_only) as server:
        failure = caller.failure(server)
    assert failure.maybe_applied is True
    assert not isinstance(failure, MalformedAnswer)


def test_an_answer_that_breaks_off_is_no_answer(caller: Caller) -> None:
    def half(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(UNENDING + b"half")

    with serving(half) as server:
        failure = caller.failure(server)
    assert (failure.maybe_applied, failure.status) == (True, 200)
    assert not isinstance(failure, MalformedAnswer)


@pytest.mark.parametrize("line", [b"HTTP/1.0 0 \r\n", b"HTTP/1.0 0 Incorrect score\r\n"])
def test_moodles_malformed_status_line_is_told_apart(caller: Caller, line: bytes) -> None:
    with serving(answering(line + b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]")) as server:
        assert isinstance(caller.failure(server), MalformedAnswer)


def test_the_reason_phrase_comes_back_in_any_language(caller: Caller) -> None:
    answer = "HTTP/1.1 409 Zurückgewiesen\r\nContent-Length: 2\r\n\r\n[]".encode()
    with serving(answering(answer)) as server:
        assert caller.call(server).reason_phrase == "Zurückgewiesen"


def test_a_redirect_comes_back_as_it_is(caller: Caller) -> None:
    elsewhere: list[bytes] = []

    def catch(connection: socket.socket) -> None:
        elsewhere.append(read_request(connection))

    with serving(catch) as target:
        location = f"Location: http://good.example:{target.port}/\r\n".encode()
        with serving(answering(b"HTTP/1.1 307 Go\r\n" + location + b"Content-Length: 0\r\n\r\n")) as server:
            assert caller.call(server).status == 307
    assert elsewhere == []


def test_a_bomb_is_given_up_over_the_wire_too(caller: Caller) -> None:
    bomb = gzip.compress(b"\0" * (20 << 20))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n".encode()
    with serving(answering(head + bomb)) as server:
        assert "1048576" in caller.failure(server).reason


def test_cookies_are_not_kept(caller: Caller) -> None:
    seen: list[bytes] = []

    def baking(connection: socket.socket) -> None:
        while request := read_request(connection):
            seen.append(request)
            connection.sendall(b"HTTP/1.1 200 OK\r\nSet-Cookie: session=1; Path=/\r\nContent-Length: 0\r\n\r\n")

    with serving(baking) as server:
        caller.call(server)
        caller.call(server)
    assert len(seen) == 2
    assert b"cookie" not in seen[1].lower()


def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answering(OK)) as server, serving(answering(CLOSING)) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        clock = WallClock()
        with make_client(clock) as http:
            assert Caller(http, clock).call(server).status == 200
        assert (server.connections, proxy.connections) == (1, 0)


def test_certificates_named_by_the_environment_are_not_trusted(
    caller: Caller,
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    trusted = tmp_path / "trusted.pem"
    trusted.write_text("".join(ssl.DER_cert_to_PEM_cert(der) for der in contexts[1].get_ca_certs(binary_form=True)))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    with serving(answering(OK), tls=contexts[0]) as server:
        assert "certificate" in caller.failure(server, scheme="https").reason
