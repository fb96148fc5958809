from pathlib import Path

import pytest

from passback.serving import program


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in a virtual environment of the folder that we are in."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ".venv" / "bin" / "passback"
    path.parent.mkdir(parents=True)
    path.touch(mode=0o755)
    return path


def test_what_is_not_on_the_path_is_named_with_its_own(installed: Path) -> None:
    assert program(installed, {"PATH": "/nonexistent"}) == ".venv/bin/passback"


def test_what_is_on_every_path_is_named_alone(installed: Path) -> None:
    assert program(installed, {"PATH": str(installed.parent)}) == "passback"


def test_an_active_environment_is_not_active_in_another_terminal(installed: Path) -> None:
    active = {"PATH": str(installed.parent), "VIRTUAL_ENV": str(installed.parents[1])}
    assert program(installed, active) == ".venv/bin/passback"


def test_another_program_of_the_name_is_not_meant(installed: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "passback"
    other.parent.mkdir()
    other.touch(mode=0o755)
    assert program(installed, {"PATH": str(other.parent)}) == ".venv/bin/passback"
