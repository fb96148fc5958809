"""Ways to a fake platform: through httpx's transport seam, or over a real socket; and Passback put before it."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from stage import CONSUMER_KEY, Stage

from chalicelib import services as service_graph
from chalicelib.clock import Clock
from chalicelib.config import Settings
from chalicelib.delivery.pacing import Pace
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.transport import Transport, make_client
from chalicelib.mapping.model import Mapping
from chalicelib.services import connect
from chalicelib.storage.sealing import KeyFileSealer
from platforms.moodle import Moodle, MoodleAnswer

Answer = Callable[[httpx.Request], httpx.Response]
"""Answers a request, or raises what httpx raises."""


def through_the_seam(moodle: Moodle) -> Answer:
    """Let Moodle answer without a socket, with httpx's own errors where Moodle's answer is none."""

    def answer(request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        given = moodle.answer(request.method, request.url.raw_path.decode(), headers, request.read())
        if given.dropped:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
        if given.status == 0:
            raise httpx.RemoteProtocolError("illegal status line: bytearray(b'HTTP/1.0 0 ')", request=request)
        return httpx.Response(
            given.status,
            headers=dict(given.headers),
            content=given.body,
            extensions={"reason_phrase": given.reason.encode()},
        )

    return answer


@contextmanager
def on_a_socket(moodle: Moodle) -> Iterator[Moodle]:
    """Serve Moodle on a free loopback port, byte by byte as it was seen, until the block ends."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            request = self.rfile.readline().split()
            if len(request) != 3:
                return
            headers = {}
            while line := self.rfile.readline().strip():
                name, _, value = line.decode("latin-1").partition(":")
                headers[name.lower()] = value.strip()
            body = self.rfile.read(int(headers.get("content-length", 0)))
            answer = moodle.answer(request[0].decode(), request[1].decode(), headers, body)
            if not answer.dropped:
                self.wfile.write(_as_bytes(answer))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        moodle.scheme, moodle.host = "http", f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield moodle
        finally:
            server.shutdown()
            thread.join()


def _as_bytes(answer: MoodleAnswer) -> bytes:
    if answer.status == 0:
        return b"HTTP/1.0 0 \r\n\r\n[]"
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}", f"Content-Length: {len(answer.body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    return "\r\n".join((*lines, "", "")).encode() + answer.body


def put_before(stage: Stage, folder: Path, platform: Platform, answer: Answer) -> None:
    """Let the stage's Passback reach a platform through the seam."""
    http = httpx.Client(transport=httpx.MockTransport(answer))
    transport = Transport(http, stage.clock, resolve=lambda _host, _port: ["93.184.216.34"])
    _connect(stage, folder, Settings(stage="test"), stage.clock, transport, platform)


@contextmanager
def before_over_loopback(stage: Stage, folder: Path, platform: Platform, clock: Clock) -> Iterator[None]:
    """Let the stage's Passback, set up as in the local stack, reach a platform over real sockets."""
    with make_client(clock) as http:
        transport = Transport(http, clock, local=True)
        _connect(stage, folder, Settings(stage="local"), clock, transport, platform)
        yield


def _connect(
    stage: Stage, folder: Path, settings: Settings, clock: Clock, transport: Transport, platform: Platform
) -> None:
    sealer = KeyFileSealer(folder / "master.key")
    stage.services = connect(
        settings, clock, transport, stage.services.table, sealer, stage.queue, Pace(clock), chance=lambda: 0.5
    )
    stage.services.platforms.add(platform)
    service_graph.use(stage.services)


def map_to(stage: Stage, sourcedid: str, platform: Platform, line_item: str, user_id: str) -> str:
    """Map a sourcedid of the stage's tool."""
    stage.services.mappings.put(Mapping(CONSUMER_KEY, sourcedid, platform.name, line_item, user_id))
    return sourcedid
