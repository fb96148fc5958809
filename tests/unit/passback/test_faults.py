"""``passback fault`` against a simulator on a socket."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from click.testing import CliRunner, Result

from passback import faults
from passback.cli import cli
from passback.home import Home, RunningStack
from passback.session import Session
from simulator.faults import KINDS, PATHS, TIMED_KINDS
from simulator.server import Served, serve_in_thread
from simulator.simulator import Simulator

ORDERED = {"body": "", "count": None, "course_id": None, "handle": None, "seed": 0, "share": 1.0, "status": 500}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve_in_thread(Simulator()) as served:
        yield served


@pytest.fixture(autouse=True)
def calm(served: Served) -> None:
    run(served, "clear")


def run(served: Served, *words: str) -> Result:
    session = Session(environment={"PASSBACK_HOME": "/nonexistent"})
    return CliRunner().invoke(cli, ["fault", *words, "--simulator", served.url], obj=session)


def told(served: Served, *words: str) -> Any:
    result = run(served, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def refused(served: Served, *words: str) -> tuple[int, str]:
    result = run(served, *words, "--json")
    return result.exit_code, json.loads(result.stdout)["error"]["message"]


def test_the_names_are_the_simulators() -> None:
    assert sorted(kind.replace("-", "_") for kind in faults.KINDS) == sorted(KINDS)
    assert tuple(path.replace("-", "_") for path in faults.PATHS) == PATHS
    assert set(faults.TIMED) == set(TIMED_KINDS)


def test_a_fault_is_set_listed_and_cleared(served: Served) -> None:
    expected = [{**ORDERED, "kind": "drop_after", "path": "score", "count": 3, "share": 0.25, "seed": 7, "seconds": 0}]
    words = ("set", "drop-after", "--path", "score", "--count", "3", "--share", "0.25", "--seed", "7")
    assert told(served, *words) == {"down": False, "faults": expected}
    assert told(served, "list") == {"down": False, "faults": expected}
    assert told(served, "clear") == {"down": False, "faults": []}


def test_what_is_set_last_is_tried_first_and_a_kind_can_be_cleared_alone(served: Served) -> None:
    run(served, "set", "slow", "--seconds", "0.5")
    run(served, "set", "status", "--status", "503")
    run(served, "set", "hang")
    listed = told(served, "clear", "status")["faults"]
    assert [(each["kind"], each["seconds"]) for each in listed] == [("hang", 60), ("slow", 0.5)]


def test_down_is_a_switch_of_its_own(served: Served) -> None:
    run(served, "set", "refuse", "--count", "1")
    assert told(served, "set", "down")["down"] is True
    assert "down: every call is refused" in run(served, "list").output
    listed = told(served, "clear", "down")
    assert (listed["down"], len(listed["faults"])) == (False, 1)
    run(served, "set", "down")
    assert told(served, "clear") == {"down": False, "faults": []}


def test_a_course_is_named_by_its_number_or_by_a_handle(served: Served) -> None:
    scene = httpx.post(f"{served.url}/_sim/prepare", trust_env=False).json()
    by_number = told(served, "set", "refuse", "--course", str(scene["course_id"]))["faults"][0]
    by_handle = told(served, "set", "refuse", "--handle", scene["handle"])["faults"][0]
    assert by_number["course_id"] == by_handle["course_id"] == scene["course_id"]
    assert (by_number["handle"], by_handle["handle"]) == (None, scene["handle"])


def test_people_read_one_line_a_fault(served: Served) -> None:
    assert run(served, "list").output == "No faults are in force.\n"
    run(served, "set", "status", "--status", "503", "--path", "line-item", "--count", "2")
    output = run(served, "set", "slow", "--seconds", "9", "--share", "0.5", "--seed", "4").output
    lines = [" ".join(line.split()) for line in output.splitlines()[1:]]
    assert lines == ["slow 9 s any all 0.5, seed 4 until cleared", "status 503 line-item all all 2 more"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("down", "--count", "1"), "down takes no options"),
        (("down", "--path", "token"), "down takes no options"),
        (("slow", "--status", "503"), "--status belongs to"),
        (("refuse", "--seconds", "1"), "--seconds belongs to"),
        (("refuse", "--seed", "1"), "--seed belongs to --share"),
        (("refuse", "--share", "nan"), "nan is no number"),
        (("dance",), "is not one of"),
    ],
)
def test_what_a_kind_would_pass_over_is_refused(served: Served, words: tuple[str, ...], sentence: str) -> None:
    status, message = refused(served, "set", *words)
    assert status == 2
    assert sentence in message
    assert told(served, "list") == {"down": False, "faults": []}


def test_what_the_simulator_refuses_is_told_in_its_words(served: Served) -> None:
    assert refused(served, "set", "refuse", "--course", "999999")[1].endswith("No such course_id.")
    assert refused(served, "set", "refuse", "--handle", "x")[1].endswith("No such handle.")


def invoke(home: Path, *words: str) -> tuple[int, Any]:
    result = CliRunner().invoke(cli, ["fault", *words, "--json"], obj=Session(environment={"PASSBACK_HOME": str(home)}))
    return result.exit_code, json.loads(result.stdout)


def test_the_running_stacks_simulator_is_found(served: Served, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.create()
    port = urlsplit(served.url).port
    with socket.create_server(("127.0.0.1", 0)) as engine:
        home.write_stack(RunningStack(os.getpid(), 1, port, engine.getsockname()[1], "passback"))
        assert invoke(home.path, "set", "down") == (0, {"down": True, "faults": []})
        home.write_stack(RunningStack(os.getpid(), 1, None, engine.getsockname()[1], "passback"))
        assert invoke(home.path, "list")[1]["error"]["code"] == "no_simulator"
    assert told(served, "list")["down"] is True


def test_without_a_simulator_it_says_what_to_do(tmp_path: Path) -> None:
    status, document = invoke(tmp_path, "clear")
    assert (status, document["error"]["code"]) == (1, "no_simulator")
    assert "passback serve" in document["error"]["message"]
    assert invoke(tmp_path, "list", "--simulator", "ftp://x")[0] == 2
    assert invoke(tmp_path, "list", "--simulator", "http://127.0.0.1:1")[1]["error"]["code"] == "simulator"
