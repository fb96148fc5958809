"""A checkout of Passback as its operator has one, in a folder of the test, with an AWS account on this machine."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from engine import Engine, running_engine

from deployed.account import MACHINE, client
from passback.packaging.build import ROOT

IMPORTING = (sys.executable, str(Path(__file__).with_name("importing_engine.py")))
SECONDS = 240
_PARTS = ("app.py", "requirements.txt", "chalicelib", "infra", ".chalice/config.json")


@dataclass(frozen=True)
class Checkout:
    """The folder, the account, and what the operator's shell knows."""

    folder: Path
    engine: Engine
    variables: Mapping[str, str] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Make a client of the account's owner."""
        return client(self.engine, service)

    def run(self, *words: str, text: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder; ``text`` is what is typed."""
        return self._run(words, text, variables)

    def shell(self, script: str, text: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script, which ends at the first command that fails."""
        return self._run(("bash", "-euo", "pipefail", "-c", script), text, variables)

    def file(self, name: str) -> Path:
        """Return the path of a file below ``.chalice``."""
        return self.folder / ".chalice" / name

    def _run(self, words: Sequence[str], text: str, variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self.folder),  # whoever runs the tests has profiles of AWS there
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),  # pip's
        }
        environment |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        environment |= {**self.engine.environment, **self.variables, **variables}
        process = subprocess.Popen(
            words,
            cwd=self.folder,
            env={name: value for name, value in environment.items() if value},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            output, errors = process.communicate(text, SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, errors = process.communicate()
            raise AssertionError(f"{words} took longer than {SECONDS} seconds:\n{output}\n{errors}") from None
        return subprocess.CompletedProcess(words, process.returncode, output, errors)


@contextmanager
def checkout(folder: Path) -> Iterator[Checkout]:
    """Copy what an operator needs, and run an account in which the rights of roles are enforced."""
    project = folder / "passback"
    for part in _PARTS:
        source, target = ROOT / part, project / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    _take_packed(project / ".chalice" / "deployments")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTH", "true")  # MiniStack's: what a role may not do is refused
        for name in [name for name in os.environ if name.startswith(("AWS_", "PASSBACK_"))]:
            patch.delenv(name)
        with running_engine(folder, IMPORTING) as engine:
            yield Checkout(project, engine)


def _take_packed(folder: Path) -> None:
    """Let Chalice find what it has packed last for the other tests: if the code is the same, it takes that."""
    packed = (ROOT / "build" / f"package-test-{MACHINE}" / "project" / ".chalice" / "deployments").glob("*.zip")
    newest = max(packed, key=lambda path: path.stat().st_mtime, default=None)
    if newest is not None:
        folder.mkdir()
        shutil.copyfile(newest, folder / newest.name)
