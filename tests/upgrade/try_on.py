"""Lets another version work on an image: what a roll-back to it would do with a table as the image holds it.

    PYTHONPATH=tests .venv/bin/python -m upgrade.try_on --source CHECKOUT --image tests/upgrade/images/NAME

Prints what does not become what the image's story says; the exit status is 1 if there is any of it. With ``--minutes``
and ``--out`` it stops before that, and writes an image on which the other version can go on: as in a deployment, while
both are there.
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
    parser.add_argument("--minutes", type=int, help="work for so many minutes only (0: only look), and write --out")
    parser.add_argument("--out", type=Path, help="with --minutes: the folder of the image of what there is then")
    chosen = parser.parse_args(arguments)
    if (chosen.minutes is None) is not (chosen.out is None):
        parser.error("--minutes and --out go together")
    if chosen.out is not None and chosen.out.exists():
        parser.error(f"{chosen.out} is there already; images are never changed")
    if not (chosen.image / "story.json").is_file():
        parser.error(f"{chosen.image} is no image: it has no story.json")
    rest = () if chosen.out is None else (str(chosen.minutes), str(chosen.out.resolve()))
    return run_with(chosen.source, "work_on", str(chosen.image.resolve()), *rest)


if __name__ == "__main__":
    sys.exit(main())
