"""Passback's HTTP server of the local stack: granian before the gateway, on loopback; run as a process of its own.

ASGI and not WSGI, because WSGI joins repeated headers and decodes the path, and the doors must see both as sent.
The app itself runs in a pool of threads.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import click

from passback.local import log_lines
from passback.local.gateway import LARGEST_BODY, Gateway, GatewayRequest, GatewayResponse

THREADS = 8

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]


def make_application(gateway: Gateway) -> Application:
    """Put an ASGI application before a gateway."""
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="passback")

    async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = GatewayRequest(
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
            body=await _read_body(receive),
            source_address=(scope.get("client") or ("127.0.0.1",))[0],
        )
        answer = await asyncio.get_running_loop().run_in_executor(threads, gateway.handle, request)
        await _write(answer, send)

    return application


async def _read_body(receive: Receive) -> bytes:
    """Read a body up to one byte more than is taken: the gateway refuses it then."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body") or len(body) > LARGEST_BODY:
            return bytes(body)


async def _write(answer: GatewayResponse, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in answer.headers]
    if not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(answer.body)).encode("ascii")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def passback_application() -> Application:
    """Make the application of Passback itself; granian's worker calls this."""
    from app import app

    log_lines.start()
    return make_application(Gateway(app))


def serve(port: int, application: str) -> None:
    """Serve an application, named as module:function, on 127.0.0.1 until told to stop."""
    from granian.constants import Interfaces, Loops
    from granian.server import Server

    Server(
        application,
        factory=True,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGINL,
        loop=Loops.asyncio,
        workers=1,
        websockets=False,
        log_access=False,
        workers_kill_timeout=5,
    ).serve()


@click.command()
@click.option("--port", type=int, required=True)
def main(port: int) -> None:
    """Serve Passback on 127.0.0.1 until told to stop."""
    serve(port, "passback.local.server:passback_application")


if __name__ == "__main__":
    main()
