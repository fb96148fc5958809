import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import jwt
import pytest
from click.testing import CliRunner, Result

from chalicelib.clock import SystemClock
from chalicelib.delivery.pacing import Pace
from chalicelib.lti13.keys import SigningKey, generate_signing_key
from chalicelib.lti13.transport import Transport
from chalicelib.services import connect
from command_line.running import NOW, Operator, StillClock, platform_words
from passback.check import CheckState
from passback.cli import cli
from passback.key_checks import CONFIRMED_WITHIN, check_held_key, check_key_set, check_signing_key
from passback.session import Session

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_made: list[SigningKey] = []


def key_made(number: int, age: timedelta) -> SigningKey:
    """Give the test's n-th key, as old as is asked for: making one takes a while."""
    while len(_made) <= number:
        _made.append(generate_signing_key(NOW))
    return replace(_made[number], created_at=NOW - age)


def store(operator: Operator, *ages: timedelta) -> list[str]:
    keys = [key_made(number, age) for number, age in enumerate(ages)]
    operator.services.signing_keys.change(lambda _stored: tuple(keys))
    return [key.kid for key in keys]


def stored(operator: Operator) -> tuple[SigningKey, ...]:
    return operator.services.signing_keys.list()


def test_the_first_key_is_made_and_stays(operator: Operator) -> None:
    first = operator.ok("key", "show")
    (key,) = first["keys"]
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
    assert "d" not in key
    assert operator.ok("key", "show") == first


def test_people_get_the_public_key_to_paste(operator: Operator) -> None:
    result = operator.run("key", "show")
    assert "one is made" in result.stderr
    pasted = json.loads(result.stdout[result.stdout.index("{") :])
    assert pasted["kid"] == operator.ok("key", "show")["keys"][0]["kid"]


def test_a_key_can_be_shown_by_its_id_and_as_pem(operator: Operator) -> None:
    _, coming = store(operator, 30 * DAY, HOUR)
    assert [key["kid"] for key in operator.ok("key", "show", "--kid", coming)["keys"]] == [coming]
    shown = operator.ok("key", "show", "--kid", coming, "--pem")
    assert shown["kid"] == coming
    assert shown["pem"].startswith("-----BEGIN PUBLIC KEY-----\n")
    assert shown["pem"].strip() in operator.run("key", "show", "--kid", coming, "--pem").stdout
    assert operator.fails("key", "show", "--kid", "nowhere")["code"] == "not_found"


class TestRotation:
    def test_a_new_key_is_published_and_does_not_sign_yet(self, operator: Operator) -> None:
        (before,) = store(operator, 30 * DAY)
        operator.add_platform()
        rotated = operator.ok("key", "rotate")
        new = rotated["key"]["kid"]
        assert rotated["key"]["state"] == "coming"
        assert rotated["key"]["signs_from"] == "2026-11-24T09:00:00.000Z"
        assert rotated["awaiting"] == []
        assert rotated["jwk"]["kid"] == new
        assert [key["kid"] for key in operator.ok("key", "show")["keys"]] == [new, before]
        listed = operator.ok("key", "list")
        assert [(key["kid"], key["state"]) for key in listed["keys"]] == [(new, "coming"), (before, "in use")]
        assert listed["keys"][1]["signs_from"] is None
        assert listed["keys"][1]["published_until"] == "2026-11-25T09:00:00.000Z"
        assert listed["platforms"] == [{"name": "campus", "kid": before, "given_by_hand": False, "awaits": None}]

    def test_a_second_rotation_waits_for_the_first(self, operator: Operator) -> None:
        store(operator, 30 * DAY, HOUR)
        before = stored(operator)
        error = operator.fails("key", "rotate")
        assert error["code"] == "rotation_under_way"
        assert "2026-11-24T08:00:00.000Z" in error["message"]
        assert stored(operator) == before

    def test_the_next_rotation_deletes_what_is_retired(self, operator: Operator) -> None:
        retired, in_use = store(operator, 60 * DAY, 30 * DAY)
        operator.ok("key", "rotate")
        kids = [key.kid for key in stored(operator)]
        assert retired not in kids
        assert in_use in kids

    def test_at_once_the_new_key_alone_is_left(self, operator: Operator) -> None:
        store(operator, 30 * DAY, HOUR)
        rotated = operator.ok("key", "rotate", "--now", "--yes")
        assert rotated["key"]["state"] == "in use"
        assert [key.kid for key in stored(operator)] == [rotated["key"]["kid"]]

    def test_at_once_is_asked_first(self, operator: Operator) -> None:
        store(operator, 30 * DAY)
        before = stored(operator)
        assert operator.fails("key", "rotate", "--now")["code"] == "usage"
        result = operator.run("key", "rotate", "--now", stdin=b"n\n")
        assert (result.exit_code, stored(operator)) == (130, before)
        assert "passback: Nothing was changed." in result.stderr
        nobody = operator.run("key", "rotate", "--now", stdin=b"")
        assert (nobody.exit_code, stored(operator)) == (2, before)
        assert "Nothing was changed, as there is nobody here to ask: add --yes." in nobody.stderr

    def test_without_a_key_there_is_nothing_to_rotate(self, operator: Operator) -> None:
        assert "passback key show" in operator.fails("key", "rotate")["message"]
        assert stored(operator) == ()

    def test_people_are_told_what_is_left_to_do(self, operator: Operator) -> None:
        store(operator, 30 * DAY)
        assert "nothing more needs to be done" in operator.run("key", "rotate").stdout
        store(operator, 30 * DAY)
        operator.ok(*platform_words("by-hand"), "--static-key")
        told = operator.run("key", "rotate").stdout
        assert "passback platform confirm-key" in told
        assert "by-hand" in told
        assert "nothing more" not in told


class TestRemoval:
    def test_the_key_in_use_stays(self, operator: Operator) -> None:
        (kid,) = store(operator, 30 * DAY)
        assert operator.fails("key", "remove", "--kid", kid)["code"] == "in_use"
        assert [key.kid for key in stored(operator)] == [kid]

    def test_the_key_that_a_platform_was_given_by_hand_stays(self, operator: Operator) -> None:
        (old,) = store(operator, 60 * DAY)
        operator.ok(*platform_words("by-hand"), "--static-key")
        store(operator, 60 * DAY, 30 * DAY)
        error = operator.fails("key", "remove", "--kid", old)
        assert error["code"] == "in_use"
        assert "by-hand" in error["message"]

    @pytest.mark.parametrize("ages", [(60 * DAY, 30 * DAY), (60 * DAY, 1.5 * DAY)])
    def test_a_retired_or_replaced_key_goes(self, operator: Operator, ages: tuple[timedelta, ...]) -> None:
        old, in_use = store(operator, *ages)
        assert operator.ok("key", "remove", "--kid", old) == {"removed": old}
        assert [key.kid for key in stored(operator)] == [in_use]

    def test_a_rotation_is_taken_back_by_removing_the_coming_key(self, operator: Operator) -> None:
        in_use, coming = store(operator, 30 * DAY, HOUR)
        operator.ok("key", "remove", "--kid", coming)
        assert [key.kid for key in stored(operator)] == [in_use]

    def test_an_unknown_key_is_named(self, operator: Operator) -> None:
        store(operator, DAY)
        assert operator.fails("key", "remove", "--kid", "-nowhere")["code"] == "not_found"


def signed_with(kid: str) -> Callable[[httpx.Request], httpx.Response]:
    """Make a platform that takes the signature of one key only, as one with a key given by hand does."""

    def answer(request: httpx.Request) -> httpx.Response:
        form = dict(httpx.QueryParams(request.content.decode()))
        if jwt.get_unverified_header(form["client_assertion"])["kid"] != kid:
            body = {"error": "invalid_request", "error_description": "JWS signature invalid."}
            return httpx.Response(400, json=body)
        return httpx.Response(200, json={"access_token": "t", "token_type": "Bearer", "expires_in": 3600})

    return answer


def run_against(operator: Operator, platform: Callable[[httpx.Request], httpx.Response], *words: str) -> Result:
    plain = operator.services
    transport = Transport(
        httpx.Client(transport=httpx.MockTransport(platform)), SystemClock(), resolve=lambda *_: ["93.184.216.34"]
    )
    clock = StillClock()
    services = connect(plain.settings, clock, transport, plain.table, plain.tools._sealer, operator.queue, Pace(clock))
    session = Session(environment=operator.environment, clock=clock, _services=services)
    return CliRunner().invoke(cli, [*words, "--json"], obj=session)


class TestKeysGivenByHand:
    @pytest.fixture
    def kids(self, operator: Operator) -> list[str]:
        """A platform that was given the key in use, then a rotation."""
        store(operator, 30 * DAY)
        added = operator.ok(*platform_words("campus"), "--static-key")
        kids = store(operator, 30 * DAY, HOUR)
        assert added["platform"]["held_kid"] == kids[0]
        return kids

    def test_the_list_says_who_waits_for_which_key(self, operator: Operator, kids: list[str]) -> None:
        expected = {"name": "campus", "kid": kids[0], "given_by_hand": True, "awaits": kids[1]}
        assert operator.ok("key", "list")["platforms"] == [expected]
        told = operator.run("key", "list").stdout
        assert "by hand" in told
        assert told.count(kids[1]) == 2

    def test_a_platform_that_takes_the_new_key_is_confirmed(self, operator: Operator, kids: list[str]) -> None:
        result = run_against(operator, signed_with(kids[1]), "platform", "confirm-key", "campus")
        assert json.loads(result.stdout) == {"platform": "campus", "held_kid": kids[1]}
        assert operator.ok("key", "list")["platforms"][0] == {
            "name": "campus",
            "kid": kids[1],
            "given_by_hand": True,
            "awaits": None,
        }

    def test_a_platform_that_refuses_the_new_key_is_not_confirmed(self, operator: Operator, kids: list[str]) -> None:
        result = run_against(operator, signed_with(kids[0]), "platform", "confirm-key", "campus")
        assert result.exit_code == 1
        error = json.loads(result.stdout)["error"]
        assert error["code"] == "not_taken"
        assert "JWS signature invalid" in error["message"]
        assert operator.ok("platform", "show", "campus")["platform"]["held_kid"] == kids[0]

    def test_it_is_confirmed_without_asking_where_the_operator_says_so(
        self, operator: Operator, kids: list[str]
    ) -> None:
        confirmed = operator.ok("platform", "confirm-key", "campus", "--unchecked", "--kid", kids[1])
        assert confirmed["held_kid"] == kids[1]

    def test_a_key_that_is_not_there_or_withdrawn_is_refused(self, operator: Operator, kids: list[str]) -> None:
        words = ("platform", "confirm-key", "campus", "--unchecked", "--kid")
        assert operator.fails(*words, "nowhere")["code"] == "not_found"
        operator.ok("key", "rotate", "--now", "--yes")
        assert operator.fails(*words, kids[0])["code"] == "withdrawn"

    def test_a_platform_that_fetches_our_keys_has_nothing_to_confirm(self, operator: Operator) -> None:
        store(operator, 30 * DAY)
        operator.add_platform()
        assert operator.fails("platform", "confirm-key", "campus")["code"] == "fetches_key_set"

    def test_how_a_platform_knows_our_key_can_be_changed(self, operator: Operator, kids: list[str]) -> None:
        assert operator.ok("platform", "set", "campus", "--fetched-key")["held_kid"] is None
        assert "from our key set" in operator.run("platform", "show", "campus").stdout
        assert operator.ok("platform", "set", "campus", "--static-key")["held_kid"] == kids[0]
        assert f"by hand: {kids[0]}" in operator.run("platform", "show", "campus").stdout
        assert operator.fails("platform", "set", "campus")["code"] == "usage"

    def test_what_a_platform_was_confirmed_for_is_not_undone_by_saying_it_again(
        self, operator: Operator, kids: list[str]
    ) -> None:
        operator.ok("platform", "confirm-key", "campus", "--unchecked")
        assert operator.ok("platform", "set", "campus", "--static-key")["held_kid"] == kids[1]

    def test_without_a_key_none_can_have_been_given(self, operator: Operator) -> None:
        assert "passback key show" in operator.fails(*platform_words("campus"), "--static-key")["message"]

    def test_at_once_the_old_key_stays_for_that_platform_alone(self, operator: Operator, kids: list[str]) -> None:
        rotated = operator.ok("key", "rotate", "--now", "--yes")
        assert rotated["awaiting"] == ["campus"]
        assert [(key.kid, key.withdrawn) for key in stored(operator)] == [
            (kids[0], True),
            (rotated["key"]["kid"], False),
        ]
        assert [key["kid"] for key in operator.ok("key", "show")["keys"]] == [rotated["key"]["kid"]]


class TestDoctor:
    @pytest.fixture
    def kids(self, operator: Operator) -> list[str]:
        store(operator, 30 * DAY)
        operator.ok(*platform_words("campus"), "--static-key")
        return store(operator, 30 * DAY, HOUR)

    def held(self, operator: Operator) -> tuple[CheckState, str]:
        services = operator.services
        platform = services.platforms.get("campus")
        assert platform is not None
        check = check_held_key(services, platform)
        return check.state, f"{check.detail} {check.remedy}"

    def test_a_key_still_to_be_given_is_told_and_fails_after_a_week(self, operator: Operator, kids: list[str]) -> None:
        state, said = self.held(operator)
        assert state is CheckState.OK
        assert f"passback key show --kid {kids[1]}" in said
        store(operator, 30 * DAY, CONFIRMED_WITHIN + HOUR)
        state, said = self.held(operator)
        assert state is CheckState.FAILED
        assert "made 7 days ago" in said
        operator.ok("platform", "confirm-key", "campus", "--unchecked")
        assert self.held(operator)[0] is CheckState.OK

    def test_a_platform_with_a_key_that_leaked_fails_at_once(self, operator: Operator, kids: list[str]) -> None:
        operator.ok("key", "rotate", "--now", "--yes")
        state, said = self.held(operator)
        assert state is CheckState.FAILED
        assert "somebody else may have" in said

    def test_a_platform_with_a_key_that_is_gone_fails(self, operator: Operator, kids: list[str]) -> None:
        operator.services.signing_keys.change(lambda keys: keys[1:])
        assert self.held(operator)[0] is CheckState.FAILED

    def test_the_key_in_use_and_the_coming_one_are_told(self, operator: Operator, kids: list[str]) -> None:
        check = check_signing_key(operator.services)
        assert f"in use is {kids[0]}. {kids[1]} signs from 2026-11-24T08:00:00.000Z." in check.detail

    @pytest.mark.parametrize(("published", "state"), [((0, 1), "ok"), ((0,), "failed"), ((0, 1, 5), "ok")])
    def test_every_key_that_must_be_published_is_looked_for(
        self, operator: Operator, kids: list[str], published: tuple[int, ...], state: str
    ) -> None:
        names = [*kids, "", "", "", "somebody else's"]
        found = {"keys": [{"kid": names[number]} for number in published]}
        check = check_key_set(operator.services, "https://passback.example.org", lambda _url: found)
        assert check.state.value == state

    def test_a_retired_key_need_not_be_published(self, operator: Operator) -> None:
        _, in_use = store(operator, 60 * DAY, 30 * DAY)
        check = check_key_set(operator.services, "https://x.example", lambda _url: {"keys": [{"kid": in_use}]})
        assert check.state is CheckState.OK

    def test_a_withdrawn_key_that_is_still_served_is_told(self, operator: Operator, kids: list[str]) -> None:
        new = operator.ok("key", "rotate", "--now", "--yes")["key"]["kid"]
        served = {"keys": [{"kid": new}, {"kid": kids[0]}]}
        check = check_key_set(operator.services, "https://x.example", lambda _url: served)
        assert check.state is CheckState.FAILED
        assert kids[0] in check.detail
