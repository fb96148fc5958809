"""Opens an image with the code that is imported here, lets everything arrive, and tells what differs.

Run by ``try_on.py`` with the code of another version. Given minutes and a folder, it stops after those, with an image
of what there is then: so that two versions can work on one table in turns.
"""

import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from engine import running_engine

from upgrade.afterwards import Found, differences
from upgrade.engine_stage import client_of, image_of, stage_of
from upgrade.image import read, write

LISTS = (("tool", "list"), ("platform", "list"), ("mapping", "list"), ("mapping", "missing"), ("delivery", "list"))


def main(folder: Path, minutes: int | None = None, out: Path | None = None) -> int:
    """Work on an image; returns the exit status."""
    image = read(folder)
    with TemporaryDirectory() as temporary, running_engine(Path(temporary)) as engine:
        client = client_of(engine.environment)
        with stage_of(image, client, Path(temporary)) as (stage, moodle):
            found = Found(image, stage, moodle)
            for words in LISTS:
                found.command(*words)
            if minutes is not None and out is not None:
                stage.minutes(minutes)
                left = image_of(image.story, client, stage, moodle, Path(temporary))
                write(left, out)
                states = Counter(outcome.state for outcome in left.story.outcomes.values())
                print(f"After {minutes} min: {', '.join(f'{count} {state}' for state, count in states.items())}.")
                return 0
            found.let_arrive()
            wrong = list(differences(found))
    print(f"{len(image.items)} items of {image.story.commit[:7]}, worked on: {len(wrong)} differences.")
    for sentence in wrong:
        print(f"- {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    for_a_while = len(sys.argv) > 2
    sys.exit(main(Path(sys.argv[1]), *((int(sys.argv[2]), Path(sys.argv[3])) if for_a_while else ())))
