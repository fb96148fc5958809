"""Opens an image with the code that is imported here, lets everything arrive, and tells what differs.

Run by ``try_on.py`` with the code of another version.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from engine import running_engine

from upgrade.afterwards import Found, differences
from upgrade.engine_stage import client_of, stage_of
from upgrade.image import read

LISTS = (("tool", "list"), ("platform", "list"), ("mapping", "list"), ("mapping", "missing"), ("delivery", "list"))


def main(folder: Path) -> int:
    """Work on an image; returns the exit status."""
    image = read(folder)
    with (
        TemporaryDirectory() as temporary,
        running_engine(Path(temporary)) as engine,
        stage_of(image, client_of(engine.environment), Path(temporary)) as (stage, moodle),
    ):
        found = Found(image, stage, moodle)
        for words in LISTS:
            found.command(*words)
        found.let_arrive()
        wrong = list(differences(found))
    print(f"{len(image.items)} items of {image.story.commit[:7]}, worked on: {len(wrong)} differences.")
    for sentence in wrong:
        print(f"- {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
