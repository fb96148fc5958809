import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from chalicelib import errors
from chalicelib.lti13.profiles import RefusalKind
from command_line.running import Operator
from passback.cli import cli
from passback.failures import CommandFailed, explain
from passback.session import Session


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (CommandFailed("mine", "Words.", 3), "mine", 3),
        (click.UsageError("No."), "usage", 2),
        (KeyboardInterrupt(), "interrupted", 130),
        (errors.SetupError("Set it."), "setup", 1),
        (errors.HostRefused("Not there."), "host_refused", 1),
        (errors.PlatformUnavailable("down", maybe_applied=False), "platform_unavailable", 1),
        (errors.PlatformRefused(RefusalKind.OTHER, 403, "no"), "platform_refused", 1),
        (errors.StorageConflict(frozenset({"cell"})), "conflict", 1),
        (errors.StorageUnavailable("PutItem was refused"), "storage_unavailable", 1),
        (errors.StorageUnreadable("damaged"), "failed", 1),
        (FileNotFoundError(2, "No such file or directory", "x.csv"), "file", 1),
        (ZeroDivisionError("division by zero"), "unexpected", 1),
    ],
)
def test_every_error_becomes_a_code_a_sentence_and_a_status(error: BaseException, code: str, status: int) -> None:
    failure = explain(error, {})
    assert (failure.code, failure.exit_status) == (code, status)
    assert failure.message.endswith((".", ")", "!"))
    assert "\n" not in failure.message


def test_an_unexpected_error_shows_no_traceback_unless_asked(capsys: pytest.CaptureFixture[str]) -> None:
    secret = ValueError("hunter2")
    assert "hunter2" not in explain(secret, {}).message
    assert capsys.readouterr().err == ""
    explain(secret, {"PASSBACK_DEBUG": "1"})
    assert "ValueError" in capsys.readouterr().err


def test_a_usage_error_in_json_mode_is_one_document(operator: Operator) -> None:
    result = operator.run("tool", "show", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["code"] == "usage"
    assert "passback tool show --help" in result.stderr or "tool show --help" in result.stderr


def test_without_json_a_failure_is_on_standard_error_only(operator: Operator) -> None:
    result = operator.run("tool", "show", "--key", "nobody")
    assert result.stdout == ""
    assert result.stderr.startswith("passback: There is no tool")


def all_commands(group: click.Group) -> list[click.Command]:
    found: list[click.Command] = []
    for command in group.commands.values():
        found += all_commands(command) if isinstance(command, click.Group) else [command]
    return found


@pytest.mark.parametrize("command", all_commands(cli), ids=lambda command: str(command.name))
def test_every_command_takes_json_and_has_help(command: click.Command) -> None:
    assert "--json" in {option for parameter in command.params for option in parameter.opts}
    assert command.help


FIXED = {
    "serve": [],
    "setup": [],
    "platform": ["add", "configuration", "confirm-key", "line-items", "list", "remove", "set", "show"],
    "tool": ["add", "list", "show", "rotate", "retire", "remove"],
    "mapping": ["add", "import", "list", "missing", "show", "remove"],
    "delivery": ["list", "retry", "show", "watch"],
    "forget": [],
    "fault": ["clear", "list", "set"],
    "key": ["list", "remove", "rotate", "show"],
    "secrets": ["reseal"],
    "send": [],
    "doctor": [],
    "status": [],
}


def test_the_command_lines_that_scripts_rely_on_are_there() -> None:
    there = {
        name: sorted(command.commands) if isinstance(command, click.Group) else []
        for name, command in cli.commands.items()
    }
    assert there == {name: sorted(commands) for name, commands in FIXED.items()}


def test_without_stack_and_without_aws_one_sentence_says_what_to_do(tmp_path: Path) -> None:
    session = Session(environment={"HOME": str(tmp_path), "PASSBACK_HOME": str(tmp_path / "home")})
    result = CliRunner().invoke(cli, ["tool", "list", "--json"], obj=session)
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "no_stack"
    assert "passback serve" in error["message"]


def test_help_loads_neither_aws_nor_rich_nor_httpx() -> None:
    program = (
        "import sys, passback.cli\n"
        "try: passback.cli.cli(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'botocore', 'boto3', 'rich', 'httpx', 'lxml', 'cryptography'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_a_closed_pipe_ends_a_command_quietly(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    result = subprocess.run(
        [sys.executable, "-m", "passback", "--version"], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert result.stderr == b""


def test_a_question_of_the_parser_is_followed_by_no_full_stop(operator: Operator) -> None:
    message = operator.fails("doctor", "--version")["message"]
    assert "?." not in message
    assert "See `" in message


ELSEWHERE = {"PATH": os.environ["PATH"], "PASSBACK_HOME": "/nonexistent", "HOME": "/nonexistent"}


def at_shell(redirected: str) -> "subprocess.CompletedProcess[str]":
    """Run a command line in a shell, which closes streams or leads them somewhere else."""
    line = f'"{sys.executable}" -m passback {redirected}'
    return subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, env=ELSEWHERE)


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_a_command_works_without_the_streams_that_were_closed(closed: str) -> None:
    done = at_shell(f"--version {closed}")
    assert (done.returncode, done.stderr) == (0, "")
    failed = at_shell(f"tool list --json {closed}")
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is full")
@pytest.mark.parametrize("words", ["--help", "--version", "tool list --json", "fault list"])
def test_a_full_disk_is_one_sentence(words: str) -> None:
    done = at_shell(f"{words} >/dev/full")
    assert done.returncode == 1
    assert done.stderr.startswith("passback: ")
    assert len(done.stderr.splitlines()) == 1


def test_where_nobody_reads_not_even_failures_it_ends_all_the_same() -> None:
    assert at_shell("tool list --json >/dev/full 2>/dev/full").returncode == 1


def test_ctrl_c_while_the_command_is_loaded_shows_no_traceback() -> None:
    program = (
        "import sys\n"
        "class Impatient:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'passback.status': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Impatient())\n"
        "import passback.cli\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")
