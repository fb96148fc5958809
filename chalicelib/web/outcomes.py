"""The outcome doors: POX at two paths, and the form-encoded service. Every answer is the tool's own form of XML."""

import secrets

from chalice.app import Blueprint, Response

from chalicelib import services, telemetry
from chalicelib.errors import RequestRefused, SetupError, StorageUnavailable
from chalicelib.identifiers import Identifiers
from chalicelib.lti11.answers import failure_status, write_pox, write_transport_failure
from chalicelib.lti11.doors import Door, FormDoor, PoxDoor
from chalicelib.lti11.form import write_form_answer
from chalicelib.web.gateway import unpack

blueprint = Blueprint(__name__)

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
"""Every method is declared, so that a wrong one is answered by us and not by API Gateway."""
ANY_TYPE = ["*/*"]
"""Every content type is let in, so that a wrong one is refused as XML and not as JSON."""

POX_PATHS = ("/outcomes", "/api/lti/v1/tools/{id}/grade_passback")
FORM_PATH = "/api/lti/v1/tools/{id}/ext_grade_passback"

NOT_FOUND = "The specified resource does not exist."
ONLY_POST = "Method not allowed: outcomes are sent by POST."
BROKEN = "An error occurred."


@blueprint.route(POX_PATHS[0], methods=METHODS, content_types=ANY_TYPE)
def outcomes() -> Response:
    """Take a POX outcome."""
    return _answer(PoxDoor())


@blueprint.route(POX_PATHS[1], methods=METHODS, content_types=ANY_TYPE)
def grade_passback(id: str) -> Response:  # noqa: A002, ARG001 - the route's word; it is part of the signed URL and nothing more
    """Take a POX outcome at Canvas's own path."""
    return _answer(PoxDoor())


@blueprint.route(FORM_PATH, methods=METHODS, content_types=ANY_TYPE)
def ext_grade_passback(id: str) -> Response:  # noqa: A002, ARG001 - as above
    """Take a form-encoded outcome at Canvas's own path."""
    return _answer(FormDoor())


@blueprint.route("/", methods=METHODS, content_types=ANY_TYPE)
def root() -> Response:
    """Answer the root as any unknown path."""
    return transport_failure(404, NOT_FOUND)


@blueprint.route("/{proxy+}", methods=METHODS, content_types=ANY_TYPE)
def unknown_path() -> Response:
    """Answer every path that is no door. Chalice hands a greedy parameter to nobody: it knows only ``{name}``."""
    return transport_failure(404, NOT_FOUND)


def transport_failure(status: int, message: str, reference: str | None = None, reason: str = "") -> Response:
    """Answer what is not an outcome as POX, and log it under the same reference."""
    reference = reference or _new_reference()
    telemetry.event("refused", reference=reference, status=status, message=message, why=reason or None)
    return _xml(write_transport_failure(message, reference), status, reference)


def _answer(door: Door) -> Response:
    with telemetry.measured():
        return _answered(door)


def _answered(door: Door) -> Response:
    reference = _new_reference()
    request = blueprint.current_request
    try:
        service = services.current()
        incoming = unpack(request, service.settings.public_urls, service.clock, local=service.settings.is_local)
        if incoming.method != "POST":
            return transport_failure(405, ONLY_POST, reference)
        received = service.reception.receive(incoming, door, reference)
    except RequestRefused as refusal:
        return transport_failure(refusal.status, refusal.message, reference, refusal.reason)
    except (StorageUnavailable, SetupError) as problem:
        return transport_failure(500, BROKEN, reference, str(problem))
    except Exception as error:  # noqa: BLE001 - the last resort: a tool never sees a stack trace, and always XML
        telemetry.failure("broken", error, reference=reference, status=500)
        return _xml(write_transport_failure(BROKEN, reference), 500, reference)
    if isinstance(door, FormDoor):
        return _xml(write_form_answer(received.answer, sourcedid=received.sourcedid), 200, received.reference)
    body = write_pox(
        received.answer,
        message_ref=received.message_identifier,
        operation=received.operation_name,
        reference=received.reference,
    )
    return _xml(body, failure_status(received.answer, received.failure_status), received.reference)


def _new_reference() -> str:
    """Make a reference id, also in a container whose services cannot be built."""
    try:
        return services.current().identifiers.reference()
    except SetupError:
        return Identifiers(secrets.token_bytes).reference()


def _xml(body: str, status: int, reference: str) -> Response:
    """Pack an answer; the header names the reference where the form has no room for it (successes, form answers)."""
    headers: dict[str, str | list[str]] = {
        "Content-Type": "application/xml; charset=utf-8",
        "X-Passback-Reference": reference,
    }
    return Response(body=body, status_code=status, headers=headers)
