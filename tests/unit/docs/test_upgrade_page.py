"""The page on upgrading names every version, every image, and the events and reasons to look for."""

import re

from upgrade.image import IMAGES
from upgrade.image import read as read_image

from chalicelib.delivery import queue

from .pages import ROOT, inline_code, plain, read, rows

NAME = "docs/upgrade.md"


def test_every_version_is_in_the_table() -> None:
    released = re.findall(r"^## \[(\d[\d.]*)\]", read("CHANGELOG.md"), re.MULTILINE)
    assert released, "the changelog names versions"
    told = [row[0] for row in rows(NAME, "Version")]
    for version in released:
        assert version in told, version


def test_every_image_is_of_a_version_that_the_table_names() -> None:
    told = " ".join(row[0] for row in rows(NAME, "Version"))
    folders = [folder for folder in IMAGES.iterdir() if folder.is_dir()]
    assert folders
    for folder in folders:
        story = read_image(folder).story
        assert story.commit[:7] in told or story.version in told.split(), folder.name


def test_what_is_looked_for_is_what_the_code_says() -> None:
    assert "another version" in inline_code(NAME)
    assert "another version" in (ROOT / "chalicelib" / "delivery" / "queue.py").read_text(encoding="utf-8")
    assert queue.VERSION == 1, "an upgrade that changes the message has more to say here"
    events = {event.strip("` ") for row in rows("docs/operate-the-queue.md", "Event") for event in row[0].split(",")}
    assert {"broken", "work_failed", "schedule_failed"} <= events & set(inline_code(NAME))


def test_the_images_say_that_they_hold_no_secret() -> None:
    assert "**Nothing here is a secret.**" in plain((IMAGES / "README.md").read_text(encoding="utf-8"))
