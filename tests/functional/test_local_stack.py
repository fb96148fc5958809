"""The local stack for real: ``passback serve`` as a process, commands as processes, Ctrl-C, and a start anew."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from chalicelib.config import Settings
from chalicelib.storage.clients import make_sqs_client
from passback.outcome_message import XML_TYPE, OutcomeMessage, post, sign, write_pox

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.engine

PUBLIC_URL = "https://grades.example.edu/lti"
STOP_SECONDS = 60
SERVE = ["serve", "--json"]
ANY_PORTS = ["--port", "0", "--simulator-port", "0"]


@dataclass
class Stack:
    """A running ``passback serve`` and what it printed when it was ready."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]
    environment: dict[str, str]

    def run(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return command(self.environment, *words, stdin=stdin)

    def ok(self, *words: str, stdin: str | None = None) -> Any:
        result = self.run(*words, "--json", stdin=stdin)
        assert result.returncode == 0, result.stdout + result.stderr
        return json.loads(result.stdout)

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)


def command(environment: dict[str, str], *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "passback", *words],
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def serving(environment: dict[str, str], *words: str) -> Iterator[Stack]:
    process = subprocess.Popen(
        [sys.executable, "-m", "passback", *SERVE, *words], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield Stack(process, json.loads(process.stdout.readline()), environment)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(STOP_SECONDS)
        process.stdout.close()


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    home = tmp_path_factory.mktemp("local") / "home"
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "PASSBACK_"))}
    return kept | {"PASSBACK_HOME": str(home), "PASSBACK_PUBLIC_URLS": PUBLIC_URL}


@pytest.fixture(scope="module")
def stack(environment: dict[str, str]) -> Iterator[Stack]:
    with serving(environment, *ANY_PORTS) as running:
        yield running


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310  # loopback
        return json.loads(response.read())


def state_of(stack: Stack, handle: str) -> Any:
    order = urllib.request.Request(  # noqa: S310  # loopback
        f"{stack.ready['simulator_url']}/_sim/state",
        data=json.dumps({"handle": handle}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(order, timeout=10) as response:  # noqa: S310  # loopback
        return json.loads(response.read())


def queued(stack: Stack) -> "SQSClient":
    """Return a client of the stack's queues, as anybody with access has one."""
    environment = {"AWS_ENDPOINT_URL": stack.ready["engine_url"], "AWS_REGION": "us-east-1"}
    environment |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    return make_sqs_client(Settings(stage="local"), environment, read_timeout=40)


def dead_letters(stack: Stack) -> list[str]:
    """Look at the dead letters, waiting for the first one if there is none, and leave them there."""
    client = queued(stack)
    url = client.get_queue_url(QueueName=Settings().dead_letter_queue)["QueueUrl"]
    answer = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=20, VisibilityTimeout=0)
    return [message["Body"] for message in answer.get("Messages", ())]


POISON = {"passback": 1, "reason": "not JSON, or cut short", "body": "from a stranger"}


def test_ready_means_that_every_address_answers(stack: Stack) -> None:
    assert get(stack.ready["health_url"]) == {"status": "ok"}
    assert get(stack.ready["key_set_url"]) == stack.ok("key", "show")
    with urllib.request.urlopen(stack.ready["gradebook_url"], timeout=10) as page:  # noqa: S310  # loopback
        assert b"Demo quiz" in page.read()


@pytest.mark.parametrize("door", ["outcome_url", "canvas_outcome_url"])
def test_a_grade_sent_at_either_door_is_in_the_gradebook(stack: Stack, door: str) -> None:
    score = {"outcome_url": "0.5", "canvas_outcome_url": "0.75"}[door]
    answer = stack.ok("send", "--url", stack.ready[door], "--score", score)
    assert (answer["status"], answer["code_major"], answer["description"]) == (200, "success", "")
    state = state_of(stack, stack.ready["demo"]["handle"])
    assert (state["score"], state["attempt"]) == (float(score) * 10, 1)


def test_send_needs_no_options_but_the_score_and_reads_it_back(stack: Stack) -> None:
    stack.ok("send", "--score", "0.25")
    assert stack.ok("send", "--read")["score"] == "0.25"
    assert stack.ok("send", "--read", "--form")["score"] == "0.25"


def test_a_wrong_secret_is_refused_and_changes_nothing(stack: Stack) -> None:
    before = state_of(stack, stack.ready["demo"]["handle"])
    result = stack.run("send", "--score", "1", "--secret-stdin", "--json", stdin="wrong\n")
    assert result.returncode == 1
    assert json.loads(result.stdout)["status"] == 401
    assert state_of(stack, stack.ready["demo"]["handle"]) == before


def test_the_doctor_finds_all_in_place(stack: Stack) -> None:
    own = {name: text for name, text in stack.environment.items() if name != "PASSBACK_PUBLIC_URLS"}
    result = command(own, "doctor", "--json")
    assert {check["state"] for check in json.loads(result.stdout)["checks"]} == {"ok"}
    assert result.returncode == 0


def test_an_outcome_signed_for_a_public_url_is_taken(stack: Stack) -> None:
    demo = stack.ready["demo"]
    body = write_pox(OutcomeMessage("replaceResult", demo["sourcedid"], "m1", "0.375"))
    signed = sign(f"{PUBLIC_URL}/outcomes", body, XML_TYPE, demo["consumer_key"], demo["secret"])
    assert post(replace(signed, url=stack.ready["outcome_url"])).status == 200
    elsewhere = sign("https://other.example.edu/outcomes", body, XML_TYPE, demo["consumer_key"], demo["secret"])
    assert post(replace(elsewhere, url=stack.ready["outcome_url"])).status == 401


def test_a_tool_and_mapping_of_ones_own_work(stack: Stack) -> None:
    student = stack.ready["demo"]["students"][1]
    stack.ok("tool", "add", "--key", "mine", "--secret-stdin", stdin="s3cr&t é\n")
    rows = {"consumer_key": "mine", "sourcedid": "my, student", "platform": "demo"}
    rows |= {"line_item": student["line_item"], "user_id": student["user_id"]}
    assert stack.ok("mapping", "import", "-", stdin=json.dumps(rows))["imported"] == 1
    words = ["--key", "mine", "--sourcedid", "my, student", "--secret-stdin"]
    assert stack.ok("send", "--total", "7.5", "--sha256", *words, stdin="s3cr&t é\n")["status"] == 200
    assert state_of(stack, student["handle"])["score"] == 7.5
    (delivery,) = stack.ok("delivery", "list", "--key", "mine")["deliveries"]
    assert stack.ok("delivery", "show", delivery["id"])["delivery"]["state"] == "delivered"


def test_the_worker_puts_a_strangers_message_aside(stack: Stack) -> None:
    client = queued(stack)
    url = client.get_queue_url(QueueName=Settings().queue)["QueueUrl"]
    client.send_message(
        QueueUrl=url, MessageBody=str(POISON["body"]), MessageGroupId="stranger", MessageDeduplicationId="1"
    )
    assert [json.loads(letter) for letter in dead_letters(stack)] == [POISON]


def test_a_second_stack_from_the_same_home_is_refused(stack: Stack) -> None:
    result = command(stack.environment, *SERVE, *ANY_PORTS)
    assert result.returncode == 1
    assert json.loads(result.stdout)["error"]["code"] == "already_running"


def test_a_taken_port_is_a_clear_error_before_anything_starts(tmp_path: Path, environment: dict[str, str]) -> None:
    home = tmp_path / "other"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = command(environment | {"PASSBACK_HOME": str(home)}, *SERVE, "--port", str(port))
    assert result.returncode == 1
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "port_taken"
    assert str(port) in error["message"]
    assert list((home / "logs").iterdir()) == []


def raw_exchange(url: str, request: bytes) -> bytes:
    port = int(url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("GET /outcomes", b"405"),
        ("POST /outcomes", b"401"),
        ("POST /api/lti/v1/tools/9/grade_passback/", b"401"),
        ("GET /nowhere/at/all", b"404"),
        ("POST /nowhere%2Fat//all?x=1", b"404"),
        ("POST /", b"404"),
    ],
)
def test_every_answer_of_the_server_is_pox(stack: Stack, request_line: str, status: bytes) -> None:
    head = f"{request_line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"
    answer = raw_exchange(stack.ready["base_url"], head.encode() + b"\xff\x00x")
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"<imsx_codeMajor>failure</imsx_codeMajor>" in answer


def test_only_this_machine_is_listened_to(stack: Stack) -> None:
    for name in ("base_url", "simulator_url", "engine_url"):
        port = int(stack.ready[name].rsplit(":", 1)[1])
        with socket.socket() as probe:
            probe.settimeout(2)
            # All of 127.0.0.0/8 is this machine: a server on every interface would answer here, one on 127.0.0.1 not.
            assert probe.connect_ex(("127.0.0.2", port)) != 0


def test_ctrl_c_stops_all_and_a_new_start_finds_everything(stack: Stack) -> None:
    stack.ok("send", "--score", "0.125")
    mappings = stack.ok("mapping", "list")
    assert stack.stop(signal.SIGINT) == 0
    for name in ("base_url", "simulator_url", "engine_url"):
        with pytest.raises(urllib.error.URLError):
            get(stack.ready[name])
    gone = stack.run("tool", "list", "--json")
    assert (gone.returncode, json.loads(gone.stdout)["error"]["code"]) == (1, "no_stack")
    with serving(stack.environment, *ANY_PORTS) as again:
        changing = {"engine_url"}
        assert {key: value for key, value in again.ready.items() if key not in changing} == {
            key: value for key, value in stack.ready.items() if key not in changing
        }
        assert again.ok("send", "--read")["score"] == "0.125"
        assert again.ok("mapping", "list") == mappings
        # The engine listens elsewhere now, and keeps queues by an address that has a port in it.
        assert again.ready["engine_url"] != stack.ready["engine_url"]
        assert [json.loads(letter) for letter in dead_letters(again)] == [POISON]
        assert again.stop(signal.SIGTERM) == 0


def test_other_ports_lead_to_the_same_class(environment: dict[str, str]) -> None:
    free = [port_of_nobody(), port_of_nobody()]
    words = ["--port", str(free[0]), "--simulator-port", str(free[1])]
    with serving(environment, *words) as moved:
        assert moved.ready["base_url"].endswith(f":{free[0]}")
        assert moved.ok("send", "--read")["score"] == "0.125"
        moved.ok("send", "--score", "0.5")
        assert state_of(moved, moved.ready["demo"]["handle"])["attempt"] == 1


def test_without_simulator_there_is_no_demo(tmp_path: Path, environment: dict[str, str]) -> None:
    own = environment | {"PASSBACK_HOME": str(tmp_path / "home")}
    with serving(own, "--port", "0", "--no-simulator") as bare:
        assert (bare.ready["simulator_url"], bare.ready["gradebook_url"], bare.ready["demo"]) == (None, None, None)
        assert bare.ok("platform", "list") == {"platforms": []}


@pytest.mark.parametrize("part", ["ministack", "passback.local.worker"])
def test_a_part_that_ends_by_itself_ends_the_stack(tmp_path: Path, environment: dict[str, str], part: str) -> None:
    own = environment | {"PASSBACK_HOME": str(tmp_path / "home")}
    with serving(own, "--port", "0", "--no-simulator") as bare:
        os.kill(child_process(bare, part), signal.SIGKILL)
        assert bare.process.wait(STOP_SECONDS) == 1


def child_process(stack: Stack, module: str) -> int:
    """Find a part's process among the children of ``serve``."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            started = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if parent == stack.process.pid and module.encode() in started.split(b"\0"):
            return int(folder.name)
    raise AssertionError(f"{module} is not among the children")


def port_of_nobody() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
