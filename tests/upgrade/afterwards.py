"""What is done with an image by the version that finds it, and how what comes of it differs from what must come."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner
from platforms.moodle import Moodle
from stage import OUTCOME_URL, Stage, ToolAnswer

from passback.cli import cli
from passback.session import Session
from upgrade.image import Image, Story, Student

LONGEST_WAIT_OF_A_FRESH_DELIVERY = 5
"""Minutes: the second offer of a file takes the longest, and a platform that is left alone needs its probe."""


@dataclass(frozen=True)
class Found:
    """An image with a version of Passback over it."""

    image: Image
    stage: Stage
    moodle: Moodle

    @property
    def story(self) -> Story:
        """What was done before."""
        return self.image.story

    def command(self, *words: str, stdin: str = "") -> Any:
        """Give a command, as an operator does; returns its JSON document."""
        session = Session(environment={}, clock=self.stage.clock, _services=self.stage.services)
        result = CliRunner().invoke(cli, [*words, "--json"], obj=session, input=stdin)
        assert result.exit_code == 0, f"passback {' '.join(words)}: {result.output}"
        return json.loads(result.stdout)

    def state(self, outcome: str) -> str:
        """Tell the state of an outcome's delivery, as ``delivery show`` does."""
        shown = self.command("delivery", "show", self.story.outcomes[outcome].delivery)
        return str(shown["delivery"]["state"])

    def repeat(self, request: str) -> ToolAnswer:
        """Send a request of the story again, byte by byte."""
        told = self.story.requests[request]
        return self.stage.deliver(OUTCOME_URL, told.headers, told.body.encode())

    def gradebook(self, student: Student) -> Mapping[str, Any]:
        """Tell what the gradebook shows of a student."""
        if student.handle:
            return self.stage.control("state", handle=student.handle)
        columns = {self.moodle.line_item(column): column for column in self.moodle.columns.values()}
        return {"score": columns[student.line_item].final(int(student.user_id)), "attempt": None, "history": []}

    def posts(self, student: Student) -> list[dict[str, Any]]:
        """Give the scores that went out for a student since the image was taken, also those that were refused."""
        if not student.handle:
            return [each.score for each in self.moodle.posted if str(each.score["userId"]) == student.user_id]
        path = student.line_item.partition("canvas.example.edu")[2]
        return [
            body
            for method, called, body in self.stage.calls
            if (method, called) == ("POST", f"{path}/scores") and body is not None
        ]

    def let_arrive(self) -> None:
        """Let time pass until nothing that can be delivered is undelivered."""
        self.stage.minutes(LONGEST_WAIT_OF_A_FRESH_DELIVERY)


def differences(found: Found) -> Iterator[str]:
    """Give what is not as the story says that it must be once everything has arrived, in a sentence each."""
    for name, outcome in found.story.outcomes.items():
        state = found.state(name)
        if state != outcome.becomes:
            yield f"{name} was {outcome.state} and is {state}, not {outcome.becomes}"
    for name, student in found.story.students.items():
        yield from _differences_of(found, name, student)
    waiting = found.stage.queue.waiting + found.stage.queue.buried
    if waiting:
        yield f"{len(waiting)} messages are left"


def _differences_of(found: Found, name: str, student: Student) -> Iterator[str]:
    shown = found.gradebook(student)
    score = None if student.score is None else float(student.score)
    if (None if shown["score"] is None else float(shown["score"])) != score:
        yield f"{name} has the score {shown['score']}, not {student.score}"
    if student.attempt not in (None, shown["attempt"]):
        yield f"{name} is at attempt {shown['attempt']}, not {student.attempt}"
    texts = [version["body"] for version in shown["history"] if version["body"]]
    if student.texts and texts != list(student.texts):
        yield f"{name} keeps {texts}, not {list(student.texts)}"
    timestamps = [post["timestamp"] for post in found.posts(student)]
    if timestamps != sorted(set(timestamps)):
        yield f"{name} was posted twice or out of order: {timestamps}"
