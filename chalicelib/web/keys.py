"""Our public keys, where platforms fetch them."""

import json

from chalice.app import Blueprint, Response

from chalicelib import services, telemetry
from chalicelib.errors import PassbackError

blueprint = Blueprint(__name__)


@blueprint.route("/.well-known/jwks.json", methods=["GET"])
def key_set() -> Response:
    """Answer the JSON Web Key Set: public parts only."""
    from chalicelib.lti13.key_rotation import published_keys
    from chalicelib.lti13.keys import jwks

    try:
        service = services.current()
        document = jwks(published_keys(service.signing_keys.list(), service.clock.now()))
    except PassbackError as problem:
        telemetry.event("key_set_unavailable", why=str(problem))
        return _json({"error": "The key set cannot be read now."}, 503)
    return _json(document, 200)


def _json(document: object, status: int) -> Response:
    caching = "public, max-age=300" if status == 200 else "no-store"
    headers: dict[str, str | list[str]] = {"Content-Type": "application/json", "Cache-Control": caching}
    return Response(body=json.dumps(document), status_code=status, headers=headers)
