"""The generic platform's HTTP side: a small server round the library's classes."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import jwt
from lti1p3platform.exceptions import LtiException, MissingRequiredClaim
from lti1p3platform.response import Response, generate_next_link

from platforms.generic import LINE_ITEMS, TOKEN_PATH, Call, Configuration, GenericPlatform, Gradebook, Service


class _Server(ThreadingHTTPServer):
    """Knows the platform that it serves."""

    platform: GenericPlatform
    configuration: Configuration


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == TOKEN_PATH:
            self._token(body)
        else:
            self._call(json.loads(body))

    def do_GET(self) -> None:
        self._call(None)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name for it
        pass

    def _token(self, body: bytes) -> None:
        try:
            answer = self.server.configuration.get_access_token(dict(parse_qsl(body.decode())))
        except (LtiException, MissingRequiredClaim, jwt.PyJWTError) as refused:
            self._send(400, {"error": "invalid_client", "error_description": str(refused)}, "application/json")
        else:
            self._send(200, answer, "application/json")

    def _call(self, document: Any) -> None:
        path, _, query = self.path.partition("?")
        number, _, name = path.removeprefix(f"{LINE_ITEMS}/").partition("/")
        parameters = {key: int(text) if key == "page" else text for key, text in parse_qsl(query)}
        call = Call({"method": self.command, "headers": self.headers, "get_data": parameters, "json": document})
        platform = self.server.platform
        response = _judged(Service(call, self.server.configuration, platform, number), name, number)
        if name == "scores":
            platform.gradebook.posted.append(document)
            platform.gradebook.statuses.append(response.code)
            if platform.gradebook.drop_after_scores:
                platform.gradebook.drop_after_scores -= 1
                return
        self._write(response)

    def _write(self, response: Response) -> None:
        found, following = response.result, None
        if isinstance(found, dict) and "content" in found:
            found, following = found["content"], found.get("next")
        document = {"message": response.message} if found is None else found
        self._send(response.code, document, response.media_type, following)

    def _send(self, status: int, document: Any, media_type: str, following: str | None = None) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        if following is not None:
            self.send_header("Link", generate_next_link(following))
        self.end_headers()
        self.wfile.write(content)


def _judged(service: Service, name: str, number: str) -> Response:
    """Let the library answer; what it raises about tokens becomes a 401, as in its framework adapters."""
    handle = {
        "scores": service.handle_update_score,
        "results": service.handle_get_results,
        "": service.handle_get_lineitem,
    }[name]
    try:
        return service.handle_resp(handle, line_item_id=number)
    except (LtiException, jwt.PyJWTError) as refused:
        return Response(result=None, code=401, message=str(refused))


@contextmanager
def serve_generic(key_set: str | Mapping[str, Any]) -> Iterator[GenericPlatform]:
    """Serve the platform on a free loopback port; ``key_set`` is Passback's, as a URL or as it is."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.platform = GenericPlatform(f"http://127.0.0.1:{server.server_address[1]}", Gradebook())
        server.configuration = Configuration(url=server.platform.url, key_set=key_set)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.platform
        finally:
            server.shutdown()
            thread.join()
