"""The simulator behind a plain HTTP/1.1 server on loopback."""

import contextlib
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from simulator.exchange import Request, Response
from simulator.simulator import Simulator

_HOST = "127.0.0.1"
_LARGEST_BODY = 8 * 1024 * 1024
_DRIP_SECONDS = 0.05


class SimulatorServer(ThreadingHTTPServer):
    """Serves a simulator on 127.0.0.1, one thread a connection."""

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, simulator: Simulator, port: int = 0) -> None:
        super().__init__((_HOST, port), _Handler)
        self.simulator = simulator
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()

    @property
    def url(self) -> str:
        """Address without a final slash."""
        return f"http://{_HOST}:{self.server_address[1]}"

    def server_bind(self) -> None:
        """Bind without asking for the machine's name, which can be slow."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = _HOST, self.server_address[1]

    def remember(self, connection: socket.socket) -> None:
        """Keep a connection, so that a stop can end it."""
        with self._connections_lock:
            self._connections.add(connection)

    def forget(self, connection: socket.socket) -> None:
        """Let go of a connection that has ended."""
        with self._connections_lock:
            self._connections.discard(connection)

    def stop(self) -> None:
        """Stop taking connections and end the open ones, also those that wait."""
        self.stopping.set()
        self.shutdown()
        with self._connections_lock:
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:  # the base class is untyped here
        """Keep quiet about clients that went away; anything else is a defect and is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Header and body leave in one packet; two would meet Nagle's algorithm and wait 40 ms.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: SimulatorServer

    def setup(self) -> None:
        super().setup()
        self.server.remember(self.connection)

    def finish(self) -> None:
        self.server.forget(self.connection)
        with contextlib.suppress(ConnectionError):
            super().finish()

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            return
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.simulator.handle(Request(self.command, path, query, headers, body)))

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _answer  # noqa: N815 - names of http.server

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            self._refuse(411)
            return None
        if int(length) > _LARGEST_BODY:
            self._refuse(413)
            return None
        return self.rfile.read(int(length))

    def _refuse(self, status: int) -> None:
        self.close_connection = True
        self._send(Response(status))

    def _send(self, response: Response) -> None:
        if response.delay_seconds:
            self.server.stopping.wait(response.delay_seconds)
        if response.drop:
            self._drop(reset=response.reset)
            return
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        if response.drip_seconds:
            self._drip(response)
            return
        if response.status not in (204, 304):
            self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def _drop(self, *, reset: bool) -> None:
        self.close_connection = True
        if reset:
            # Lingering for no time turns the close into a TCP reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)

    def _drip(self, response: Response) -> None:
        """Send a body of blanks that does not end, then close without having said how long it is."""
        self.close_connection = True
        self.send_header("Connection", "close")
        self.end_headers()
        for _ in range(int(response.drip_seconds / _DRIP_SECONDS)):
            self.wfile.write(b" ")
            self.wfile.flush()
            if self.server.stopping.wait(_DRIP_SECONDS):
                return

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Write nothing: the control door tells what was asked."""


@dataclass(frozen=True, slots=True)
class Served:
    """A simulator that is being served."""

    url: str
    simulator: Simulator


@contextlib.contextmanager
def serve_in_thread(simulator: Simulator, port: int = 0) -> Iterator[Served]:
    """Serve a simulator from a thread; port 0 takes a free one."""
    server = SimulatorServer(simulator, port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Served(server.url, simulator)
    finally:
        server.stop()
        thread.join()
