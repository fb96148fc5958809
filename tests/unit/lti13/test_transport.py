import gzip
import logging
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import httpx
import pytest

from chalicelib.clock import Deadline, SystemClock
from chalicelib.errors import PlatformUnavailable, Trouble
from chalicelib.lti13.replies import MalformedAnswer, Reply
from chalicelib.lti13.transport import FAIR_TIME, Resolve, Transport, make_client, system_resolve

from .builders import CANVAS_SCHOOL, PUBLIC_ADDRESS, Script, deadline, public_resolve, transport
from .clocks import FakeClock

URL = "https://school.example/path?a=b"


def send(answer: httpx.Response | Exception, method: str = "POST", seconds: float = 8.0) -> Reply:
    clock = FakeClock()
    return transport(Script(answer), clock).send(CANVAS_SCHOOL, method, URL, {}, b"{}", deadline(clock, seconds))


def failure(answer: httpx.Response | Exception, method: str = "POST", seconds: float = 8.0) -> PlatformUnavailable:
    with pytest.raises(PlatformUnavailable) as raised:
        send(answer, method, seconds)
    return raised.value


def failure_to_resolve(resolve: Resolve, seconds: float = 8.0) -> PlatformUnavailable:
    script, clock = Script(), SystemClock()
    calls = Transport(httpx.Client(transport=httpx.MockTransport(script)), clock, resolve)
    with pytest.raises(PlatformUnavailable) as raised:
        calls.send(CANVAS_SCHOOL, "POST", URL, {}, None, Deadline.after(clock, seconds))
    assert script.requests == []
    return raised.value


def test_the_answer_comes_back_whole() -> None:
    answer = httpx.Response(
        418,
        headers=[("X-Rate-Limit-Remaining", "599.5"), ("Link", "<a>; rel=next"), ("Link", "<b>; rel=last")],
        content=b"short and stout",
        extensions={"reason_phrase": "Théière".encode()},
    )
    reply = send(answer)
    assert (reply.status, reply.reason_phrase, reply.body) == (418, "Théière", b"short and stout")
    assert reply.headers["x-rate-limit-remaining"] == "599.5"
    assert reply.headers["link"] == "<a>; rel=next, <b>; rel=last"


def test_the_request_goes_out_as_given() -> None:
    script, clock = Script(httpx.Response(200)), FakeClock()
    transport(script, clock).send(CANVAS_SCHOOL, "POST", URL, {"Content-Type": "a/b"}, b"body", deadline(clock))
    (sent,) = script.requests
    assert (sent.method, str(sent.url), sent.content) == ("POST", URL, b"body")
    assert (sent.headers["content-type"], sent.headers["host"]) == ("a/b", "school.example")


def test_the_request_carries_the_address_that_was_checked() -> None:
    script, clock = Script(httpx.Response(200)), FakeClock()
    transport(script, clock).send(CANVAS_SCHOOL, "GET", URL, {}, None, deadline(clock))
    assert script.requests[0].extensions["addresses"] == (PUBLIC_ADDRESS,)


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("x"), httpx.LocalProtocolError("x")]
)
def test_what_was_never_sent_had_no_effect(error: Exception) -> None:
    assert failure(error).maybe_applied is False


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("x"),
        httpx.WriteTimeout("x"),
        httpx.ReadError("reset"),
        httpx.WriteError("broken pipe"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
        httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
        httpx.RemoteProtocolError("illegal status line: bytearray(b'HTTP/1.0 0 ')"),
    ],
)
def test_what_was_sent_may_have_had_an_effect_unless_it_was_a_read(error: Exception) -> None:
    assert failure(error).maybe_applied is True
    assert failure(error, "GET").maybe_applied is False


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
        httpx.RemoteProtocolError("illegal status line: bytearray(b'HTTP/1.0 0 ')"),
    ],
)
def test_a_platform_that_breaks_off_is_unreachable_however_late_we_came(error: Exception) -> None:
    assert failure(error).cause is Trouble.UNREACHABLE
    assert failure(error, seconds=0.1).cause is Trouble.UNREACHABLE


@pytest.mark.parametrize("error", [httpx.ConnectTimeout("x"), httpx.ReadTimeout("x"), httpx.WriteTimeout("x")])
def test_a_platform_that_had_time_and_did_not_answer_is_unreachable(error: Exception) -> None:
    assert failure(error, seconds=FAIR_TIME).cause is Trouble.UNREACHABLE
    assert failure(error, seconds=FAIR_TIME - 0.1).cause is Trouble.OURS


def test_a_request_that_cannot_be_written_says_nothing_about_the_platform() -> None:
    assert failure(httpx.LocalProtocolError("x")).cause is Trouble.OURS


def test_an_answer_without_a_status_line_is_told_apart() -> None:
    assert isinstance(failure(httpx.RemoteProtocolError("illegal status line: bytearray(b'x')")), MalformedAnswer)
    assert not isinstance(failure(httpx.RemoteProtocolError("Server disconnected")), MalformedAnswer)


def test_what_the_platform_sent_is_not_in_the_reason() -> None:
    error = httpx.RemoteProtocolError("illegal status line: bytearray(b'Bearer token-0')")
    assert "token-0" not in str(failure(error))


class Pieces(httpx.SyncByteStream):
    """A body in pieces that remembers whether it was closed."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        self.closed = True


def test_an_answer_of_one_mebibyte_is_read() -> None:
    body = Pieces(iter([b"x" * (1 << 19)] * 2))
    assert len(send(httpx.Response(200, stream=body)).body) == 1 << 20
    assert body.closed


def test_a_longer_answer_is_given_up_and_closed() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 65536

    body = Pieces(endless())
    given_up = failure(httpx.Response(200, stream=body))
    assert (given_up.maybe_applied, given_up.status) == (True, 200)
    assert "1048576" in given_up.reason
    assert body.closed


def test_an_answer_that_does_not_end_is_cut_off_at_the_deadline() -> None:
    clock = FakeClock()

    def drip() -> Iterator[bytes]:
        while True:
            clock.advance(1)
            yield b"x"

    script = Script(httpx.Response(200, stream=Pieces(drip())))
    with pytest.raises(PlatformUnavailable, match="no answer in time") as raised:
        transport(script, clock).send(CANVAS_SCHOOL, "POST", URL, {}, b"", deadline(clock))
    assert raised.value.maybe_applied is True
    assert clock.monotonic() == 1008.0


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("gzip", gzip.compress), ("GZIP", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress)],
)
def test_an_answer_that_comes_encoded_all_the_same_is_read(encoding: str, encode: Callable[[bytes], bytes]) -> None:
    encoded = encode(b'{"scoreMaximum": 10}')
    pieces = Pieces(iter([encoded[:5], encoded[5:], b"after the end"]))
    answer = httpx.Response(200, headers={"Content-Encoding": encoding}, stream=pieces)
    assert send(answer).body == b'{"scoreMaximum": 10}'


def test_a_bomb_is_given_up_before_it_unfolds() -> None:
    bomb = gzip.compress(b"\0" * (50 << 20))
    answer = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Pieces(iter([bomb])))
    tracemalloc.start()
    try:
        assert "1048576" in failure(answer).reason
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_an_answer_in_another_encoding_than_it_claims_is_no_answer() -> None:
    answer = httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=Pieces(iter([b"plain"])))
    assert failure(answer).status == 200


def test_nothing_is_sent_after_the_deadline() -> None:
    script, clock = Script(), FakeClock()
    with pytest.raises(PlatformUnavailable) as raised:
        transport(script, clock).send(CANVAS_SCHOOL, "POST", URL, {}, None, deadline(clock, 0))
    assert (raised.value.maybe_applied, raised.value.cause) == (False, Trouble.OURS)
    assert script.requests == []


def test_a_name_that_resolves_too_late_is_not_called() -> None:
    script, clock = Script(), FakeClock()

    def slow(host: str, port: int) -> Sequence[str]:
        clock.advance(9)
        return [PUBLIC_ADDRESS]

    calls = Transport(httpx.Client(transport=httpx.MockTransport(script)), clock, slow)
    with pytest.raises(PlatformUnavailable, match="no time left") as raised:
        calls.send(CANVAS_SCHOOL, "POST", URL, {}, None, deadline(clock))
    assert raised.value.cause is Trouble.UNREACHABLE
    assert script.requests == []


def test_a_name_that_does_not_resolve_may_come_back() -> None:
    def fail(host: str, port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    failed = failure_to_resolve(fail)
    assert (failed.maybe_applied, failed.cause) == (False, Trouble.UNREACHABLE)
    assert "school.example cannot be resolved" in failed.reason


def test_a_name_without_addresses_is_not_called() -> None:
    assert failure_to_resolve(lambda host, port: []).maybe_applied is False


def test_a_resolver_that_hangs_is_left_behind_at_the_deadline() -> None:
    released = threading.Event()

    def hang(host: str, port: int) -> Sequence[str]:
        released.wait(10)
        return [PUBLIC_ADDRESS]

    started = time.monotonic()
    try:
        failed = failure_to_resolve(hang, 0.1)
        assert "no answer in time" in failed.reason
        assert failed.cause is Trouble.OURS
        assert time.monotonic() - started < 2
    finally:
        released.set()


@pytest.mark.parametrize(("url", "port"), [(URL, 443), ("https://school.example:8443/", 8443)])
def test_the_resolver_is_asked_with_the_port(url: str, port: int) -> None:
    asked: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return [PUBLIC_ADDRESS]

    clock = FakeClock()
    registered = replace(CANVAS_SCHOOL, hosts=("school.example", "school.example:8443"))
    http = httpx.Client(transport=httpx.MockTransport(Script(httpx.Response(200))))
    Transport(http, clock, resolve).send(registered, "GET", url, {}, None, deadline(clock))
    assert asked == [("school.example", port)]


def test_every_answer_is_observed_with_the_time_it_took() -> None:
    seen: list[tuple[str, int, float]] = []
    clock = FakeClock()

    def slow(_: httpx.Request) -> httpx.Response:
        clock.advance(1.5)
        return httpx.Response(200)

    http = httpx.Client(transport=httpx.MockTransport(slow))
    calls = Transport(
        http, clock, public_resolve, observe=lambda who, reply, took: seen.append((who.name, reply.status, took))
    )
    calls.send(CANVAS_SCHOOL, "GET", URL, {}, None, deadline(clock))
    assert seen == [("school", 200, 1.5)]


def test_the_client_asks_for_plain_answers_and_names_itself() -> None:
    with make_client(FakeClock()) as http:
        assert http.headers["accept-encoding"] == "identity"
        assert http.headers["user-agent"] == "Passback"


def test_urls_stay_out_of_the_log() -> None:
    make_client(FakeClock()).close()
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
    assert not logging.getLogger("httpcore").isEnabledFor(logging.DEBUG)


def test_the_systems_resolver_gives_each_address_once() -> None:
    addresses = system_resolve("localhost", 443)
    assert addresses
    assert set(addresses) <= {"127.0.0.1", "::1"}
    assert len(addresses) == len(set(addresses))
