from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import jwt
import pytest

from chalicelib.errors import HostRefused, PlatformRefused, PlatformUnavailable, Trouble
from chalicelib.lti13.keys import SigningKey, public_jwk
from chalicelib.lti13.profiles import RefusalKind
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.signing import Signer
from chalicelib.lti13.token_request import SCOPES, AccessToken, TokenEndpoint

from .builders import (
    CANVAS_SCHOOL,
    MOODLE_SCHOOL,
    Script,
    deadline,
    signer,
    signing_key_of_the_tests,
    token_answer,
    transport,
)
from .clocks import FakeClock


def request(script: Script, platform: Platform = CANVAS_SCHOOL, clock: FakeClock | None = None) -> AccessToken:
    clock = clock or FakeClock()
    endpoint = TokenEndpoint(transport(script, clock), signer(clock), clock, lambda: "unguessable")
    return endpoint.request(platform, deadline(clock))


def refusal(answer: httpx.Response, platform: Platform = CANVAS_SCHOOL) -> PlatformRefused:
    with pytest.raises(PlatformRefused) as raised:
        request(Script(answer), platform)
    return raised.value


def unavailable(answer: httpx.Response | Exception) -> PlatformUnavailable:
    with pytest.raises(PlatformUnavailable) as raised:
        request(Script(answer))
    return raised.value


def form_of(sent: httpx.Request) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(sent.content.decode(), strict_parsing=True).items()}


def claims_of(sent: httpx.Request, audience: str) -> dict[str, Any]:
    key = jwt.PyJWK(public_jwk(signing_key_of_the_tests()))
    claims: dict[str, Any] = jwt.decode(
        form_of(sent)["client_assertion"],
        key,
        algorithms=["RS256"],
        audience=audience,
        options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
    )
    return claims


def test_the_form_is_the_one_of_the_security_framework() -> None:
    script = Script(token_answer())
    request(script)
    (sent,) = script.requests
    form = form_of(sent)
    assert form.pop("client_assertion").count(".") == 2
    assert form == {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "scope": " ".join(SCOPES),
    }
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in sent.headers


def test_the_assertion_verifies_with_our_public_key_and_says_who_we_are() -> None:
    script, clock = Script(token_answer()), FakeClock()
    platform = replace(CANVAS_SCHOOL, audience="https://api.brightspace.com/auth/token")
    request(script, platform, clock)
    now = int(clock.now().timestamp())
    assert claims_of(script.requests[0], platform.audience) == {
        "iss": "10000000000042",
        "sub": "10000000000042",
        "aud": "https://api.brightspace.com/auth/token",
        "iat": now - 10,
        "exp": now + 290,
        "jti": "unguessable",
    }


def test_the_scopes_are_the_three_that_are_used() -> None:
    assert [scope.rpartition("/")[2] for scope in SCOPES] == ["score", "result.readonly", "lineitem.readonly"]


@pytest.mark.parametrize(
    ("expires_in", "seconds"),
    [
        (3600, 3600),
        ("3600", 3600),
        (900, 900),
        ("600.5", 600),
        (None, 3600),
        ("soon", 3600),
        (0, 3600),
        (-5, 3600),
        (True, 3600),
        ("NaN", 3600),
        ("1e999999", 86_400),
    ],
)
def test_a_life_is_a_number_or_a_numeric_text_and_3600_otherwise(expires_in: object, seconds: int) -> None:
    clock = FakeClock()
    token = request(Script(token_answer(expires_in=expires_in)), clock=clock)
    assert token.expires_at == int(clock.now().timestamp() * 1000) + seconds * 1000


def test_without_a_life_it_is_an_hour() -> None:
    clock = FakeClock()
    token = request(Script(httpx.Response(200, json={"access_token": "t"})), clock=clock)
    assert token.expires_at == int(clock.now().timestamp() * 1000) + 3_600_000


def test_the_life_counts_from_before_the_request() -> None:
    clock = FakeClock()
    asked_at = int(clock.now().timestamp() * 1000)

    def slow(_: httpx.Request) -> httpx.Response:
        clock.advance(5)
        return token_answer()

    assert request(Script(slow), clock=clock).expires_at == asked_at + 3_600_000


def test_moodle_calls_its_json_html() -> None:
    body = b'{"access_token":"0123456789abcdef0123456789abcdef","token_type":"Bearer","expires_in":3600}'
    answer = httpx.Response(200, content=body, headers={"Content-Type": "text/html; charset=utf-8"})
    assert request(Script(answer), MOODLE_SCHOOL).value == "0123456789abcdef0123456789abcdef"


def test_a_token_is_not_shown_in_its_representation() -> None:
    assert "secret" not in repr(request(Script(token_answer("secret"))))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"access_token": ""}', b'{"access_token": 5}', b'{"access_token": "a\\r\\nb: c"}'],
)
def test_an_answer_without_a_usable_token_may_pass(body: bytes) -> None:
    failure = unavailable(httpx.Response(200, content=body))
    assert failure.maybe_applied is False
    assert "no token" in failure.reason


@pytest.mark.parametrize(
    ("error", "description"),
    [  # Canvas AGS, section 1
        ("invalid_request", "JWS signature invalid."),
        ("invalid_request", "the 'aud' is invalid"),
        ("invalid_client", "unknown client"),
        ("unsupported_grant_type", "The grant_type you requested is not currently supported"),
    ],
)
def test_the_endpoints_own_words_explain_a_refusal(error: str, description: str) -> None:
    refused = refusal(httpx.Response(400, json={"error": error, "error_description": description}))
    assert refused.kind is RefusalKind.TOOL_MISMATCH
    assert (refused.status, refused.words) == (400, f"token endpoint: {error}: {description}")


def test_moodles_errors_are_prose() -> None:
    refused = refusal(httpx.Response(400, json={"error": "Signature verification failed"}), MOODLE_SCHOOL)
    assert refused.words == "token endpoint: Signature verification failed"


def test_a_refused_scope_names_the_scopes_that_were_asked_for() -> None:
    refused = refusal(httpx.Response(400, json={"error": "invalid_scope", "error_description": "x" * 400}))
    assert refused.kind is RefusalKind.SCOPE_MISSING
    assert "score, result.readonly, lineitem.readonly" in refused.words
    assert len(refused.words) <= 300


def test_an_error_in_a_200_is_an_error() -> None:
    assert refusal(httpx.Response(200, json={"error": "invalid_client"})).kind is RefusalKind.TOOL_MISMATCH


@pytest.mark.parametrize("status", [301, 401, 404])
def test_other_answers_below_500_are_final(status: int) -> None:
    assert refusal(httpx.Response(status, text="no")).kind is RefusalKind.TOOL_MISMATCH


def test_an_assertion_that_comes_back_is_hidden() -> None:
    def echo(sent: httpx.Request) -> httpx.Response:
        return httpx.Response(400, text=f"bad: {form_of(sent)['client_assertion']}")

    script = Script(echo)
    with pytest.raises(PlatformRefused) as raised:
        request(script)
    parts = form_of(script.requests[0])["client_assertion"].split(".")
    assert not any(part[:20] in str(raised.value) for part in parts)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, text="down"),
        httpx.Response(503),
        httpx.Response(408),
        httpx.Response(403, text="403 Forbidden (Rate Limit Exceeded)\n"),
        httpx.Response(429),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("refused"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
        httpx.RemoteProtocolError("illegal status line: bytearray(b'HTTP/1.0 0 ')"),
        # Canvas could not read our key set just then (Canvas AGS, section 1).
        httpx.Response(
            400, json={"error": "invalid_request", "error_description": "JWK Error: Failed to fetch public key"}
        ),
    ],
    ids=str,
)
def test_an_endpoint_that_is_down_may_come_back_and_no_score_was_sent(answer: httpx.Response | Exception) -> None:
    failure = unavailable(answer)
    assert failure.maybe_applied is False
    assert failure.reason.startswith("token endpoint: ")


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (httpx.Response(500), Trouble.TOKEN),
        (httpx.Response(503), Trouble.TOKEN),
        (httpx.Response(200, text="{}"), Trouble.TOKEN),
        (httpx.ReadTimeout("slow"), Trouble.TOKEN),
        (httpx.ConnectError("refused"), Trouble.TOKEN),
        (httpx.Response(400, text="Failed to fetch public key"), Trouble.TOKEN),
        (httpx.LocalProtocolError("x"), Trouble.OURS),
        (httpx.Response(403, text="403 Forbidden (Rate Limit Exceeded)\n"), Trouble.THROTTLED),
        (httpx.Response(429), Trouble.THROTTLED),
    ],
    ids=str,
)
def test_whatever_keeps_us_from_a_token_is_told_apart(answer: httpx.Response | Exception, cause: Trouble) -> None:
    assert unavailable(answer).cause is cause


def test_the_token_url_must_be_on_a_registered_host() -> None:
    script = Script()
    with pytest.raises(HostRefused):
        request(script, replace(CANVAS_SCHOOL, token_url="https://elsewhere.example/token"))
    assert script.requests == []


def changing(answer: httpx.Response, keys: list[SigningKey], platform: Platform, hours: float = 0) -> None:
    clock = FakeClock()
    clock.sleep(3600 * hours)
    endpoint = TokenEndpoint(
        transport(Script(answer), clock), Signer(lambda: keys, clock), clock, lambda: "unguessable"
    )
    endpoint.request(platform, deadline(clock))


UNKNOWN_KEY = httpx.Response(400, json={"error": "invalid_request", "error_description": "JWS signature invalid."})


def test_a_key_that_had_to_sign_at_once_may_not_be_known_yet_for_a_day() -> None:
    key = signing_key_of_the_tests()
    forced = [replace(key, forced_at=key.created_at)]
    with pytest.raises(PlatformUnavailable, match=r"our key is being changed there; .*JWS signature") as raised:
        changing(UNKNOWN_KEY, forced, CANVAS_SCHOOL, hours=23.9)
    assert (raised.value.cause, raised.value.maybe_applied) == (Trouble.TOKEN, False)
    with pytest.raises(PlatformRefused):
        changing(UNKNOWN_KEY, forced, CANVAS_SCHOOL, hours=24)


def test_a_platform_that_is_given_the_next_key_by_hand_may_refuse_the_one_before() -> None:
    key = signing_key_of_the_tests()
    keys = [key, SigningKey("next", "", key.created_at + timedelta(days=9))]
    with pytest.raises(PlatformUnavailable, match="our key is being changed there"):
        changing(UNKNOWN_KEY, keys, replace(CANVAS_SCHOOL, held_kid=key.kid))
    with pytest.raises(PlatformRefused):
        changing(UNKNOWN_KEY, [key], replace(CANVAS_SCHOOL, held_kid=key.kid))


def test_scopes_that_are_missing_are_no_matter_of_the_key() -> None:
    key = signing_key_of_the_tests()
    answer = httpx.Response(400, json={"error": "invalid_scope"})
    with pytest.raises(PlatformRefused) as raised:
        changing(answer, [replace(key, forced_at=key.created_at)], CANVAS_SCHOOL)
    assert raised.value.kind is RefusalKind.SCOPE_MISSING
