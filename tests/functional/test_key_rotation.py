"""Grades go on while our keys change: every signature is checked as a platform does that caches our key set for hours.

The simulator verifies each assertion; here it does so with a key set that was fetched from the app's own door, up to a
day ago, or with the one key that it was given by hand. It never fetches earlier because of an unknown key.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from click.testing import CliRunner
from pox import replace_result
from stage import HOST, Seat, Stage, open_stage

from chalicelib.delivery.records import DeliveryState
from chalicelib.lti11.tools import OnDelay
from chalicelib.lti13.keys import public_jwk
from passback.cli import cli
from passback.session import Session

from .queueing import QUEUED, states

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
KEY_SET_URL = f"https://{HOST}/api/.well-known/jwks.json"
BY_HAND = "20000000000002"
BETWEEN_TOKENS = timedelta(minutes=80)
"""A token lasts an hour: after this one, a token lasts for a while still."""
NO_TOKEN_LASTS_LONGER = timedelta(minutes=61)


@dataclass
class Platform:
    """How a platform checks us: with our key set of up to ``keeps`` ago. It notes when it was asked with which key."""

    stage: Stage
    keeps: timedelta
    asked: list[tuple[datetime, str, str]] = field(default_factory=list)
    _cached: tuple[datetime, bytes] | None = None

    def key_set(self) -> bytes:
        now = self.stage.clock.now()
        if self._cached is None or self._cached[0] + self.keeps <= now:
            answer = self.stage.deliver(KEY_SET_URL, {}, b"", method="GET")
            assert answer.status == 200
            self._cached = now, answer.text.encode()
        return self._cached[1]

    def note(self, request: httpx.Request) -> None:
        if request.url.path == "/login/oauth2/token":
            assertion = dict(httpx.QueryParams(request.content.decode()))["client_assertion"]
            claims = jwt.decode(assertion, options={"verify_signature": False})
            kid = jwt.get_unverified_header(assertion)["kid"]
            self.asked.append((self.stage.clock.now(), claims["sub"], kid))

    def kids(self, client_id: str, since: datetime, until: datetime) -> set[str]:
        return {kid for when, client, kid in self.asked if client == client_id and since <= when < until}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_stage(tmp_path, on_delay=OnDelay.QUEUE) as opened:
        yield opened


def watched(stage: Stage, keeps: timedelta) -> Platform:
    platform = Platform(stage, keeps)
    stage.key_set, stage.interruption = platform.key_set, platform.note
    return platform


def command(stage: Stage, *words: str) -> dict[str, Any]:
    session = Session(environment={}, clock=stage.clock, _services=stage.services)
    result = CliRunner().invoke(cli, [*words, "--json"], obj=session)
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def traffic(stage: Stage, seat: Seat, lasting: timedelta, every: timedelta = timedelta(minutes=20)) -> list[str]:
    """Send outcomes for so long, a new score each time; returns the descriptions that the tool was answered with."""
    end, told = stage.clock.now() + lasting, []
    while stage.clock.now() < end:
        score = f"0.{stage.clock.now().timestamp():.0f}"
        answer = stage.send(replace_result(seat.sourcedid, score))
        assert answer.code == "success", answer.text
        told.append(answer.description)
        stage.clock.move(every.total_seconds() - 60)
        stage.minutes(1)
    return told


def given_by_hand(stage: Stage) -> Seat:
    """Register Passback at the platform once more, with a key pasted there; returns a seat of that registration."""
    paste(stage, stage.services.signing_keys.list()[0].kid)
    prepared = stage.control("prepare", client_id=BY_HAND)
    words = {"profile": "canvas", "client-id": BY_HAND, "host": prepared["host"]}
    words |= {"issuer": prepared["issuer"], "token-url": prepared["token_url"], "audience": prepared["audience"]}
    options = [word for name, value in words.items() for word in (f"--{name}", value)]
    command(stage, "platform", "add", "by-hand", *options, "--static-key")
    seat = Seat(prepared["handle"], f"by hand {prepared['handle']}", prepared, "by-hand")
    stage.map(seat)
    return seat


def paste(stage: Stage, kid: str) -> None:
    """An administrator pastes one of our public keys into the developer key; the one before is gone."""
    key = next(key for key in stage.services.signing_keys.list() if key.kid == kid)
    stage.control("register", client_id=BY_HAND, public_jwk=public_jwk(key))


@pytest.mark.parametrize("hours", [0, 12, 24])
def test_a_rotation_is_seen_by_nobody(stage: Stage, hours: int) -> None:
    platform, seat = watched(stage, hours * HOUR), stage.seat()
    (old,) = (key.kid for key in stage.services.signing_keys.list())
    told = traffic(stage, seat, 5 * HOUR)
    rotated_at = stage.clock.now()
    new = command(stage, "key", "rotate")["key"]["kid"]
    told += traffic(stage, seat, 2.5 * DAY, every=timedelta(minutes=40))

    assert set(told) == {""}
    assert platform.kids("10000000000001", rotated_at - DAY, rotated_at + DAY) == {old}
    assert platform.kids("10000000000001", rotated_at + DAY, stage.clock.now()) == {new}
    assert [each[2] for each in platform.asked].count(new) >= 20
    published = [key["kid"] for key in json.loads(stage.deliver(KEY_SET_URL, {}, b"", method="GET").text)["keys"]]
    assert published == [new]


def test_the_old_key_is_published_for_a_day_longer_and_no_more(stage: Stage) -> None:
    (old,) = (key.kid for key in stage.services.signing_keys.list())
    new = command(stage, "key", "rotate")["key"]["kid"]
    published = []
    for _ in range(50):
        answer = stage.deliver(KEY_SET_URL, {}, b"", method="GET")
        published.append([key["kid"] for key in json.loads(answer.text)["keys"]])
        stage.clock.move(3600)
    assert published == [[new, old]] * 48 + [[new]] * 2


def test_a_platform_with_a_key_given_by_hand_gets_no_other_until_it_has_one(stage: Stage) -> None:
    platform, seat, other = watched(stage, 0 * HOUR), given_by_hand(stage), stage.seat()
    (old,) = (key.kid for key in stage.services.signing_keys.list())
    rotated_at = stage.clock.now()
    new = command(stage, "key", "rotate")["key"]["kid"]
    told = traffic(stage, seat, 3 * DAY, every=HOUR)
    told += traffic(stage, other, HOUR) + traffic(stage, seat, BETWEEN_TOKENS)
    assert set(told) == {""}
    assert platform.kids(BY_HAND, rotated_at, stage.clock.now()) == {old}
    assert command(stage, "key", "list")["platforms"][0]["awaits"] == new

    pasted_at = stage.clock.now()
    paste(stage, new)
    # The token from before goes on being good; when it ends before somebody confirms, outcomes wait.
    told = traffic(stage, seat, 3 * HOUR)
    assert set(told) == {"", QUEUED}
    assert command(stage, "platform", "confirm-key", "by-hand") == {"platform": "by-hand", "held_kid": new}
    confirmed_at = stage.clock.now()
    stage.minutes(90)
    assert set(traffic(stage, seat, 3 * HOUR)) == {""}
    assert platform.kids(BY_HAND, pasted_at, confirmed_at) <= {old, new}
    assert platform.kids(BY_HAND, confirmed_at, stage.clock.now()) == {new}
    assert set(states(stage)) <= {"delivered", "superseded"}
    assert stage.state(seat)["score"] is not None


def test_a_key_that_is_not_where_it_should_be_is_not_confirmed(stage: Stage) -> None:
    given_by_hand(stage)
    new = command(stage, "key", "rotate")["key"]["kid"]
    session = Session(environment={}, clock=stage.clock, _services=stage.services)
    result = CliRunner().invoke(cli, ["platform", "confirm-key", "by-hand"], obj=session)
    assert result.exit_code == 1
    assert f"no access token for key {new}" in result.stderr
    registered = stage.services.platforms.get("by-hand")
    assert registered is not None
    assert registered.held_kid != new


def test_at_once_where_the_key_set_is_fetched_each_time_nobody_notices(stage: Stage) -> None:
    platform, seat = watched(stage, 0 * HOUR), stage.seat()
    (old,) = (key.kid for key in stage.services.signing_keys.list())
    told = traffic(stage, seat, 2 * HOUR)
    changed_at = stage.clock.now()
    new = command(stage, "key", "rotate", "--now", "--yes")["key"]["kid"]
    answer = json.loads(stage.deliver(KEY_SET_URL, {}, b"", method="GET").text)
    assert [key["kid"] for key in answer["keys"]] == [new]
    told += traffic(stage, seat, 5 * HOUR)
    assert set(told) == {""}
    assert platform.kids("10000000000001", changed_at, stage.clock.now()) == {new}
    assert [key.kid for key in stage.services.signing_keys.list()] == [new]
    assert old != new


def test_at_once_where_the_key_set_is_cached_outcomes_wait_and_none_is_lost(stage: Stage) -> None:
    watched(stage, 6 * HOUR)
    seat = stage.seat()
    traffic(stage, seat, BETWEEN_TOKENS)
    command(stage, "key", "rotate", "--now", "--yes")
    told = traffic(stage, seat, 5 * HOUR)
    assert set(told) == {"", QUEUED}
    last = "0.4242"
    assert stage.send(replace_result(seat.sourcedid, last)).code == "success"
    stage.minutes(180)
    assert set(states(stage)) <= {DeliveryState.DELIVERED.value, DeliveryState.SUPERSEDED.value}
    assert float(stage.state(seat)["score"]) == pytest.approx(4.242)


def test_at_once_a_platform_with_the_leaked_key_given_by_hand_goes_on_with_it_until_it_has_the_new(
    stage: Stage,
) -> None:
    platform, seat = watched(stage, 0 * HOUR), given_by_hand(stage)
    (old,) = (key.kid for key in stage.services.signing_keys.list())
    changed_at = stage.clock.now()
    rotated = command(stage, "key", "rotate", "--now", "--yes")
    assert rotated["awaiting"] == ["by-hand"]
    assert set(traffic(stage, seat, 3 * HOUR)) == {""}
    assert platform.kids(BY_HAND, changed_at, stage.clock.now()) == {old}
    paste(stage, rotated["key"]["kid"])
    command(stage, "platform", "confirm-key", "by-hand")
    stage.clock.move(NO_TOKEN_LASTS_LONGER.total_seconds())
    confirmed_at = stage.clock.now()
    assert set(traffic(stage, seat, 2 * HOUR)) == {""}
    assert platform.kids(BY_HAND, confirmed_at, stage.clock.now()) == {rotated["key"]["kid"]}
    command(stage, "key", "remove", "--kid", old)
