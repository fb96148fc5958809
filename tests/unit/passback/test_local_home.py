import json
import os
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from passback.failures import CommandFailed
from passback.home import Home, RunningStack, read_json, working_environment, write_json
from passback.local.demo_class import DemoClass, DemoStudent
from passback.local.processes import Child, choose_port


@pytest.fixture
def listening() -> Iterator[int]:
    """A port that something listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    home.create()
    return home


def running(home: Home, engine_port: int, process_id: int | None = None) -> RunningStack:
    stack = RunningStack(process_id or os.getpid(), 1, 2, engine_port, "passback")
    home.write_stack(stack)
    return stack


def gone(process_id: int) -> bool:
    """Tell whether a process ended; it does so a moment after it was told to, and its new parent may not reap it."""
    for _ in range(200):
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(process_id)], capture_output=True, text=True, check=False
        ).stdout.strip()
        if not state or state.startswith("Z"):
            return True
        time.sleep(0.02)
    return False


def test_a_live_stack_is_found_and_forgotten(home: Home, listening: int) -> None:
    assert home.running_stack() is None
    stack = running(home, listening)
    assert home.running_stack() == stack
    home.remove_stack()
    assert home.running_stack() is None


def test_a_stack_whose_process_is_gone_does_not_count(home: Home, listening: int) -> None:
    running(home, listening, process_id=2**22 + 1)
    assert home.running_stack() is None


def test_a_stack_whose_engine_is_gone_does_not_count(home: Home, listening: int) -> None:
    running(home, 1)
    assert home.running_stack() is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"port": 1}', "\x00"])
def test_a_damaged_stack_file_does_not_count(home: Home, content: str) -> None:
    home.stack.write_text(content)
    assert home.running_stack() is None


def test_commands_work_on_the_live_stack_and_reach_no_account(home: Home, listening: int) -> None:
    running(home, listening)
    mine = {"PASSBACK_HOME": str(home.path), "AWS_PROFILE": "production", "AWS_SESSION_TOKEN": "t", "NO_PROXY": "x.edu"}
    found = working_environment(mine | {"PASSBACK_KMS_KEY": "k"})
    assert found["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{listening}"
    assert found["PASSBACK_STAGE"] == "local"
    assert found["PASSBACK_KEY_FILE"] == str(home.key_file)
    assert found["NO_PROXY"] == "x.edu,127.0.0.1,localhost"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "PASSBACK_KMS_KEY"} & set(found)


@pytest.mark.parametrize("said", [{"PASSBACK_STAGE": "production"}, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}])
def test_what_the_environment_says_goes_before_a_live_stack(home: Home, listening: int, said: dict[str, str]) -> None:
    running(home, listening)
    mine = {"PASSBACK_HOME": str(home.path), "AWS_REGION": "eu-west-1", **said}
    assert working_environment(mine) == mine


@pytest.mark.parametrize(
    "said", [{}, {"PASSBACK_STAGE": "local"}, {"PASSBACK_STAGE": "local", "AWS_REGION": "eu-west-1"}]
)
def test_without_stack_and_account_there_is_one_sentence(home: Home, said: dict[str, str]) -> None:
    with pytest.raises(CommandFailed, match="passback serve"):
        working_environment({"PASSBACK_HOME": str(home.path), "HOME": str(home.path), **said})


def test_a_profile_in_the_aws_files_is_enough(home: Home) -> None:
    (home.path / ".aws").mkdir()
    (home.path / ".aws" / "config").touch()
    mine = {"PASSBACK_HOME": str(home.path), "HOME": str(home.path)}
    assert working_environment(mine) == mine


def test_stage_local_with_an_endpoint_of_its_own_takes_the_key_of_home(home: Home) -> None:
    home.key_file.touch()
    mine = {"PASSBACK_HOME": str(home.path), "PASSBACK_STAGE": "local", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    assert working_environment(mine)["PASSBACK_KEY_FILE"] == str(home.key_file)


def test_home_is_for_its_owner_only(home: Home) -> None:
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700
    write_json(home.demo, {"a": 1})
    assert stat.S_IMODE(home.demo.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_written_leaves_the_one_before(home: Home) -> None:
    write_json(home.demo, {"a": 1})
    with pytest.raises(TypeError):
        write_json(home.demo, {"a": object()})
    assert read_json(home.demo) == {"a": 1}
    assert [path.name for path in home.path.glob("demo*")] == ["demo.json"]


def test_the_demo_class_is_remembered_without_a_secret(home: Home) -> None:
    demo = DemoClass("demo", "k", "1", "http://s", "http://b", (DemoStudent("s", "u", "/l", "h", "/g"),))
    demo.save(home)
    assert DemoClass.load(home) == demo
    assert "secret" not in home.demo.read_text()


@pytest.mark.parametrize("content", ["", "{}", json.dumps({"students": [{"x": 1}]})])
def test_a_damaged_demo_file_is_no_demo(home: Home, content: str) -> None:
    home.demo.write_text(content)
    assert DemoClass.load(home) is None


def test_a_taken_port_is_refused_with_the_option_to_use(listening: int) -> None:
    with pytest.raises(CommandFailed, match=f"Port {listening} is taken.*--port"):
        choose_port(listening, "--port")


def test_port_0_prefers_the_last_one_and_takes_another_when_it_is_gone(listening: int) -> None:
    free = choose_port(0, "--port")
    assert choose_port(0, "--port", preferred=free) == free
    assert choose_port(0, "--port", preferred=listening) != listening


def test_a_child_that_ends_early_is_told_with_its_last_words(tmp_path: Path) -> None:
    child = Child("helper", ["json.tool", "/nonexistent"], os.environ, tmp_path / "log")
    with pytest.raises(CommandFailed, match=r"(?s)helper ended by itself.*nonexistent"):
        child.wait_until(lambda: False)
    child.stop()


def test_a_child_is_stopped(tmp_path: Path) -> None:
    child = Child("server", ["http.server", "0", "--bind", "127.0.0.1"], os.environ, tmp_path / "log")
    assert child.is_alive
    child.stop()
    assert not child.is_alive


def test_what_a_killed_child_leaves_running_is_ended_with_it(tmp_path: Path) -> None:
    (tmp_path / "pair.py").write_text(
        "import os, signal, time\n"
        "if os.fork():\n"
        "    time.sleep(0.2)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "print(os.getpid(), flush=True)\n"
        "time.sleep(60)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    child = Child("server", ["pair"], environment, tmp_path / "log")
    with pytest.raises(CommandFailed, match="ended by itself"):
        child.wait_until(lambda: False)
    worker = int(child.log_text())
    os.kill(worker, 0)
    child.stop()
    assert gone(worker)
