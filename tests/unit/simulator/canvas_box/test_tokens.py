"""The token endpoint and bearer tokens: Canvas AGS, sections 1 and 6."""

import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from canvas_box.canvas_harness import HOST, START, Canvas, Scene, ags_error
from simulator.exchange import Response
from simulator.scopes import RESULT_READONLY, SCORE

NOW = int(START.timestamp())


def refusal(answer: Response) -> tuple[str, str]:
    assert answer.status == 400
    body = json.loads(answer.body)
    return body["error"], body["error_description"]


@pytest.fixture
def registered(canvas: Canvas) -> Canvas:
    canvas.register()
    return canvas


def test_a_signed_assertion_gets_a_token_for_an_hour(registered: Canvas) -> None:
    answer = registered.ask_token(scope=SCORE)
    body = json.loads(answer.body)
    assert (answer.status, body["token_type"], body["expires_in"], body["scope"]) == (200, "Bearer", 3600, SCORE)


def test_a_token_request_may_be_json(registered: Canvas) -> None:
    assertion = jwt.encode(registered.claims(), registered.private_key, "RS256")
    body = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
        "scope": SCORE,
    }
    answer = registered.send(
        "POST", "/login/oauth2/token", json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    assert answer.status == 200


@pytest.mark.parametrize("body", [b"[", b"[]", b'{"grant_type": 7}'])
def test_json_without_a_grant_is_refused(registered: Canvas, body: bytes) -> None:
    answer = registered.send("POST", "/login/oauth2/token", body, headers={"Content-Type": "application/json"})
    assert refusal(answer)[0] == "unsupported_grant_type"


def test_the_key_set_is_fetched_at_each_request(canvas: Canvas) -> None:
    canvas.key_sets["http://127.0.0.1:9/jwks"] = json.dumps({"keys": [{"kid": "other"}, canvas.public_jwk]}).encode()
    canvas.order("register", jwks_url="http://127.0.0.1:9/jwks")
    assert canvas.ask_token().status == 200
    canvas.key_sets["http://127.0.0.1:9/jwks"] = b'{"keys": []}'
    assert refusal(canvas.ask_token()) == ("invalid_request", "JWS signature invalid.")


@pytest.mark.parametrize(
    ("document", "text"),
    [(None, "JWK Error: Failed to fetch public key"), (b"<html>", "JWK Error: Invalid JSON")],
)
def test_a_key_set_that_cannot_be_had_is_a_jwk_error(canvas: Canvas, document: bytes | None, text: str) -> None:
    canvas.order("register", jwks_url="http://127.0.0.1:9/jwks")
    if document is not None:
        canvas.key_sets["http://127.0.0.1:9/jwks"] = document
    assert refusal(canvas.ask_token()) == ("invalid_request", text)


def test_a_key_set_needs_the_kid_and_a_static_key_does_not(canvas: Canvas) -> None:
    canvas.register()
    assert canvas.ask_token(kid=None).status == 200
    canvas.key_sets["http://127.0.0.1:9/jwks"] = json.dumps({"keys": [canvas.public_jwk]}).encode()
    canvas.order("register", jwks_url="http://127.0.0.1:9/jwks")
    assert refusal(canvas.ask_token(kid=None))[0] == "invalid_request"


def test_a_key_without_any_jwk_and_an_unknown_client_are_bad_signatures(canvas: Canvas) -> None:
    assert refusal(canvas.ask_token()) == ("invalid_request", "JWS signature invalid.")
    assert refusal(canvas.ask_token(canvas.claims(sub="7"))) == ("invalid_request", "JWS signature invalid.")


def test_an_inactive_key_gets_no_token(canvas: Canvas) -> None:
    canvas.register(active=False)
    assert refusal(canvas.ask_token())[0] == "invalid_request"


@pytest.mark.parametrize(("generation", "same_text"), [("new", False), ("old", True)])
def test_a_wrong_signature_has_a_text_of_its_own_in_recent_canvas(
    registered: Canvas, generation: str, same_text: bool
) -> None:
    registered.order("switch", generation=generation)
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    error, text = refusal(registered.ask_token(key=stranger))
    assert error == "invalid_request"
    assert (text == "JWS signature invalid.") is same_text


def test_another_algorithm_than_rs256_is_refused(registered: Canvas) -> None:
    assert refusal(registered.ask_token(algorithm="RS512"))[0] == "invalid_request"
    assert refusal(registered.ask_token(key="k" * 64, algorithm="HS256"))[0] == "invalid_request"


@pytest.mark.parametrize("assertion", ["", "abc", "a.b.c", jwt.encode({}, "k" * 32)[:-5] + ".x.y"])
def test_what_is_no_jwt_is_refused(registered: Canvas, assertion: str) -> None:
    assert refusal(registered.ask_token(client_assertion=assertion))[0] == "invalid_request"


@pytest.mark.parametrize("name", ["iss", "aud", "iat", "exp", "jti"])
def test_each_claim_must_be_there(registered: Canvas, name: str) -> None:
    answer = registered.ask_token(registered.claims(**{name: None}))
    assert refusal(answer) == ("invalid_request", f"the following assertions are missing: {name}")


def test_the_issuer_may_be_anything(registered: Canvas) -> None:
    assert registered.ask_token(registered.claims(iss="whoever")).status == 200


def test_a_jti_may_come_twice(registered: Canvas) -> None:
    assert registered.ask_token(registered.claims(jti="same")).status == 200
    assert registered.ask_token(registered.claims(jti="same")).status == 200


@pytest.mark.parametrize(
    "audience", [f"https://{HOST}/login/oauth2/token", ["x", f"https://{HOST}/login/oauth2/token"], HOST]
)
def test_the_audience_is_this_host(registered: Canvas, audience: object) -> None:
    assert registered.ask_token(registered.claims(aud=audience)).status == 200


@pytest.mark.parametrize(
    "audience", [f"https://{HOST}", "https://other.example.org/login/oauth2/token", ["x"], f"https://{HOST}:8/x"]
)
def test_another_audience_is_refused(registered: Canvas, audience: object) -> None:
    answer = registered.ask_token(registered.claims(aud=audience))
    assert refusal(answer) == ("invalid_request", "the 'aud' is invalid")


def test_older_canvas_takes_no_bare_host_as_audience(registered: Canvas) -> None:
    registered.order("switch", generation="old")
    assert refusal(registered.ask_token(registered.claims(aud=HOST)))[1] == "the 'aud' is invalid"


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ({"exp": NOW - 1}, "the JWT has expired"),
        ({"exp": "soon"}, "the 'exp' must be a number"),
        ({"iat": "now"}, "the 'iat' must be a number"),
        ({"iat": True}, "the 'iat' must be a number"),
        ({"iat": NOW - 301}, "the 'iat' must be less than 300 seconds old"),
        ({"iat": NOW + 32}, "the 'iat' must not be in the future"),
        ({"iat": NOW - 301, "exp": NOW - 1}, "the JWT has expired | the 'iat' must be less than 300 seconds old"),
    ],
)
def test_the_times_have_bounds(registered: Canvas, claims: dict[str, Any], text: str) -> None:
    assert refusal(registered.ask_token(registered.claims(**claims))) == ("invalid_request", text)


@pytest.mark.parametrize("claims", [{"iat": NOW - 299}, {"iat": NOW + 30}, {"exp": NOW + 10**8}])
def test_the_times_within_their_bounds_pass(registered: Canvas, claims: dict[str, Any]) -> None:
    assert registered.ask_token(registered.claims(**claims)).status == 200


def test_a_scope_must_be_on_the_key(canvas: Canvas) -> None:
    canvas.register(scopes=[SCORE])
    error, text = refusal(canvas.ask_token(scope=f"{SCORE} {RESULT_READONLY}"))
    assert error == "invalid_scope"
    assert text.endswith(f"were requested, but not granted: {RESULT_READONLY}")


def test_no_scope_is_refused(registered: Canvas) -> None:
    assert refusal(registered.ask_token(scope=""))[0] == "invalid_scope"


def test_another_grant_or_assertion_is_refused(registered: Canvas) -> None:
    assert refusal(registered.ask_token(grant_type="password")) == (
        "unsupported_grant_type",
        "The grant_type you requested is not currently supported",
    )
    assert refusal(registered.ask_token(client_assertion_type="x"))[0] == "invalid_request"


# Bearer tokens


def call(canvas: Canvas, scene: Scene, token: str, host: str = HOST) -> Response:
    return canvas.call("GET", scene.told["line_items"], token=token, host=host)


def own_token(canvas: Canvas, algorithm: str = "HS256", secret: str = "", **changes: Any) -> str:
    """Change the claims of a real token and sign it as the platform would."""
    canvas.register()
    claims = jwt.decode(canvas.log_in(), options={"verify_signature": False})
    claims.update(changes)
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, secret or json.loads(canvas.simulator.dump())["token_secret"], algorithm)


def test_no_token_is_refused(canvas: Canvas, scene: Scene) -> None:
    assert ags_error(call(canvas, scene, "")) == (401, "Missing access token")
    answer = canvas.send("GET", scene.told["line_items"], headers={"Authorization": "Basic abc"})
    assert ags_error(answer) == (401, "Missing access token")


def test_a_token_that_is_no_jwt_is_refused(canvas: Canvas, scene: Scene) -> None:
    assert ags_error(call(canvas, scene, "abc")) == (401, "Invalid access token format")


def test_a_token_of_a_stranger_is_refused(canvas: Canvas, scene: Scene) -> None:
    answer = call(canvas, scene, own_token(canvas, secret="s" * 64))
    assert ags_error(answer) == (401, "Access token invalid - signature likely incorrect")
    answer = call(canvas, scene, own_token(canvas, "HS512", "s" * 64))
    assert ags_error(answer) == (401, "Access token signature algorithm not allowed")


def test_a_token_expires_after_an_hour(canvas: Canvas, scene: Scene) -> None:
    canvas.register()
    token = canvas.log_in()
    canvas.clock.forward(seconds=3598)
    assert call(canvas, scene, token).status == 200
    canvas.clock.forward(seconds=2)
    assert ags_error(call(canvas, scene, token)) == (401, "Access token expired")


def test_a_token_is_only_good_where_it_was_asked_for(canvas: Canvas, scene: Scene) -> None:
    canvas.register()
    token = canvas.log_in()
    status, text = ags_error(call(canvas, scene, token, "other.example.org"))
    assert (status, text) == (401, "Invalid access token field/s: the 'aud' is invalid")


def test_a_token_of_a_universal_host_is_good_everywhere(canvas: Canvas, scene: Scene) -> None:
    canvas.register()
    host = "sso.canvaslms.com"
    answer = canvas.ask_token(canvas.claims(aud=f"https://{host}/login/oauth2/token"), host=host)
    assert call(canvas, scene, json.loads(answer.body)["access_token"]).status == 200


@pytest.mark.parametrize("issued", [None, int((START - timedelta(seconds=3700)).timestamp())])
def test_an_old_or_missing_iat_is_refused(canvas: Canvas, scene: Scene, issued: int | None) -> None:
    answer = call(canvas, scene, own_token(canvas, iat=issued))
    assert ags_error(answer)[1].startswith("Invalid access token field/s: the 'iat'")


def test_a_deleted_or_inactive_key_is_refused(canvas: Canvas, scene: Scene) -> None:
    answer = call(canvas, scene, own_token(canvas, sub="77"))
    assert ags_error(answer) == (401, "Unknown or inactive Developer Key")
    token = canvas.log_in()
    canvas.register(active=False)
    assert ags_error(call(canvas, scene, token)) == (401, "Unknown or inactive Developer Key")


def test_a_scope_that_the_token_lacks_is_refused(canvas: Canvas, scene: Scene) -> None:
    canvas.register()
    canvas.log_in(scope=RESULT_READONLY)
    assert ags_error(scene.post()) == (401, "Insufficient permissions")


def test_a_key_that_is_off_is_refused_after_its_scope(canvas: Canvas, scene: Scene) -> None:
    canvas.register()
    canvas.log_in(scope=SCORE)
    canvas.order("switch", key_on=False)
    assert ags_error(scene.post()) == (401, "Invalid Developer Key")
    assert ags_error(call(canvas, scene, canvas.token)) == (401, "Insufficient permissions")


def test_a_course_without_the_tool_is_refused(canvas: Canvas, scene: Scene) -> None:
    told = canvas.order("switch", tool_installed=False, handle=scene.handle)
    assert told["generation"] == "new"
    assert ags_error(scene.post()) == (401, "Access Token not linked to a Tool associated with this Context")
    canvas.order("switch", tool_installed=True, handle=scene.handle)
    assert scene.post().status == 200


# Key rotation


def rotate(canvas: Canvas, jwk: object) -> Response:
    return canvas.call("PUT", "/api/lti/developer_key/update_public_jwk", {"developer_key": {"public_jwk": jwk}})


def test_a_tool_changes_its_static_key(canvas: Canvas) -> None:
    next_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(next_key.public_key(), as_dict=True)
    assert rotate(canvas, {**jwk, "kid": "k2", "alg": "RS256", "use": "sig"}).status == 200
    assert canvas.ask_token(key=next_key).status == 200
    assert canvas.ask_token().status == 400


@pytest.mark.parametrize("change", [{"d": "secret"}, {"use": "enc"}, {"kid": ""}, {"alg": "RS512"}])
def test_a_key_of_another_form_is_refused(canvas: Canvas, change: dict[str, str]) -> None:
    assert rotate(canvas, {**canvas.public_jwk, **change}).status == 422
    assert rotate(canvas, None).status == 422
    assert canvas.ask_token().status == 200
