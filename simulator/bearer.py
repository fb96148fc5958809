"""Bearer tokens: who calls, and with which rights (Canvas AGS, sections 1 and 6)."""

from collections.abc import Mapping
from datetime import datetime

import jwt

from simulator.exchange import Request
from simulator.model import DeveloperKey, World
from simulator.refusals import object_error
from simulator.tokens import LIFE_SECONDS, TOKEN_PATH, read_time, unverified

# A token asked for at one of these is good at every school.
_UNIVERSAL_HOSTS = ("canvas.instructure.com", "sso.canvaslms.com")


def named_client(request: Request) -> str | None:
    """Give the client id a bearer token names, unchecked; for accounting only."""
    token = bearer(request)
    _, claims = unverified(token) if token else (None, None)
    return str(claims["sub"]) if claims and "sub" in claims else None


def bearer(request: Request) -> str:
    """Give the bearer token of a request, empty when there is none."""
    kind, _, token = request.header("authorization").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


def authorize(world: World, request: Request, accepted_scopes: tuple[str, ...], now: datetime) -> DeveloperKey:
    """Check the bearer token, its key and one of the scopes (Canvas AGS, section 3.3 step 1).

    Raises
    ------
    RefusedError
        401 in AGS's shape
    """
    token = bearer(request)
    if not token:
        raise object_error(401, "Missing access token")
    claims = _verified_claims(world, token)
    _check_access_claims(request, claims, now)
    key = world.developer_keys.get(str(claims["sub"]))
    if key is None or not key.active:
        raise object_error(401, "Unknown or inactive Developer Key")
    if not set(str(claims.get("scopes", "")).split()) & set(accepted_scopes):
        raise object_error(401, "Insufficient permissions")
    return key


def _verified_claims(world: World, token: str) -> Mapping[str, object]:
    header, claims = unverified(token)
    if header is None or claims is None:
        raise object_error(401, "Invalid access token format")
    if header.get("alg") != "HS256":
        raise object_error(401, "Access token signature algorithm not allowed")
    try:
        jwt.PyJWS().decode(token, world.token_secret, algorithms=["HS256"])
    except jwt.PyJWTError:
        raise object_error(401, "Access token invalid - signature likely incorrect") from None
    return claims


def _check_access_claims(request: Request, claims: Mapping[str, object], now: datetime) -> None:
    expires, issued, moment = read_time(claims.get("exp")), read_time(claims.get("iat")), now.timestamp()
    if expires is not None and expires <= moment:
        raise object_error(401, "Access token expired")
    wrong = []
    if claims.get("aud") not in [f"https://{host}{TOKEN_PATH}" for host in (request.host, *_UNIVERSAL_HOSTS)]:
        wrong.append("the 'aud' is invalid")
    if issued is None or issued < moment - LIFE_SECONDS:
        wrong.append(f"the 'iat' must be less than {LIFE_SECONDS} seconds old")
    if wrong:
        raise object_error(401, f"Invalid access token field/s: {' | '.join(wrong)}")
