"""A tool changes its static key by itself (Canvas AGS, section 1, key rotation)."""

from collections.abc import Mapping

from simulator.access import AgsCall, read_parameters
from simulator.bearer import authorize
from simulator.exchange import Response, json_response
from simulator.refusals import model_error
from simulator.scopes import PUBLIC_JWK_UPDATE

_FIXED = {"kty": "RSA", "alg": "RS256", "use": "sig"}


def update_public_jwk(call: AgsCall) -> Response:
    """Put another public key in place of the developer key's."""
    parameters = read_parameters(call.request, "application/json")
    key = authorize(call.world, call.request, (PUBLIC_JWK_UPDATE,), call.now)
    wrapped = parameters.get("developer_key")
    jwk = wrapped.get("public_jwk") if isinstance(wrapped, dict) else None
    if not isinstance(jwk, dict) or not _acceptable(jwk):
        raise model_error("public_jwk", "is invalid")
    key.public_jwk = dict(jwk)
    return json_response(200, {"id": key.client_id, "public_jwk": key.public_jwk})


def _acceptable(jwk: Mapping[str, object]) -> bool:
    fixed = all(jwk.get(name) == value for name, value in _FIXED.items())
    return fixed and all(jwk.get(name) for name in ("e", "n", "kid")) and "d" not in jwk
