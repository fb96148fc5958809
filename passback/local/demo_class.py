"""The demo class of a local stack, as remembered between runs. No secret is in it: the table keeps that, sealed."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from passback.home import Home, read_json, write_json


@dataclass(frozen=True, slots=True)
class DemoStudent:
    """One student of the demo class. ``line_item_path`` is the line item's URL below the simulator's address."""

    sourcedid: str
    user_id: str
    line_item_path: str
    handle: str
    gradebook_path: str


@dataclass(frozen=True, slots=True)
class DemoClass:
    """The demo platform, tool and students."""

    platform: str
    consumer_key: str
    client_id: str
    simulator_url: str
    """The simulator's address when the class was last set up; another port means other line items."""
    base_url: str
    students: tuple[DemoStudent, ...]

    @classmethod
    def load(cls, home: Home) -> "DemoClass | None":
        """Read the class that this home remembers; None when there is none."""
        try:
            return cls.from_document(read_json(home.demo))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "DemoClass":
        """Read a class from its JSON."""
        students = tuple(DemoStudent(**student) for student in document["students"])
        return cls(**{**document, "students": students})

    def save(self, home: Home) -> None:
        """Remember the class."""
        write_json(home.demo, asdict(self))
