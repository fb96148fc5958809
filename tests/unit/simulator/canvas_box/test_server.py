"""The server over a real socket, and the program in the foreground."""

import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from canvas_box.canvas_harness import SCORE_TYPE, Canvas, Scene
from simulator import __main__ as program
from simulator.exchange import Request, Response
from simulator.keys import fetch_document
from simulator.server import Served, serve_in_thread
from simulator.simulator import Simulator


@pytest.fixture
def served(canvas: Canvas) -> Iterator[Served]:
    with serve_in_thread(canvas.simulator) as served:
        yield served


def connect(url: str, timeout: float = 10) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(url.removeprefix("http://"), timeout=timeout)


def order(url: str, name: str, **fields: Any) -> Any:
    request = UrlRequest(f"{url}/_sim/{name}", json.dumps(fields).encode())  # noqa: S310 - our own server
    with urlopen(request, timeout=10) as answer:  # noqa: S310 - our own server
        return json.load(answer)


def post_score(canvas: Canvas, served: Served, scene: Scene, timeout: float = 10) -> http.client.HTTPResponse:
    """Post over the socket with a token that was got in process for this host."""
    connection = connect(served.url, timeout)
    body = json.dumps({**scene.score_body(), "scoreGiven": 0.92})
    path = scene.line_item.removeprefix(served.url)
    headers = {"Content-Type": SCORE_TYPE, "Authorization": f"Bearer {canvas.token}"}
    try:
        connection.request("POST", f"{path}/scores", body, headers)
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    return answer


@pytest.fixture
def socket_scene(canvas: Canvas, served: Served) -> Scene:
    scene = Scene(canvas, order(served.url, "prepare"))
    canvas.register()
    host = scene.told["host"]
    answer = canvas.ask_token(canvas.claims(aud=scene.told["audience"]), host=host)
    canvas.token = json.loads(answer.body)["access_token"]
    return scene


def test_a_token_and_a_score_over_the_socket_with_a_fetched_key_set(private_key: RSAPrivateKey) -> None:
    canvas = Canvas(private_key)
    canvas.simulator = Simulator(canvas.clock)
    keys = KeySetServer(json.dumps({"keys": [canvas.public_jwk]}).encode())
    with serve_in_thread(keys) as key_server, serve_in_thread(canvas.simulator) as served:  # type: ignore[arg-type]  # answers as a simulator does
        order(served.url, "register", jwks_url=f"{key_server.url}/jwks")
        scene = Scene(canvas, order(served.url, "prepare"))
        told = canvas.ask_token(canvas.claims(aud=scene.told["audience"]), host=scene.told["host"])
        canvas.token = json.loads(told.body)["access_token"]
        assert post_score(canvas, served, scene).status == 200
        assert order(served.url, "state", handle=scene.handle)["score"] == 9.2


class KeySetServer:
    """Answers everything with one document."""

    def __init__(self, document: bytes) -> None:
        self._document = document

    def handle(self, request: Request) -> Response:
        return Response(200, (("Content-Type", "application/json"),), self._document)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "http://127.0.0.1:1/", "http://127.0.0.1:x/"])
def test_a_document_that_cannot_be_fetched_is_an_os_error(url: str) -> None:
    with pytest.raises(OSError):
        fetch_document(url)


def test_a_connection_is_kept_alive_and_quick(served: Served) -> None:
    connection = connect(served.url)
    started = time.monotonic()
    for _ in range(20):
        connection.request("GET", "/_sim/health")
        answer = connection.getresponse()
        assert (answer.status, answer.version) == (200, 11)
        answer.read()
    connection.close()
    # Header and body in two packets would take 40 ms each.
    assert time.monotonic() - started < 0.6


def test_dropping_before_and_after(canvas: Canvas, served: Served, socket_scene: Scene) -> None:
    order(served.url, "switch", faults=[{"kind": "drop_before", "count": 1}])
    with pytest.raises(http.client.RemoteDisconnected):
        post_score(canvas, served, socket_scene)
    assert order(served.url, "state", handle=socket_scene.handle)["score"] is None
    order(served.url, "switch", faults=[{"kind": "drop_after", "count": 1}])
    with pytest.raises(http.client.RemoteDisconnected):
        post_score(canvas, served, socket_scene)
    assert order(served.url, "state", handle=socket_scene.handle)["score"] == 9.2


def test_refusing_resets_the_connection(canvas: Canvas, served: Served, socket_scene: Scene) -> None:
    order(served.url, "switch", faults=[{"kind": "refuse", "count": 1}])
    with pytest.raises(ConnectionResetError):
        post_score(canvas, served, socket_scene)
    assert post_score(canvas, served, socket_scene).status == 200


def test_a_slow_answer_comes_late_and_holds_nobody_else_up(canvas: Canvas, served: Served, socket_scene: Scene) -> None:
    order(served.url, "switch", faults=[{"kind": "slow", "seconds": 0.5, "count": 1}])
    waiting = threading.Thread(target=post_score, args=(canvas, served, socket_scene))
    started = time.monotonic()
    waiting.start()
    while order(served.url, "state", handle=socket_scene.handle)["score"] is None:
        time.sleep(0.01)
    assert time.monotonic() - started < 0.4
    waiting.join()
    assert time.monotonic() - started >= 0.5


def test_calls_that_take_time_run_beside_each_other(canvas: Canvas, served: Served, socket_scene: Scene) -> None:
    order(served.url, "switch", request_seconds=0.5)
    started = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(lambda _: post_score(canvas, served, socket_scene).status, range(8)))
    # One after the other they would take 4 s.
    assert (statuses, time.monotonic() - started < 2) == ([200] * 8, True)
    assert order(served.url, "counters")["most_at_once"] == 8


def test_a_call_that_hangs_ends_without_an_answer(canvas: Canvas, served: Served, socket_scene: Scene) -> None:
    order(served.url, "switch", faults=[{"kind": "hang", "seconds": 0.3, "count": 1}])
    started = time.monotonic()
    with pytest.raises(http.client.RemoteDisconnected):
        post_score(canvas, served, socket_scene)
    assert time.monotonic() - started >= 0.3
    assert order(served.url, "state", handle=socket_scene.handle)["score"] is None


def test_down_resets_connections_but_those_of_the_control_door(
    canvas: Canvas, served: Served, socket_scene: Scene
) -> None:
    order(served.url, "switch", down=True)
    with pytest.raises(ConnectionResetError):
        post_score(canvas, served, socket_scene)
    order(served.url, "switch", down=False)
    assert post_score(canvas, served, socket_scene).status == 200


def test_a_client_that_gives_up_leaves_the_effect(canvas: Canvas, served: Served, socket_scene: Scene) -> None:
    order(served.url, "switch", faults=[{"kind": "slow", "seconds": 30, "count": 1}])
    with pytest.raises(TimeoutError):
        post_score(canvas, served, socket_scene, timeout=0.2)
    assert order(served.url, "state", handle=socket_scene.handle)["score"] == 9.2


def test_an_endless_answer_drips(canvas: Canvas, served: Served, socket_scene: Scene) -> None:
    order(served.url, "switch", faults=[{"kind": "endless", "seconds": 0.3, "count": 1}])
    started = time.monotonic()
    answer = post_score(canvas, served, socket_scene)
    assert answer.getheader("Content-Length") is None
    assert time.monotonic() - started >= 0.25


def test_a_stop_ends_endless_answers_too(canvas: Canvas, private_key: RSAPrivateKey) -> None:
    started = time.monotonic()
    with serve_in_thread(canvas.simulator) as served:
        scene = Scene(canvas, order(served.url, "prepare"))
        order(served.url, "switch", faults=[{"kind": "endless", "seconds": 60}])
        connection = connect(served.url)
        connection.request("GET", scene.line_item.removeprefix(served.url))
        answer = connection.getresponse()
        assert answer.read(1) == b" "
    connection.close()
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Transfer-Encoding": "chunked"}, 411),
        ({"Content-Length": "x"}, 411),
        ({"Content-Length": "99999999"}, 413),
    ],
)
def test_bodies_of_unknown_or_great_length_are_refused(served: Served, headers: dict[str, str], status: int) -> None:
    connection = connect(served.url)
    connection.putrequest("POST", "/_sim/prepare")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == status
    connection.close()


def test_a_head_request_has_no_body(served: Served) -> None:
    connection = connect(served.url)
    connection.request("HEAD", "/gradebook")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (404, b"")
    connection.close()


def test_deleting_has_an_answer_without_length(canvas: Canvas, served: Served, socket_scene: Scene) -> None:
    made = canvas.call(
        "POST", socket_scene.told["line_items"], {"label": "L", "scoreMaximum": 1}, host=socket_scene.told["host"]
    )
    connection = connect(served.url)
    path = json.loads(made.body)["id"].removeprefix(served.url)
    connection.request("DELETE", path, headers={"Authorization": f"Bearer {canvas.token}"})
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Content-Length"), answer.read()) == (204, None, b"")
    connection.close()


def test_a_client_that_goes_away_is_no_defect(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2]))) as client:
        client.sendall(b"POST /_sim/prepare HTTP/1.1\r\nContent-Length: 10\r\n\r\n")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert order(served.url, "switch")["generation"] == "new"
    time.sleep(0.1)
    assert capfd.readouterr().err == ""


def test_a_defect_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    class Broken:
        def handle(self, request: Request) -> Response:
            raise ArithmeticError("a defect")

    with serve_in_thread(Broken()) as served:  # type: ignore[arg-type]  # answers as a simulator does
        connection = connect(served.url)
        connection.request("GET", "/")
        with pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()
        connection.close()
    assert "a defect" in capfd.readouterr().err


# The program


def start(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--port", "0", *arguments], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_the_program_saves_at_a_signal_and_loads_at_the_start(tmp_path: Path, sign: signal.Signals) -> None:
    state = tmp_path / "state.json"
    process, line = start("--state-file", str(state), "--json")
    url = json.loads(line)["url"]
    scene = order(url, "prepare", tool_score=5)
    assert order(url, "switch", add_faults=[{"kind": "refuse"}], down=True)["faults"]
    process.send_signal(sign)
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert os.stat(state).st_mode & 0o777 == 0o600
    process, line = start("--state-file", str(state), "--json")
    again = json.loads(line)["url"]
    assert order(again, "state", handle=scene["handle"])["score"] == 5
    switched = order(again, "switch")
    assert (switched["faults"], switched["down"]) == ([], False)
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 0


@pytest.fixture
def signals() -> Iterator[None]:
    kept = {sign: signal.getsignal(sign) for sign in (signal.SIGTERM, signal.SIGINT)}
    yield
    for sign, handler in kept.items():
        signal.signal(sign, handler)


@pytest.mark.usefixtures("signals")
def test_the_program_announces_its_addresses_and_stops(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    state = tmp_path / "state.json"
    assert program.main(["--port", "0", "--state-file", str(state)]) == 0
    assert "Gradebook:       http://127.0.0.1:" in capsys.readouterr().out
    assert Simulator.load(state.read_text("utf-8")).dump() == state.read_text("utf-8")
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    assert program.main(["--port", "0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["client_id"] == "10000000000001"


@pytest.mark.parametrize("content", ["{", "[]", '{"token_secret": 1}'])
def test_a_damaged_state_file_stops_the_start(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state.json"
    state.write_text(content, "utf-8")
    assert program.main(["--state-file", str(state)]) == 1
    assert capsys.readouterr().err.startswith("simulator: cannot start: ")
    assert state.read_text("utf-8") == content
