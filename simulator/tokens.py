"""Access tokens: the token endpoint (Canvas AGS, section 1)."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

import jwt

from simulator.exchange import Request, Response, json_response
from simulator.model import DeveloperKey, Generation, World

TOKEN_PATH = "/login/oauth2/token"  # noqa: S105 - a path, not a secret
LIFE_SECONDS = 3600
_GRANT = "client_credentials"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CLAIMS = ("iss", "sub", "aud", "iat", "exp", "jti")
_BAD_SIGNATURE = "JWS signature invalid."

Fetch = Callable[[str], bytes]


class TokenRefusedError(Exception):
    """The token endpoint refuses; carries OAuth's error and description."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class Assertion:
    """A client assertion before its signature is checked."""

    token: str
    header: Mapping[str, object]
    claims: Mapping[str, object]
    scopes: tuple[str, ...]


def read_assertion(request: Request) -> Assertion:
    """Read the form (or JSON) of a token request.

    Raises
    ------
    TokenRefusedError
        for another grant, another kind of assertion, or an assertion that is no JWT
    """
    form = _form(request)
    if form.get("grant_type") != _GRANT:
        raise TokenRefusedError("unsupported_grant_type", "The grant_type you requested is not currently supported")
    if form.get("client_assertion_type") != _ASSERTION_TYPE:
        raise TokenRefusedError("invalid_request", "assertion method not supported for this grant_type")
    token = form.get("client_assertion", "")
    header, claims = unverified(token)
    if header is None or claims is None:
        raise TokenRefusedError("invalid_request", _BAD_SIGNATURE)
    return Assertion(token, header, claims, tuple(form.get("scope", "").split()))


def _form(request: Request) -> dict[str, str]:
    if request.media_type == "application/json":
        try:
            value = json.loads(request.body)
        except (ValueError, RecursionError):
            return {}
        return {key: item for key, item in value.items() if isinstance(item, str)} if isinstance(value, dict) else {}
    return dict(parse_qsl(request.body.decode("utf-8", "replace")))


def unverified(token: str) -> tuple[Mapping[str, object] | None, Mapping[str, object] | None]:
    """Take a JWT apart without checking it: header and claims, None for both or one when it is none."""
    try:
        parts = jwt.PyJWS().decode_complete(token, options={"verify_signature": False})
        claims = json.loads(parts["payload"])
    except (jwt.PyJWTError, ValueError, RecursionError):
        return None, None
    return parts["header"], claims if isinstance(claims, dict) else None


def usable_key(world: World, assertion: Assertion) -> DeveloperKey:
    """Find the developer key that the assertion's ``sub`` names; one without any JWK is not usable."""
    key = world.developer_keys.get(str(assertion.claims.get("sub", "")))
    if key is None or not key.active or not (key.jwks_url or key.public_jwk):
        raise TokenRefusedError("invalid_request", _BAD_SIGNATURE)
    return key


def public_jwk(key: DeveloperKey, assertion: Assertion, fetch: Fetch) -> Mapping[str, object]:
    """Give the JWK to verify with: fetched anew at each request by ``kid``, or the static one (URL wins).

    Must be called without the simulator's lock: it goes over the network.
    """
    if not key.jwks_url:
        return key.public_jwk or {}
    try:
        document = json.loads(fetch(key.jwks_url))
    except (ValueError, RecursionError):
        raise TokenRefusedError("invalid_request", "JWK Error: Invalid JSON") from None
    except OSError:
        raise TokenRefusedError("invalid_request", "JWK Error: Failed to fetch public key") from None
    keys = document.get("keys") if isinstance(document, dict) else None
    kid = assertion.header.get("kid")
    for candidate in keys if isinstance(keys, list) else []:
        if isinstance(candidate, dict) and kid is not None and candidate.get("kid") == kid:
            return candidate
    raise TokenRefusedError("invalid_request", _BAD_SIGNATURE)


def grant(
    world: World, request: Request, assertion: Assertion, jwk: Mapping[str, object], now: datetime
) -> dict[str, object]:
    """Check signature, claims and scopes, and give the answer with the token."""
    key = usable_key(world, assertion)
    _check_signature(world, assertion, jwk)
    _check_claims(world, request, assertion.claims, now)
    refused = [scope for scope in assertion.scopes if scope not in key.scopes]
    if refused or not assertion.scopes:
        raise TokenRefusedError(
            "invalid_scope",
            "A requested scope is invalid, unknown, malformed, or exceeds the scope granted by the resource owner. "
            "The following scopes were requested, but not granted: " + " ".join(refused),
        )
    issued = int(now.timestamp())
    claims = {
        "iss": "Canvas",
        "sub": key.client_id,
        "aud": f"https://{request.host}{TOKEN_PATH}",
        "iat": issued,
        "exp": issued + LIFE_SECONDS,
        "jti": secrets.token_hex(16),
        "scopes": " ".join(assertion.scopes),
    }
    return {
        "access_token": jwt.encode(claims, world.token_secret, algorithm="HS256"),
        "token_type": "Bearer",
        "expires_in": LIFE_SECONDS,
        "scope": claims["scopes"],
    }


def _check_signature(world: World, assertion: Assertion, jwk: Mapping[str, object]) -> None:
    try:
        key = jwt.PyJWK(dict(jwk), algorithm="RS256")
        jwt.PyJWS().decode(assertion.token, key, algorithms=["RS256"])
    except jwt.PyJWTError as error:
        old = world.switches.generation is Generation.OLD
        # Recent Canvas sends its JWT library's own text; clients must not rely on it.
        raise TokenRefusedError("invalid_request", _BAD_SIGNATURE if old else f"JWS: {error}") from None


def _check_claims(world: World, request: Request, claims: Mapping[str, object], now: datetime) -> None:
    missing = [name for name in _CLAIMS if claims.get(name) in (None, "")]
    if missing:
        raise TokenRefusedError("invalid_request", f"the following assertions are missing: {','.join(missing)}")
    faults = [*_audience_faults(world, request, claims["aud"]), *_time_faults(claims, now.timestamp())]
    if faults:
        raise TokenRefusedError("invalid_request", " | ".join(faults))


def _audience_faults(world: World, request: Request, audience: object) -> list[str]:
    # The simulator speaks plain http on loopback; its token URL counts under both schemes.
    accepted = {f"{scheme}://{request.host}{TOKEN_PATH}" for scheme in ("https", "http")}
    if world.switches.generation is Generation.NEW:
        accepted.add(request.host)
    given = audience if isinstance(audience, list) else [audience]
    return [] if any(one in accepted for one in given) else ["the 'aud' is invalid"]


def _time_faults(claims: Mapping[str, object], now: float) -> list[str]:
    faults = []
    expires, issued = read_time(claims["exp"]), read_time(claims["iat"])
    if expires is None:
        faults.append("the 'exp' must be a number")
    elif expires < now:
        faults.append("the JWT has expired")
    if issued is None:
        faults.append("the 'iat' must be a number")
    elif issued < now - 300:
        faults.append("the 'iat' must be less than 300 seconds old")
    elif issued > now + 30:
        faults.append("the 'iat' must not be in the future")
    return faults


def read_time(value: object) -> float | None:
    """Give a claim's seconds since 1970, None when it is no number."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def refusal_response(refused: TokenRefusedError) -> Response:
    """Answer a refusal: 400 with OAuth's two fields."""
    return json_response(400, {"error": refused.error, "error_description": refused.description})
