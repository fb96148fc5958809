"""Asks a platform for an access token that nobody has had: what is asked when a registration is to be checked."""

import secrets
from typing import TYPE_CHECKING

from chalicelib.clock import Deadline
from chalicelib.lti13.registrations import Platform

if TYPE_CHECKING:
    from chalicelib.services import Services


def ask_for_token(services: "Services", platform: Platform, deadline: Deadline) -> None:
    """Ask the token endpoint itself, past the token that is shared; what it gives is neither used nor stored.

    So the answer is today's, and the functions go on with the token that they have. Raises what
    :meth:`TokenEndpoint.request` raises when none is given.
    """
    from chalicelib.lti13.token_request import TokenEndpoint

    endpoint = TokenEndpoint(services.transport, services.signer, services.clock, lambda: secrets.token_urlsafe(24))
    endpoint.request(platform, deadline)
