"""The master key changes under running traffic: nothing is refused meanwhile, and a stop anywhere is made good."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pox import replace_result
from stage import CONSUMER_KEY, SECRET, Crash, Seat, Stage, open_stage

from chalicelib import services as service_graph
from chalicelib.delivery.pacing import Pace
from chalicelib.errors import StorageUnreadable
from chalicelib.lti11.tools import Tool
from chalicelib.lti13.keys import SigningKey
from chalicelib.lti13.tokens import token_key
from chalicelib.services import Services, connect
from chalicelib.storage import signing_keys
from chalicelib.storage.changing_key import ChangingKeySealer
from chalicelib.storage.sealing import KeyFileSealer, Sealer
from passback.cli import cli
from passback.sealing import resealing
from passback.session import Session


class Keys:
    """The two master keys, and containers that know one of them or both."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.old = KeyFileSealer(folder / "master.key")
        self.new = KeyFileSealer(folder / "new.key")

    def container(self, sealer: Sealer) -> Services:
        plain, clock = self.stage.services, self.stage.clock
        return connect(
            plain.settings, clock, plain.transport, plain.table, sealer, self.stage.queue, Pace(clock), lambda: 0.5
        )

    def both(self) -> Services:
        return self.container(ChangingKeySealer(self.new, [self.old]))

    def put_up(self, container: Services) -> None:
        """From now on requests reach this container, and commands have its settings."""
        self.stage.services = container
        service_graph.use(container)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path) as opened:
        opened.services.tools.add(Tool("second tool", ("first secret of it", "second secret of it")))
        yield opened


@pytest.fixture
def keys(stage: Stage, tmp_path: Path) -> Keys:
    return Keys(stage, tmp_path)


def reseal(stage: Stage, *words: str) -> Result:
    session = Session(environment={}, clock=stage.clock, _services=stage.services)
    result = CliRunner().invoke(cli, ["secrets", "reseal", *words], obj=session)
    assert SECRET not in result.output
    return result


def resealed(stage: Stage, *words: str) -> dict[str, Any]:
    result = reseal(stage, *words, "--json")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def graded(stage: Stage, seat: Seat, score: str = "0.5") -> bool:
    answer = stage.send(replace_result(seat.sourcedid, score))
    return answer.code == "success" and answer.description == ""


def opens_with(keys: Keys, sealer: Sealer) -> bool:
    """Tell whether all that is sealed opens with this key alone."""
    container = keys.container(sealer)
    try:
        container.signing_keys.list()
        list(container.tools.list())
    except StorageUnreadable:
        return False
    platform = container.platforms.get("canvas")
    assert platform is not None
    return container.token_store.get(token_key(platform)) is not None


def test_grades_arrive_before_while_and_after(stage: Stage, keys: Keys) -> None:
    seat = stage.seat()
    assert graded(stage, seat, "0.1")
    keys.put_up(keys.both())
    assert graded(stage, seat, "0.2")
    between: list[bool] = []

    def meanwhile(operation: str) -> None:
        if operation == "UpdateItem":  # what reseal writes with
            stage.table_interruption = None
            between.append(graded(stage, seat, f"0.3{len(between)}"))
            stage.table_interruption = meanwhile

    stage.table_interruption = meanwhile
    # One secret of the first tool, two of the second, one signing key, one access token, which three names share.
    assert resealed(stage) == {"resealed": 5, "left": 0, "unreadable": []}
    stage.table_interruption = None
    assert between == [True] * 4
    keys.put_up(keys.container(keys.new))
    assert graded(stage, seat, "0.4")
    assert opens_with(keys, keys.new)
    assert not opens_with(keys, keys.old)


def test_it_can_be_stopped_anywhere_and_run_again(tmp_path: Path) -> None:
    for moment in range(1, 20):
        folder = tmp_path / str(moment)
        folder.mkdir()
        with open_stage(folder) as stage:
            keys, seat = Keys(stage, folder), stage.seat()
            assert graded(stage, seat, "0.1")
            keys.put_up(keys.both())
            stage.crash(moment)
            try:
                for place in resealing.places(stage.services):
                    resealing.looked_at(stage.services, place, write=True)
            except Crash:
                stage.crash(None)
                assert graded(stage, seat, "0.2")
                assert not opens_with(keys, keys.old) or moment == 1
                assert resealed(stage)["left"] == 0
                assert opens_with(keys, keys.new)
                continue
            assert moment == 7  # three writes: before and after each
            return
    raise AssertionError("it never came to an end")


def test_a_second_run_changes_nothing(stage: Stage, keys: Keys) -> None:
    keys.put_up(keys.both())
    resealed(stage)
    stage.table_requests.clear()
    assert resealed(stage) == {"resealed": 0, "left": 0, "unreadable": []}
    assert "UpdateItem" not in stage.table_requests


def test_what_is_left_can_be_counted_first(stage: Stage, keys: Keys) -> None:
    keys.put_up(keys.both())
    result = reseal(stage, "--check", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["left"], document["resealed"]) == (4, 0)
    assert document["error"]["code"] == "not_all_sealed"
    assert opens_with(keys, keys.old) is False  # there is no token yet
    told = reseal(stage).stdout.splitlines()
    assert [line.split() for line in told[1:4]] == [
        ["signing", "keys", "1", "-"],
        ["tool", "secrets", "3", "-"],
        ["access", "tokens", "0", "-"],
    ]
    assert "no function needs the one before any more" in told[4]
    assert resealed(stage, "--check") == {"resealed": 0, "left": 0, "unreadable": []}


def test_a_secret_that_is_rotated_at_the_same_moment_is_not_lost(stage: Stage, keys: Keys) -> None:
    other = keys.container(keys.old)  # an operator's shell that does not know the new key yet
    keys.put_up(keys.both())

    def rotate(operation: str) -> None:
        if operation == "UpdateItem":
            stage.table_interruption = None
            other.tools.rotate(CONSUMER_KEY, "a newer secret")

    (place,) = (each for each in resealing.places(stage.services) if each.name == CONSUMER_KEY)
    stage.table_interruption = rotate
    assert resealing.looked_at(stage.services, place, write=True).earlier == 2
    tool = keys.container(keys.new).tools.get(CONSUMER_KEY)
    assert tool is not None
    assert tool.secrets == ("a newer secret", SECRET)


def test_a_signing_key_that_is_added_at_the_same_moment_is_not_lost(stage: Stage, keys: Keys) -> None:
    other = keys.container(keys.old)
    keys.put_up(keys.both())

    def add(operation: str) -> None:
        if operation == "UpdateItem":
            stage.table_interruption = None
            other.signing_keys.add(SigningKey("added meanwhile", "pem", stage.clock.now(), forced_at=stage.clock.now()))

    stage.table_interruption = add
    resealed(stage)
    found = keys.container(keys.new).signing_keys.list()
    assert [key.kid for key in found][1:] == ["added meanwhile"]
    assert found[1].forced_at is not None


def test_a_tool_that_is_removed_at_the_same_moment_stays_removed(stage: Stage, keys: Keys) -> None:
    keys.put_up(keys.both())

    def remove(operation: str) -> None:
        if operation == "UpdateItem":
            stage.table_interruption = None
            stage.services.tools.remove("second tool")

    (place,) = (each for each in resealing.places(stage.services) if each.name == "second tool")
    stage.table_interruption = remove
    assert resealing.looked_at(stage.services, place, write=True).earlier == 0
    assert stage.services.tools.get("second tool") is None


def test_a_container_of_before_gets_a_token_of_its_own_meanwhile(stage: Stage, keys: Keys) -> None:
    """During a deployment both kinds of container run; only tokens are written by them, and those can be had anew."""
    before, seat = keys.container(keys.old), stage.seat()
    keys.put_up(keys.both())
    assert graded(stage, seat, "0.1")
    keys.put_up(before)
    assert graded(stage, seat, "0.2")


def test_what_opens_with_neither_key_is_named_and_stops_nothing(stage: Stage, keys: Keys, tmp_path: Path) -> None:
    lost = keys.container(KeyFileSealer(tmp_path / "lost.key"))
    lost.tools.add(Tool("lost tool", ("whatever",)))
    keys.put_up(keys.both())
    result = reseal(stage, "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["unreadable"] == ["tool secrets: lost tool"]
    assert document["resealed"] == 4
    assert "PASSBACK_PREVIOUS_KEY_FILE" in document["error"]["message"]
    item = stage.services.table.get(signing_keys.PK)
    assert item is not None
    assert stage.services.signing_keys.resealed(item) is None
