"""The real local stack: ``passback serve`` as a process of its own, in a home that is thrown away."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from passback.local.demo_setup import CLIENT_ID

READY_SECONDS = 90.0
STOP_SECONDS = 30.0
STUDENTS_AT_ONCE = 30


@dataclass(frozen=True)
class Student:
    """One student on an assignment of their own, mapped at Passback."""

    sourcedid: str
    handle: str
    gradebook_url: str


@dataclass
class Served:
    """A running stack."""

    document: dict[str, Any]
    environment: dict[str, str]
    _students: Iterator[Student] = field(default_factory=lambda: iter(()))

    @property
    def outcome_url(self) -> str:
        return str(self.document["outcome_url"])

    @property
    def key(self) -> str:
        return str(self.document["demo"]["consumer_key"])

    @property
    def secret(self) -> str:
        return str(self.document["demo"]["secret"])

    def control(self, order: str, **fields: Any) -> dict[str, Any]:
        """Give the simulator an order."""
        url = f"{self.document['simulator_url']}/_sim/{order}"
        response = httpx.post(url, json=fields, trust_env=False)
        assert response.status_code == 200, response.text
        document: dict[str, Any] = json.loads(response.text, parse_float=Decimal)
        return document

    def state(self, student: Student) -> dict[str, Any]:
        """Tell what the gradebook holds for a student."""
        return self.control("state", handle=student.handle)

    def command(self, *words: str, stdin: str | None = None) -> Any:
        """Run a command against the stack, and return its document."""
        done = subprocess.run(
            [*_passback(), *words, "--json"],
            input=stdin,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def new_student(self) -> Student:
        """Give a student whom nobody else grades."""
        student = next(self._students, None)
        if student is None:
            self._students = iter(self._import_students())
            student = next(self._students)
        return student

    def _import_students(self) -> list[Student]:
        """Put students into courses of their own, and import their mappings as an institution does."""
        table = io.StringIO()
        writer = csv.writer(table)
        writer.writerow(["consumer_key", "sourcedid", "platform", "line_item", "user_id", "submitted"])
        students = []
        for _ in range(STUDENTS_AT_ONCE):
            seat = self.control("prepare", client_id=CLIENT_ID)
            sourcedid = seat["lti11"]["sourcedid"]
            platform = self.document["demo"]["platform"]
            writer.writerow([self.key, sourcedid, platform, seat["line_item"], seat["user_id"], "no"])
            students.append(Student(sourcedid, seat["handle"], seat["gradebook_url"]))
        self.command("mapping", "import", "-", stdin=table.getvalue())
        return students


@contextmanager
def served_stack(home: Path) -> Iterator[Served]:
    """Serve a stack from ``home``, and stop it as Ctrl-C does."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "PASSBACK_"))}
    environment = kept | {"PASSBACK_HOME": str(home), "NO_PROXY": "127.0.0.1"}
    words = [*_passback(), "serve", "--port", "0", "--simulator-port", "0", "--json"]
    with (
        (home.parent / "serve.log").open("wb") as log,
        subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=log, start_new_session=True) as process,
    ):
        try:
            yield Served(_ready_line(process), environment)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_SECONDS)


def _ready_line(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Read the line that says that all is ready; a stack that never says so is ended."""
    assert process.stdout is not None
    watchdog = threading.Timer(READY_SECONDS, process.terminate)
    watchdog.start()
    line = process.stdout.readline()
    watchdog.cancel()
    watchdog.join()
    assert line, "the stack did not become ready"
    document: dict[str, Any] = json.loads(line)
    return document


def _passback() -> list[str]:
    return [sys.executable, "-m", "passback"]
