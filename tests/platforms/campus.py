"""A Moodle course behind Passback: students with a grade to get, and a tool that sends it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from stage import Stage

from chalicelib.delivery.records import Delivery
from chalicelib.lti13.keys import jwks
from chalicelib.lti13.registrations import Platform
from platforms.moodle import TOKEN_PATH, Moodle
from platforms.moodle_course import Column, Place
from platforms.moodle_tokens import MoodleTokens
from platforms.wires import Answer, before_over_loopback, map_to, on_a_socket, put_before, through_the_seam

CLIENT_ID = "moodle-client"
_numbers = count(1)


@dataclass(frozen=True)
class Seat:
    """One student in one column, and the sourcedid that stands for them."""

    sourcedid: str
    column: Column
    user_id: int

    @property
    def grade(self) -> Decimal | None:
        """What the gradebook shows, in the column's points."""
        return self.column.final(self.user_id)


@dataclass(frozen=True)
class Campus:
    """A stage with Moodle behind it."""

    stage: Stage
    moodle: Moodle
    platform: Platform

    def seat(self, points: str = "20", place: Place = Place.STUDENT) -> Seat:
        """Enrol somebody, make a column and map both."""
        column, user_id = self.moodle.add_column(points), self.moodle.add_person(place)
        return Seat(self.map(column, str(user_id)), column, user_id)

    def map(self, column: Column, user_id: str) -> str:
        """Map a new sourcedid to a column and any user id."""
        sourcedid = f"moodle-{next(_numbers)}"
        return map_to(self.stage, sourcedid, self.platform, self.moodle.line_item(column), user_id)

    def teacher_grades(self, seat: Seat, points: str | None) -> None:
        """A teacher overrides a grade, now."""
        seat.column.teacher_grades(seat.user_id, points, self.stage.clock.now())

    def later(self, seconds: float = 90) -> None:
        """Time passes."""
        self.stage.clock.move(seconds)

    @property
    def scores(self) -> list[dict[str, Any]]:
        """The scores that arrived, refused ones too."""
        return [posted.score for posted in self.moodle.posted]

    @property
    def statuses(self) -> list[int]:
        """How they were answered."""
        return [posted.status for posted in self.moodle.posted]

    @property
    def last_delivery(self) -> Delivery:
        """The newest delivery."""
        return max(self.stage.services.deliveries.list(self.stage.clock.now()), key=lambda each: each.id)


def make_moodle(stage: Stage) -> Moodle:
    """Make a Moodle whose clock is the stage's, and where Passback's key set is registered."""
    tokens = MoodleTokens(CLIENT_ID, stage.clock.now, lambda: jwks(stage.services.signing_keys.list()))
    return Moodle(tokens, stage.clock.now)


def registration(moodle: Moodle, host: str | None = None) -> Platform:
    """Return Passback's registration at a Moodle; by another name of its host, if one is given."""
    host = host or moodle.host
    return Platform(
        name="moodle",
        profile="moodle",
        issuer=f"{moodle.scheme}://{host}",
        client_id=CLIENT_ID,
        token_url=f"{moodle.scheme}://{host}{TOKEN_PATH}",
        audience=f"{moodle.scheme}://{host}{TOKEN_PATH}",
        hosts=(moodle.host, host),
    )


def open_campus(stage: Stage, folder: Path, answer: Answer | None = None) -> Campus:
    """Put a Moodle behind the stage, through the seam; ``answer`` stands before it when given."""
    moodle = make_moodle(stage)
    platform = registration(moodle)
    put_before(stage, folder, platform, through_the_seam(moodle) if answer is None else answer)
    return Campus(stage, moodle, platform)


@contextmanager
def campus_on_a_socket(stage: Stage, folder: Path) -> Iterator[Campus]:
    """Put a Moodle behind the stage, over real sockets."""
    with on_a_socket(make_moodle(stage)) as moodle:
        platform = registration(moodle)
        with before_over_loopback(stage, folder, platform, stage.clock):
            yield Campus(stage, moodle, platform)
