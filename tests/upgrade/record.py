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
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent


def main() -> int:
    """Take the image that the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(description="Take an image of the table that a version of Passback leaves.")
    parser.add_argument("--source", type=Path, required=True, help="a clean checkout of that version")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write; it must not be there yet")
    chosen = parser.parse_args()
    if chosen.out.exists():
        print(f"{chosen.out} is there already; images are never changed.", file=sys.stderr)
        return 2
    source = chosen.source.resolve()
    if git(source, "status", "--porcelain", "--untracked-files=no"):
        print(f"{source} holds changes that no commit names; take a clean checkout.", file=sys.stderr)
        return 2
    version = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    told = [str(chosen.out.resolve()), git(source, "rev-parse", "HEAD"), version]
    return run_with(source, "scene", *told)


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
