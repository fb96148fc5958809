"""Lets another version work on an image: what a roll-back to it would do with a table as the image holds it.

    PYTHONPATH=tests .venv/bin/python -m upgrade.try_on --source CHECKOUT --image tests/upgrade/images/NAME

Prints what does not become what the image's story says; the exit status is 1 if there is any of it.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from upgrade.record import checkout, run_with


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m upgrade.try_on", description="Let another version of Passback work on an image of a table."
    )
    parser.add_argument("--source", type=checkout, required=True, help="a checkout of that version")
    parser.add_argument("--image", type=Path, required=True, help="the image's folder")
    chosen = parser.parse_args(arguments)
    if not (chosen.image / "story.json").is_file():
        parser.error(f"{chosen.image} is no image: it has no story.json")
    return run_with(chosen.source, "work_on", str(chosen.image.resolve()))


if __name__ == "__main__":
    sys.exit(main())
