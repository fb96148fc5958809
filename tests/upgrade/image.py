"""The image of a table: everything that one version of Passback left at one moment, in files that people can read.

Knows nothing of Passback's code, so that an image of any version is read and written by any other.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

IMAGES = Path(__file__).parent / "images"
SEALING_KEY = "sealing-key-made-for-this-image.txt"
"""32 random bytes in base64, made with the image: it seals the invented secrets of invented tools, and nothing else."""


@dataclass(frozen=True)
class Student:
    """A student on a line item, and the sourcedid that stands for both."""

    handle: str
    """By which the simulator knows them; empty at Moodle."""
    consumer_key: str
    sourcedid: str
    platform: str
    line_item: str
    user_id: str
    score: str | None
    """What the gradebook must show once everything undelivered has arrived; None: no score."""
    attempt: int | None
    """The attempt that it must then be at."""
    texts: tuple[str, ...] = ()
    """The texts that it must then keep, by attempt."""


@dataclass(frozen=True)
class SentOutcome:
    """An accepted outcome: its delivery, and what is to become of it."""

    delivery: str
    student: str
    state: str
    """In the image."""
    becomes: str
    """Once everything undelivered has arrived."""


@dataclass(frozen=True)
class SignedRequest:
    """A request as its tool signed it, and the answer that a repeat must get. None: whatever it is, success."""

    headers: Mapping[str, str]
    body: str
    description: str | None


@dataclass(frozen=True)
class Story:
    """What was done before the image was taken, by names that say what each thing is for."""

    commit: str
    version: str
    moment: str
    secrets: Mapping[str, Sequence[str]]
    """Of each tool, the newest first: what has to come out when the stored ones are opened."""
    signing_keys: Sequence[str]
    students: Mapping[str, Student]
    outcomes: Mapping[str, SentOutcome]
    requests: Mapping[str, SignedRequest]
    parked: Mapping[str, Student]
    """By the names of sourcedids without a mapping: whom they stand for."""
    wanted: Sequence[str]
    """Sourcedids that were asked for, and for which nothing is parked."""
    moodle: Sequence[tuple[str | None, int | None]]
    """The grades of Moodle's students, each in a column of its own, and the seconds of their last change."""

    @property
    def instant(self) -> datetime:
        """The moment at which the image was taken."""
        return datetime.fromisoformat(self.moment)


@dataclass(frozen=True)
class Image:
    """The story, and all that was stored at its end."""

    story: Story
    sealing_key: str
    items: Sequence[Mapping[str, Any]] = field(repr=False)
    """The table's, in DynamoDB's own JSON."""
    messages: Sequence[tuple[str, str]] = field(repr=False)
    """The queue's: body and message group, oldest first."""
    gradebook: str = field(repr=False)
    """The simulator's world, as it writes it."""


def write(image: Image, folder: Path) -> None:
    """Write an image into a folder, each item on a line of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    story = json.dumps(asdict(image.story), indent=1, ensure_ascii=False)
    (folder / "story.json").write_text(f"{story}\n", encoding="utf-8")
    (folder / SEALING_KEY).write_text(f"{image.sealing_key}\n", encoding="ascii")
    _write_lines(folder / "items.jsonl", sorted(image.items, key=lambda item: str(item["pk"]["S"])))
    _write_lines(folder / "messages.jsonl", image.messages)
    (folder / "gradebook.json").write_text(f"{image.gradebook}\n", encoding="utf-8")


def read(folder: Path) -> Image:
    """Read what ``write`` wrote."""
    told = json.loads((folder / "story.json").read_text(encoding="utf-8"))
    told["students"] = {name: _student(each) for name, each in told["students"].items()}
    told["parked"] = {name: _student(each) for name, each in told["parked"].items()}
    told["outcomes"] = {name: SentOutcome(**each) for name, each in told["outcomes"].items()}
    told["requests"] = {name: SignedRequest(**each) for name, each in told["requests"].items()}
    return Image(
        story=Story(**told),
        sealing_key=(folder / SEALING_KEY).read_text(encoding="ascii").strip(),
        items=_read_lines(folder / "items.jsonl"),
        messages=[(body, group) for body, group in _read_lines(folder / "messages.jsonl")],
        gradebook=(folder / "gradebook.json").read_text(encoding="utf-8").strip(),
    )


def _student(told: dict[str, Any]) -> Student:
    return Student(**{**told, "texts": tuple(told["texts"])})


def _write_lines(path: Path, documents: Sequence[Any]) -> None:
    lines = [json.dumps(each, ensure_ascii=False, sort_keys=True) for each in documents]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _read_lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
