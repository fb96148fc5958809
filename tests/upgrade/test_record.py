"""The commands that take images and try them on: what they refuse, in a sentence."""

import subprocess
from pathlib import Path

import pytest

from upgrade import record, try_on
from upgrade.image import IMAGES


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A checkout with a commit, which has the files by which one of Passback is known."""
    folder = tmp_path / "checkout"
    (folder / "tests").mkdir(parents=True)
    (folder / "tests" / "stage.py").touch()
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "all"]):
        subprocess.run(["git", "-C", folder, *words], check=True)
    return folder


def refusal(capsys: pytest.CaptureFixture[str], command: object, *words: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        command(words)  # type: ignore[operator]  # the main function of one of the two
    assert stopped.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_what_is_no_checkout_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for command, more in ((record.main, "--out"), (try_on.main, "--image")):
        said = refusal(capsys, command, "--source", str(tmp_path), more, str(tmp_path / "new"))
        assert said.endswith(f"{tmp_path} is no checkout of Passback with its tests")


def test_an_image_is_never_written_over(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    said = refusal(capsys, record.main, "--source", str(source), "--out", str(IMAGES))
    assert said.endswith("is there already; images are never changed")


def test_a_checkout_with_changes_is_refused(capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path) -> None:
    (source / "tests" / "stage.py").write_text("changed")
    said = refusal(capsys, record.main, "--source", str(source), "--out", str(tmp_path / "new"))
    assert "holds changes that no commit names" in said
    assert not (tmp_path / "new").exists()


def test_a_folder_without_an_image_is_refused(capsys: pytest.CaptureFixture[str], source: Path, tmp_path: Path) -> None:
    said = refusal(capsys, try_on.main, "--source", str(source), "--image", str(tmp_path))
    assert said.endswith("is no image: it has no story.json")


def test_some_minutes_need_a_place_for_what_is_left(capsys: pytest.CaptureFixture[str], source: Path) -> None:
    image = str(IMAGES / "fdde735")
    said = refusal(capsys, try_on.main, "--source", str(source), "--image", image, "--minutes", "1")
    assert said.endswith("--minutes and --out go together")
    words = ("--source", str(source), "--image", image, "--minutes", "1", "--out", image)
    assert refusal(capsys, try_on.main, *words).endswith("is there already; images are never changed")


def test_the_code_of_the_checkout_is_what_runs(source: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Also where this environment has Passback installed: the checkout comes first, and our own scene before its."""
    (source / "chalicelib").mkdir()
    (source / "chalicelib" / "__init__.py").write_text("raise SystemExit('this is the other version')")
    (source / "tests" / "upgrade").mkdir()
    (source / "tests" / "upgrade" / "__init__.py").write_text("raise SystemExit('its own recorder')")
    (source / "tests" / "engine.py").write_text("import chalicelib")
    assert record.run_with(source, "work_on", "nowhere") == 1
    assert "this is the other version" in capfd.readouterr().err
