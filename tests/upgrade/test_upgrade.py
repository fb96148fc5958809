"""The present version over the table of an earlier one: everything is read, and what was promised still arrives."""

from datetime import timedelta
from pathlib import Path

import pytest
from engine import Engine
from pox import read_result, replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET

from chalicelib.delivery.records import DeliveryState
from upgrade.afterwards import Found, differences
from upgrade.conftest import NAMES
from upgrade.engine_stage import client_of, fresh_stage, image_of
from upgrade.image import IMAGES, Student, read, write
from upgrade.scene import IMPATIENT, NEWER_SECRET, OTHER_SECRETS, QUEUED, Scene, play

pytestmark = pytest.mark.engine

KINDS = {
    "cell", "delivery", "health", "lot", "mapping", "parked", "payload", "platform", "receipt", "signing_keys",
    "token", "tool", "wanted",
}  # fmt: skip
"""Of items that every image has to have: those of the first one."""


def csv_of(student: Student) -> str:
    head = "consumer_key,sourcedid,platform,line_item,user_id"
    values = (student.consumer_key, student.sourcedid, student.platform, student.line_item, student.user_id)
    return f"{head}\n{','.join(values)}\n"


# what the images are


@pytest.mark.parametrize("name", NAMES)
def test_an_image_has_deliveries_in_every_state_and_items_of_every_kind(name: str) -> None:
    image = read(IMAGES / name)
    items = [item["pk"]["S"].partition("#")[0] for item in image.items]
    assert set(items) >= KINDS
    assert items.count("delivery") == len(image.story.outcomes)
    assert {outcome.state for outcome in image.story.outcomes.values()} == set(DeliveryState)
    assert len(image.messages) >= 1
    stored = {item["platform"]["S"]: item for item in image.items if item["pk"]["S"].startswith("health#")}
    assert "opened_at" in stored["generic"], "a platform that is left alone"


def test_an_image_is_written_as_it_is_read(tmp_path: Path) -> None:
    image = read(IMAGES / NAMES[0])
    write(image, tmp_path)
    for file in (IMAGES / NAMES[0]).iterdir():
        assert (tmp_path / file.name).read_bytes() == file.read_bytes()


def test_the_present_version_leaves_an_image_that_it_can_work_on_itself(engine: Engine, tmp_path: Path) -> None:
    """The recorder goes with the code: a change that breaks it is seen here, not when the next image is due."""
    client = client_of(engine.environment)
    with fresh_stage(client, tmp_path) as (stage, moodle):
        scene = Scene(stage, moodle)
        play(scene)
        image = image_of(scene.story("", ""), client, stage, moodle, tmp_path)
        for body, group in image.messages:
            stage.queue.put(body, group)
        stage.calls.clear()
        stage.faults()
        assert {item["pk"]["S"].partition("#")[0] for item in image.items} >= KINDS
        assert {outcome.state for outcome in image.story.outcomes.values()} == set(DeliveryState)
        found = Found(image, stage, moodle)
        found.let_arrive()
        assert list(differences(found)) == []


# everything is read


def test_every_command_shows_what_is_stored(found: Found) -> None:
    story = found.story
    tools = {each["consumer_key"]: each for each in found.command("tool", "list")["tools"]}
    assert {name: tool["secrets"] for name, tool in tools.items()} == {
        name: len(secrets) for name, secrets in story.secrets.items()
    }
    for consumer_key, listed in tools.items():
        assert found.command("tool", "show", "--key", consumer_key)["tool"] == listed
    platforms = {each["name"] for each in found.command("platform", "list")["platforms"]}
    assert platforms == {"canvas", "canvas-older", "generic", "moodle"}
    for platform in platforms:
        assert found.command("platform", "show", platform)["platform"]["name"] == platform
    assert [key["kid"] for key in found.command("key", "show")["keys"]] == list(story.signing_keys)
    mapped = {each["sourcedid"] for each in found.command("mapping", "list")["mappings"]}
    assert mapped == {student.sourcedid for student in story.students.values()}
    for student in story.students.values():
        words = ("mapping", "show", "--key", student.consumer_key, "--sourcedid", student.sourcedid)
        assert found.command(*words)["mapping"]["line_item"] == student.line_item
    missing = {each["sourcedid"] for each in found.command("mapping", "missing")["missing"]}
    assert missing == {student.sourcedid for student in story.parked.values()} | set(story.wanted)


def test_every_delivery_is_listed_and_tells_its_story(found: Found) -> None:
    outcomes = found.story.outcomes.values()
    listed = found.command("delivery", "list", "--limit", "1000")["deliveries"]
    assert {each["id"]: each["state"] for each in listed} == {each.delivery: each.state for each in outcomes}
    for outcome in outcomes:
        shown = found.command("delivery", "show", outcome.delivery)
        assert shown["delivery"]["state"] == outcome.state
        assert shown["delivery"]["events"], "its story"


def test_the_stored_secrets_open(found: Found) -> None:
    secrets = {tool.consumer_key: list(tool.secrets) for tool in found.stage.services.tools.list()}
    assert secrets == {consumer_key: list(each) for consumer_key, each in found.story.secrets.items()}
    assert secrets[CONSUMER_KEY] == [NEWER_SECRET, SECRET]


# what was promised arrives


def test_the_undelivered_arrive_in_order_once(found: Found) -> None:
    found.let_arrive()
    assert list(differences(found)) == []
    # An unknown end and a crash after the call are settled by reading.
    for name in ("unknown", "stopped after the call", "at a Moodle that is away"):
        assert found.posts(found.story.students[name]) == [], name
    assert len(found.posts(found.story.students["stopped before the call"])) == 1


def test_an_unknown_end_is_settled_by_reading_also_when_it_is_tried_at_once(found: Found) -> None:
    student = found.story.students["unknown"]
    found.command("delivery", "retry", found.story.outcomes["unknown score"].delivery)
    assert found.stage.work() == []
    assert found.stage.clock.now() - found.story.instant < timedelta(seconds=30), "nothing is read for its age"
    assert (found.state("unknown score"), found.posts(student)) == ("delivered", [])


def test_the_old_token_is_used_and_a_dead_platform_is_left_alone_until_its_probe(found: Found) -> None:
    story = found.story
    answer = found.stage.send(replace_result(story.students["behind"].sourcedid, "0.9"))
    assert (answer.description, found.stage.calls) == (QUEUED, [])
    answer = found.stage.send(replace_result(story.students["graded twice"].sourcedid, "0.95"))
    assert (answer.code, answer.description) == ("success", "")
    assert [path.rpartition("/")[2] for _, path, _ in found.stage.calls] == ["scores"]


def test_a_mapping_releases_what_was_parked(found: Found) -> None:
    student = found.story.parked["parked"]
    found.command("mapping", "import", "-", stdin=csv_of(student))
    found.let_arrive()
    shown = found.gradebook(student)
    assert (float(shown["score"]), found.state("parked: last")) == (float(student.score or 0), "delivered")
    assert found.state("parked for good: score") == "parked"
    timestamps = [post["timestamp"] for post in found.posts(student)]
    assert timestamps == sorted(set(timestamps))


def test_a_held_grade_is_sent_over_the_teachers_when_it_is_forced(found: Found) -> None:
    found.command("delivery", "retry", "--force", found.story.outcomes["held and forced: score"].delivery)
    found.let_arrive()
    assert found.state("held and forced: score") == "delivered"
    assert float(found.gradebook(found.story.students["held and forced"])["score"]) == 5.0
    assert found.state("held: score") == "held"
    assert float(found.gradebook(found.story.students["held"])["score"]) == 8.0


def test_what_was_given_up_still_has_its_content(found: Found) -> None:
    found.command("delivery", "retry", found.story.outcomes["given up score"].delivery)
    found.let_arrive()
    assert found.state("given up score") == "delivered"
    assert float(found.gradebook(found.story.students["given up"])["score"]) == 6.0


def test_what_nobody_knows_is_settled_before_the_next_outcome(found: Found) -> None:
    student = found.story.students["unsettled"]
    answer = found.stage.send(
        replace_result(student.sourcedid, "0.7"), consumer_key=IMPATIENT, secret=OTHER_SECRETS[IMPATIENT]
    )
    assert (answer.code, answer.description) == ("success", "")
    assert [method for method, _, _ in found.stage.calls] == ["GET", "POST"]
    assert (float(found.gradebook(student)["score"]), found.gradebook(student)["attempt"]) == (7.0, 1)


# tools go on as before


def test_a_repeat_of_an_old_request_gets_its_stored_answer_and_has_no_effect(found: Found) -> None:
    stored = {name for name, request in found.story.requests.items() if request.description is not None}
    assert {"second work", "refused score", "line: first", "unknown score", "parked: last"} <= stored
    for name in stored - {"given up score"}:
        assert found.repeat(name).description == found.story.requests[name].description, name
    assert found.stage.calls == []


def test_a_repeat_of_what_failed_for_now_is_tried_again(found: Found) -> None:
    assert found.repeat("given up score").code == "success"
    assert float(found.gradebook(found.story.students["given up"])["score"]) == 6.0


@pytest.mark.parametrize("name", ["accepted", "applied"])
def test_a_repeat_of_what_a_crash_left_behind_brings_it_to_its_end(found: Found, name: str) -> None:
    found.stage.clock.move(20)  # its lease is over
    assert (found.repeat(name).code, found.state(name)) == ("success", "delivered")
    student = found.story.students[found.story.outcomes[name].student]
    assert (float(found.gradebook(student)["score"]), len(found.posts(student))) == (6.0, int(name == "accepted"))


@pytest.mark.parametrize("secret", [SECRET, NEWER_SECRET], ids=["older", "newer"])
def test_both_old_secrets_are_accepted(found: Found, secret: str) -> None:
    for name, student in found.story.students.items():
        if name.startswith("imported: "):
            answer = found.stage.send(replace_result(student.sourcedid, "0.5"), secret=secret)
            assert (answer.code, answer.description) == ("success", ""), name
            assert float(found.gradebook(student)["score"]) == 5.0


def test_a_read_is_answered_from_the_old_line(found: Found) -> None:
    assert found.stage.send(read_result(found.story.students["unknown"].sourcedid)).score == "0.9"
    assert found.stage.calls == []


def test_a_new_outcome_stands_behind_the_old_line(found: Found) -> None:
    student = found.story.students["line"]
    assert found.stage.send(replace_result(student.sourcedid, "0.1")).description == QUEUED
    found.let_arrive()
    assert float(found.gradebook(student)["score"]) == 1.0
    assert [found.state(name) for name in ("line: first", "line: work")] == ["delivered", "delivered"]


def test_an_outcome_received_before_the_old_newest_is_overtaken(found: Found) -> None:
    student = found.story.students["graded twice"]
    now = found.stage.clock.now()
    body = replace_result(student.sourcedid, "0.2")
    headers = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=int(now.timestamp()))
    answer = found.stage.deliver(OUTCOME_URL, headers, body, received=now - timedelta(minutes=30))
    assert (answer.code, answer.description) == ("success", "superseded by a newer outcome")
    assert (float(found.gradebook(student)["score"]), found.stage.calls) == (9.0, [])


def test_a_person_is_forgotten_with_all_that_was_written_before(found: Found) -> None:
    student = found.story.students["held"]
    found.command("forget", "--user", student.user_id, "--platform", student.platform, "--yes")
    listed = found.command("delivery", "list", "--user", student.user_id)["deliveries"]
    assert listed == []
