"""The two kinds of outcome door: POX, and the older form-encoded service. How each reads a request."""

import hashlib
from typing import Protocol

from chalicelib.errors import RequestRefused
from chalicelib.lti11.authorization import PROTOCOL_PREFIX, Authorization, read_authorization
from chalicelib.lti11.envelope import read_envelope
from chalicelib.lti11.form import read_form, read_form_authorization, read_form_envelope
from chalicelib.lti11.messages import Envelope

Parameters = tuple[tuple[str, str], ...]


class Incoming(Protocol):
    """A request as the web hands it over."""

    @property
    def urls(self) -> tuple[str, ...]:
        """The URLs that the tool may have signed."""

    @property
    def authorization(self) -> tuple[str, ...]:
        """All Authorization headers."""

    @property
    def content_type(self) -> str:
        """The content type, with its parameters."""

    @property
    def body(self) -> bytes:
        """The exact bytes of the body."""

    @property
    def received_at(self) -> int:
        """Time R, milliseconds since 1970."""


class Door(Protocol):
    """How one kind of door reads requests; both kinds share everything else."""

    demands_body_hash: bool

    def authorization(self, incoming: Incoming) -> tuple[Authorization, Parameters]:
        """Return the OAuth parameters, and the other parameters that are signed. Raises RequestRefused."""

    def check_content_type(self, incoming: Incoming) -> None:
        """Raise RequestRefused (415) for a content type that the door does not take."""

    def envelope(self, incoming: Incoming) -> Envelope:
        """Read the message. Raises OutcomeUnsupported."""

    def body_digest(self, incoming: Incoming) -> str:
        """Return what recognises the same message signed again."""


class PoxDoor:
    """XML in the body, OAuth parameters in the header only, and a hash over the body."""

    demands_body_hash = True

    def authorization(self, incoming: Incoming) -> tuple[Authorization, Parameters]:
        """Return the OAuth parameters; the body adds none. Raises RequestRefused."""
        return read_authorization(incoming.authorization), ()

    def check_content_type(self, incoming: Incoming) -> None:
        """Refuse everything but ``application/xml``, whatever its parameters (Canvas LTI 1.1 outcomes, section 7.4)."""
        media_type = incoming.content_type.partition(";")[0].strip().lower()
        if media_type != "application/xml":
            raise RequestRefused(415, "Content-Type must be 'application/xml'", "content type is not application/xml")

    def envelope(self, incoming: Incoming) -> Envelope:
        """Read the XML. Raises OutcomeUnsupported."""
        return read_envelope(incoming.body)

    def body_digest(self, incoming: Incoming) -> str:
        """Return the digest of the exact body."""
        return hashlib.sha256(incoming.body).hexdigest()


class FormDoor:
    """A signed form (Canvas LTI 1.1 outcomes, section 9): no body hash, no check of the content type."""

    demands_body_hash = False

    def authorization(self, incoming: Incoming) -> tuple[Authorization, Parameters]:
        """Return the OAuth parameters, from header or form, and the signed fields. Raises RequestRefused."""
        return read_form_authorization(incoming.authorization, read_form(incoming.body))

    def check_content_type(self, incoming: Incoming) -> None:
        """Take every content type."""

    def envelope(self, incoming: Incoming) -> Envelope:
        """Read the form's fields."""
        return read_form_envelope(read_form(incoming.body))

    def body_digest(self, incoming: Incoming) -> str:
        """Return the digest of the fields without the OAuth ones, which differ each time a form is signed."""
        fields = [field for field in read_form(incoming.body) if not field[0].startswith(PROTOCOL_PREFIX)]
        return hashlib.sha256(repr(fields).encode(errors="surrogatepass")).hexdigest()
