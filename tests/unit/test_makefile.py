"""``make install`` and the Python that is said; the Pythons are played by scripts, so nothing is fetched."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make on this machine")


@dataclass(frozen=True)
class Folder:
    """A checkout with as much as ``make install`` looks at, and what the Pythons in it were asked to do."""

    path: Path

    def python(self, name: str, version: str) -> None:
        """Put a Python of this version there, which writes down what it is asked for."""
        script = self.path / name
        script.parent.mkdir(parents=True, exist_ok=True)
        tells = f'case "$2" in *print*) echo {version};; *exit*) ;; *) echo "{version} $*" >> {self.path}/asked;; esac'
        script.write_text(f"#!/bin/sh\n{tells}\n")
        script.chmod(0o755)

    def install(self, *said: str) -> str:
        """Install; return what was asked for."""
        (self.path / "asked").unlink(missing_ok=True)
        environment = {name: text for name, text in os.environ.items() if name not in {"PYTHON", "MAKEFLAGS"}}
        subprocess.run(["make", "install", *said], cwd=self.path, env=environment, check=True, capture_output=True)
        asked = self.path / "asked"
        return asked.read_text() if asked.exists() else ""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    found = Folder(tmp_path)
    found.python(".venv/bin/python", "3.11")
    found.python("python3.11", "3.11")
    found.python("python3.12", "3.12")
    return found


def test_an_environment_that_is_there_is_left_alone(folder: Folder) -> None:
    assert "3.11 -m venv .venv" in folder.install("PYTHON=./python3.11")
    assert folder.install("PYTHON=./python3.11") == ""
    assert folder.install() == ""


def test_one_of_another_python_than_is_said_is_made_anew(folder: Folder) -> None:
    folder.install("PYTHON=./python3.11")
    asked = folder.install("PYTHON=./python3.12")
    assert "3.12 -m venv --clear .venv" in asked
    assert "pip install" in asked
    folder.python(".venv/bin/python", "3.12")  # as venv does
    assert folder.install("PYTHON=./python3.12") == ""


def test_a_python_that_is_too_old_leaves_the_environment_as_it_is(folder: Folder) -> None:
    folder.install("PYTHON=./python3.11")
    (folder.path / "python3.9").write_text('#!/bin/sh\ncase "$2" in *print*) echo 3.9;; *) exit 1;; esac\n')
    (folder.path / "python3.9").chmod(0o755)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        folder.install("PYTHON=./python3.9")
    assert b"Passback needs Python 3.11, 3.12 or 3.13" in refused.value.stdout
    assert folder.install() == ""
