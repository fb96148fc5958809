"""Stands between Passback and SQS, on loopback, and does to messages what queues and networks do."""

import hashlib
import http.client
import json
import random
import uuid
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self

from soak.plan import QueuePlan

SEND = "AmazonSQS.SendMessage"
_PASSED_ON = ("content-type", "x-amz-target", "x-amz-date", "authorization", "x-amzn-query-mode")


class QueueProxy:
    """Passes requests on to the engine, with the faults of its present weather."""

    def __init__(self, engine_port: int, seed: int) -> None:
        self.engine_port = engine_port
        self.weather = QueuePlan(0.0)
        self.counts: Counter[str] = Counter()
        self._dice = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
        self._lock = Lock()
        self._server = _Server(("127.0.0.1", 0), self)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where SQS is found now."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def chosen(self, percent: int) -> bool:
        """Throw the dice for one request."""
        with self._lock:
            return self._dice.random() * 100 < percent

    def count(self, what: str) -> None:
        """Count what was done."""
        with self._lock:
            self.counts[what] += 1


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], proxy: QueueProxy) -> None:
        super().__init__(address, _Handler)
        self.proxy = proxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet: clients that are killed leave broken connections behind."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        proxy, target = self.server.proxy, self.headers.get("X-Amz-Target", "")
        weather = proxy.weather
        if proxy.chosen(weather.refuses):
            proxy.count("requests refused")
            self._answer(503, b'{"__type":"ServiceUnavailable","message":"soak"}', "application/x-amz-json-1.0")
            return
        if target != SEND:
            self._answer(*self._pass_on(body))
            return
        proxy.count("sends")
        if proxy.chosen(weather.loses):
            proxy.count("sends lost")
            self._answer(200, _as_sent(body), "application/x-amz-json-1.0")
            return
        answer = self._pass_on(body)
        if proxy.chosen(weather.doubles):
            proxy.count("sends doubled")
            self._pass_on(_under_another_name(body))
        if proxy.chosen(weather.drops_answers):
            proxy.count("answers dropped")
            self.close_connection = True
            return
        self._answer(*answer)

    def _pass_on(self, body: bytes) -> tuple[int, bytes, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.proxy.engine_port, timeout=30)
        try:
            headers = {name: text for name, text in self.headers.items() if name.lower() in _PASSED_ON}
            connection.request("POST", self.path, body, headers)
            response = connection.getresponse()
            return response.status, response.read(), response.getheader("Content-Type", "application/x-amz-json-1.0")
        finally:
            connection.close()

    def _answer(self, status: int, body: bytes, media_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Write nothing: what was done is counted."""


def _as_sent(body: bytes) -> bytes:
    """Answer as SQS does for a message that it took."""
    text = str(json.loads(body)["MessageBody"])
    digest = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return json.dumps({"MessageId": str(uuid.uuid4()), "MD5OfMessageBody": digest, "SequenceNumber": "1"}).encode()


def _under_another_name(body: bytes) -> bytes:
    """Make the message one that the queue does not know as a duplicate, as after its five minutes."""
    message = json.loads(body)
    message["MessageDeduplicationId"] = f"{message['MessageDeduplicationId'][:80]}-{uuid.uuid4().hex[:16]}"
    return json.dumps(message).encode()
