"""What an afternoon leaves in the table: something of everything that Passback stores, in every state it can be in.

Run by ``record.py`` with the code of the version whose image is taken. Everybody and everything here is invented.
"""

import sys
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from click.testing import CliRunner
from engine import running_engine
from platforms.campus import registration
from platforms.moodle import Moodle
from pox import delete_result, replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Crash, Stage, ToolAnswer

import chalicelib
from chalicelib.delivery.records import DeliveryState
from chalicelib.lti11.tools import OnDelay, Tool, Unmapped
from chalicelib.mapping.model import Mapping, Submitted
from passback.cli import cli
from passback.session import Session
from upgrade.engine_stage import client_of, fresh_stage, image_of
from upgrade.image import SentOutcome, SignedRequest, Story, Student, write

QUEUED = "queued for delivery"
IMPATIENT = "impatient tool"
"""It wants to be told when a grade cannot be delivered now."""
PARKING = "parking tool"
OTHER_SECRETS = {IMPATIENT: "invented one", PARKING: "invented two"}
NEWER_SECRET = "s3cr3t number two"
TEXT = {"text": "an essay"}
FILE = {"documentName": "essay.docx", "downloadUrl": "https://tool.example.org/files/essay.docx"}
AFTER_ACCEPTANCE, AFTER_THE_CALL = 3, 5
"""Moments of a plain outcome at which its process stops: just before the call, and just before the end is written."""


@dataclass
class Scene:
    """What is done on the stage, and what is told of it."""

    stage: Stage
    moodle: Moodle
    students: dict[str, Student] = field(default_factory=dict)
    outcomes: dict[str, SentOutcome] = field(default_factory=dict)
    requests: dict[str, SignedRequest] = field(default_factory=dict)
    parked: dict[str, Student] = field(default_factory=dict)
    wanted: list[str] = field(default_factory=list)

    def student(
        self,
        name: str,
        score: str | None,
        *,
        attempt: int | None = None,
        texts: tuple[str, ...] = (),
        consumer_key: str = CONSUMER_KEY,
        platform: str = "canvas",
        mapped: bool = True,
        **mapping: Any,
    ) -> Student:
        """Enrol somebody in a course of their own. ``score``, ``attempt`` and ``texts`` must come of it all."""
        if platform == "moodle":
            column, user_id = self.moodle.add_column(), str(self.moodle.add_person())
            handle, line_item = "", self.moodle.line_item(column)
        else:
            prepared = self.stage.control("prepare", points=10)
            handle, line_item, user_id = prepared["handle"], prepared["line_item"], prepared["user_id"]
        student = Student(
            handle, consumer_key, f"sourcedid of {name}", platform, line_item, user_id, score, attempt, texts
        )
        if mapped:
            self.students[name] = student
            self.stage.services.mappings.put(
                Mapping(
                    consumer_key,
                    student.sourcedid,
                    platform,
                    line_item,
                    user_id,
                    created_at=self.stage.clock.now(),
                    **mapping,
                )
            )
        return student

    def send(
        self, name: str, student: str, body: bytes, becomes: str, *, earlier: float = 0, keep: bool = False
    ) -> ToolAnswer:
        """Send an outcome, received some seconds earlier than now if said so; ``keep`` its request for a repeat."""
        now = self.stage.clock.now()
        consumer_key = self._anybody(student).consumer_key
        secret = OTHER_SECRETS.get(consumer_key, SECRET)
        headers = signed_headers(OUTCOME_URL, body, consumer_key, secret, timestamp=int(now.timestamp()))
        answer = self.stage.deliver(OUTCOME_URL, headers, body, received=now - timedelta(seconds=earlier))
        self.outcomes[name] = SentOutcome(self._delivery_of(answer), student, "", becomes)
        if keep:
            self.requests[name] = SignedRequest(headers, body.decode(), answer.description)
        self.stage.clock.move(1)
        return answer

    def crash(self, name: str, student: str, body: bytes, moment: int) -> None:
        """Send an outcome whose process stops dead; a repeat of its request must come to its end."""
        now = self.stage.clock.now()
        headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(now.timestamp()))
        self.stage.crash(moment)
        try:
            self.stage.deliver(OUTCOME_URL, headers, body)
        except Crash:
            self.stage.restart()
        else:
            raise AssertionError(f"{name}: the process did not stop")
        left = max(self.stage.services.deliveries.list(self.stage.clock.now(), days=1), key=lambda each: each.id)
        self.outcomes[name] = SentOutcome(left.id, student, "", "delivered")
        self.requests[name] = SignedRequest(headers, body.decode(), None)
        self.stage.clock.move(1)

    def faults(self, *faults: dict[str, Any], of: str = "") -> None:
        """Switch faults, in one student's course if one is named."""
        here = {"handle": self.students[of].handle} if of else {}
        self.stage.faults(*({**fault, **here} for fault in faults))

    def command(self, *words: str) -> None:
        """Give a command, as an operator does."""
        session = Session(environment={}, clock=self.stage.clock, _services=self.stage.services)
        result = CliRunner().invoke(cli, words, obj=session)
        assert result.exit_code == 0, result.output

    def story(self, commit: str, version: str) -> Story:
        """Tell what was done; the image adds when it was taken, and what state everything was in."""
        services = self.stage.services
        return Story(
            commit=commit,
            version=version,
            moment="",
            secrets={tool.consumer_key: list(tool.secrets) for tool in services.tools.list()},
            signing_keys=[key.kid for key in services.signing_keys.list()],
            students=self.students,
            outcomes=self.outcomes,
            requests=self.requests,
            parked=self.parked,
            wanted=self.wanted,
            moodle=[],
        )

    def _anybody(self, name: str) -> Student:
        return self.students.get(name) or self.parked[name]

    def _delivery_of(self, answer: ToolAnswer) -> str:
        reference = answer.headers["X-Passback-Reference"]
        found = [each.id for each in self.stage.services.deliveries.list(self.stage.clock.now(), days=1)
                 if each.reference == reference]  # fmt: skip
        assert len(found) == 1, f"no delivery has the reference {reference}: {answer.text}"
        return found[0]


def register(scene: Scene) -> None:
    """Register tools and platforms: one tool with two live secrets, one of each switch, Canvas's and a Moodle."""
    services, now = scene.stage.services, scene.stage.clock.now()
    services.tools.rotate(CONSUMER_KEY, NEWER_SECRET)
    impatient = Tool(IMPATIENT, (OTHER_SECRETS[IMPATIENT],), on_delay=OnDelay.FAIL, failure_status=200, created_at=now)
    services.tools.add(impatient)
    parking = Tool(PARKING, (OTHER_SECRETS[PARKING],), unmapped=Unmapped.PARK, created_at=now)
    services.tools.add(parking)
    services.platforms.add(registration(scene.moodle))


def what_is_over(scene: Scene) -> None:
    """Send what has come to its end when the image is taken."""
    stage = scene.stage
    scene.student("graded twice", "9.0", attempt=2, texts=("an essay", "a better essay"))
    scene.send("first work", "graded twice", replace_result(_of("graded twice"), "0.4", data=TEXT), "delivered")
    stage.clock.move(120)
    better = replace_result(_of("graded twice"), "0.9", data={"text": "a better essay"})
    scene.send("second work", "graded twice", better, "delivered", keep=True)
    late = replace_result(_of("graded twice"), "0.2")
    scene.send("late score", "graded twice", late, "superseded", earlier=60, keep=True)

    scene.student("taken back", None, attempt=1)
    scene.send("score taken back", "taken back", replace_result(_of("taken back"), "0.5"), "delivered")
    scene.send("delete", "taken back", delete_result(_of("taken back")), "delivered")

    scene.student("refused", None)
    scene.faults({"path": "score", "kind": "status", "status": 422, "count": 1}, of="refused")
    scene.send("refused score", "refused", replace_result(_of("refused"), "0.5"), "refused", keep=True)

    scene.student("elsewhere", "5.0", platform="generic")
    scene.send("text lost", "elsewhere", replace_result(_of("elsewhere"), "0.5", data=TEXT), "delivered")

    scene.student("at Moodle", "15", platform="moodle")
    scene.send("score at Moodle", "at Moodle", replace_result(_of("at Moodle"), "0.75"), "delivered")


def what_was_given_up(scene: Scene) -> None:
    """Send for the tool that wants no queue: one surely not applied, one of which nobody knows, one tried again."""
    for name, fault, becomes in (
        ("given up", "drop_before", "failed"),
        ("unsettled", "drop_after", "failed"),
        ("tried again", "drop_before", "delivered"),
    ):
        student = scene.student(
            name, None if name == "given up" else "6.0", attempt=None if name == "given up" else 1,
            consumer_key=IMPATIENT,
        )  # fmt: skip
        scene.faults({"path": "score", "kind": fault, "count": 1}, of=name)
        scene.send(f"{name} score", name, replace_result(student.sourcedid, "0.6"), becomes, keep=name == "given up")
    scene.faults()


def what_is_held(scene: Scene) -> None:
    """Let a teacher grade while an outcome waits; and another one, for who forces it."""
    for name in ("held", "held and forced"):
        scene.student(name, "8.0", attempt=2, texts=("an essay",))  # the work went, the score did not
        scene.send(f"{name}: before", name, replace_result(_of(name), "0.3"), "delivered")
        scene.faults({"path": "score", "kind": "drop_before", "count": 1}, of=name)
        scene.send(f"{name}: score", name, replace_result(_of(name), "0.5", data=TEXT), "held")
        scene.stage.control("grade", handle=scene.students[name].handle, score=8)
        scene.stage.minutes(3)


def what_is_under_way(scene: Scene) -> None:
    """Send what is not delivered yet when the image is taken: waiting, queued, unknown, throttled, left by crashes."""
    scene.student("line", "7.0", attempt=2, texts=("an essay",))
    scene.faults({"path": "score", "kind": "drop_before"}, of="line")
    scene.send("line: first", "line", replace_result(_of("line"), "0.5"), "delivered", keep=True)
    scene.send("line: work", "line", replace_result(_of("line"), data=TEXT), "delivered")
    scene.send("line: last", "line", replace_result(_of("line"), total="7"), "delivered")

    scene.student("unknown", "9.0", attempt=1)
    scene.faults({"path": "score", "kind": "drop_after", "count": 1}, of="unknown")
    scene.send("unknown score", "unknown", replace_result(_of("unknown"), "0.9"), "delivered", keep=True)

    scene.student("file", "9.0", attempt=1)
    scene.faults({"path": "score", "kind": "file_service_504"}, of="file")
    scene.send("file", "file", replace_result(_of("file"), "0.9", data=FILE), "delivered")

    scene.student("throttled", "4.0", attempt=None, platform="canvas-older")
    scene.faults({"path": "any", "kind": "throttle_403"}, of="throttled")
    scene.send("throttled score", "throttled", replace_result(_of("throttled"), "0.4"), "delivered")

    scene.student("at a Moodle that is away", "15", platform="moodle")
    scene.moodle.drop_after_scores = 1
    body = replace_result(_of("at a Moodle that is away"), "0.75")
    scene.send("unknown at Moodle", "at a Moodle that is away", body, "delivered")
    for name, student, moment in (
        ("accepted", "stopped before the call", AFTER_ACCEPTANCE),
        ("applied", "stopped after the call", AFTER_THE_CALL),
    ):
        scene.student(student, "6.0", attempt=1)
        scene.faults()
        scene.send(f"{name}: before", student, replace_result(_of(student), "0.3"), "delivered")
        scene.crash(name, student, replace_result(_of(student), "0.6"), moment)


def what_stands_behind_a_dead_platform(scene: Scene) -> None:
    """Let a platform be found away in several courses, until it is left alone; and send one more outcome to it."""
    away = [f"away {number}" for number in range(1, 6)]
    for name in away:
        scene.student(name, "5.0", platform="generic")
    handles = [scene.students[name].handle for name in away]
    scene.stage.faults(*({"path": "any", "kind": "drop_before", "handle": handle} for handle in handles))
    for name in away:
        scene.send(f"{name}: score", name, replace_result(_of(name), "0.5"), "delivered")
    scene.student("behind", "7.0", platform="generic")
    scene.send("behind: score", "behind", replace_result(_of("behind"), "0.7"), "delivered")


def what_nobody_has_mapped(scene: Scene) -> None:
    """Send for sourcedids without a mapping: parked ones, and one that is only wanted."""
    for name, score in (("parked", "8.0"), ("parked for good", None)):
        scene.parked[name] = scene.student(name, score, attempt=1, consumer_key=PARKING, mapped=False)
    scene.send("parked: first", "parked", replace_result(_of("parked"), "0.4"), "parked")
    scene.send("parked: last", "parked", replace_result(_of("parked"), "0.8"), "parked", keep=True)
    scene.send("parked for good: score", "parked for good", replace_result(_of("parked for good"), "0.1"), "parked")
    wanted = "a sourcedid that nobody mapped"
    for _ in range(2):
        assert scene.stage.send(replace_result(wanted, "0.5")).error == "sourcedid_invalid"
        scene.stage.clock.move(61)
    scene.wanted.append(wanted)


def what_is_imported_only(scene: Scene) -> None:
    """Map students of whom nothing was sent yet, with each history that an import can say."""
    for submitted in Submitted:
        scene.student(f"imported: {submitted}", None, submitted=submitted, context="course 101")


def play(scene: Scene) -> None:
    """Do it all, in such an order that the image is taken while the undelivered is fresh."""
    register(scene)
    what_is_over(scene)
    what_was_given_up(scene)
    what_is_held(scene)
    what_nobody_has_mapped(scene)
    what_is_imported_only(scene)
    what_stands_behind_a_dead_platform(scene)
    what_is_under_way(scene)
    scene.command("delivery", "retry", scene.outcomes["tried again score"].delivery)


def _of(name: str) -> str:
    return f"sourcedid of {name}"


def main(folder: Path, commit: str, version: str) -> None:
    """Play the scene on an engine of its own and write the image."""
    with TemporaryDirectory() as temporary, running_engine(Path(temporary)) as engine:
        client = client_of(engine.environment)
        with fresh_stage(client, Path(temporary)) as (stage, moodle):
            scene = Scene(stage, moodle)
            play(scene)
            image = image_of(scene.story(commit, version), client, stage, moodle, Path(temporary))
        write(image, folder)
    states = sorted({outcome.state for outcome in image.story.outcomes.values()})
    assert states == sorted(DeliveryState), "the scene leaves deliveries in every state"
    source = Path(chalicelib.__file__).parents[1]
    print(f"{len(image.items)} items and {len(image.messages)} messages of {commit} ({source}) in {folder}: "
          f"{len(image.story.outcomes)} outcomes that are {', '.join(states)}.")  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
