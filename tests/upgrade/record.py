"""Takes an image of the table that another version of Passback leaves: its code is run, on an engine of its own.

    PYTHONPATH=tests .venv/bin/python -m upgrade.record --source CHECKOUT --out tests/upgrade/images/NAME

The checkout is a clean one of that version (``git worktree add ../passback-0.2 v0.2``); it needs no environment of
its own as long as its libraries are those of this one.
"""

import argparse
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the image that the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m upgrade.record", description="Take an image of the table that a version of Passback leaves."
    )
    parser.add_argument("--source", type=checkout, required=True, help="a clean checkout of that version")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write; it must not be there yet")
    chosen = parser.parse_args(arguments)
    source: Path = chosen.source
    if chosen.out.exists():
        parser.error(f"{chosen.out} is there already; images are never changed")
    if git(source, "status", "--porcelain", "--untracked-files=no"):
        parser.error(f"{source} holds changes that no commit names: take a clean checkout")
    version = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    told = [str(chosen.out.resolve()), git(source, "rev-parse", "HEAD"), version]
    return run_with(source, "scene", *told)


def checkout(text: str) -> Path:
    """Read the path of a checkout from the command line."""
    path = Path(text).resolve()
    if not (path / ".git").exists() or not (path / "tests" / "stage.py").is_file():
        raise argparse.ArgumentTypeError(f"{text} is no checkout of Passback with its tests")
    return path


def run_with(source: Path, module: str, *words: str) -> int:
    """Run a module beside this one with the code of a checkout, its tests' helpers too; returns its exit status."""
    with TemporaryDirectory() as first:
        # Before the checkout's own folder of this name, which may be missing or older.
        (Path(first) / "upgrade").symlink_to(HERE)
        path = os.pathsep.join([first, str(source), str(source / "tests")])
        command = [sys.executable, "-W", "error", "-m", f"upgrade.{module}", *words]
        return subprocess.run(command, cwd=source, env={**os.environ, "PYTHONPATH": path}, check=False).returncode


def git(source: Path, *words: str) -> str:
    """Ask git about a checkout."""
    return subprocess.run(["git", "-C", source, *words], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
