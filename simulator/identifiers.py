"""Names that Canvas hands out: UUIDs, opaque ids, and the sourcedid of LTI 1.1."""

import hashlib
import hmac
import re
import secrets
import uuid
from dataclasses import dataclass

_LEGACY = re.compile(r"([0-9]+)-([0-9]+)-([0-9]+)-([0-9]+)-([0-9A-Za-z_]+)")


def new_uuid() -> str:
    """Make an ``lti_id`` or a resource link id."""
    return str(uuid.uuid4())


def new_opaque_id() -> str:
    """Make an opaque id of LTI 1.1: 40 hexadecimal digits."""
    return secrets.token_hex(20)


@dataclass(frozen=True, slots=True)
class Sourcedid:
    """A legacy sourcedid taken apart (Canvas LTI 1.1 outcomes, section 11)."""

    tool_id: int
    course_id: int
    assignment_id: int
    user_id: int
    signature: str

    @property
    def ids(self) -> str:
        """The four ids as they are signed."""
        return f"{self.tool_id}-{self.course_id}-{self.assignment_id}-{self.user_id}"


def sign_sourcedid(secret: str, tool_id: int, course_id: int, assignment_id: int, user_id: int) -> str:
    """Write a sourcedid in the legacy form."""
    ids = f"{tool_id}-{course_id}-{assignment_id}-{user_id}"
    return f"{ids}-{_digest(secret, ids)}"


def read_sourcedid(text: str) -> Sourcedid | None:
    """Take a legacy sourcedid apart; None when it has another form. Ids are at most 18 digits."""
    found = _LEGACY.fullmatch(text)
    if not found or any(len(number) > 18 for number in found.groups()[:4]):
        return None
    tool, course, assignment, user, signature = found.groups()
    return Sourcedid(int(tool), int(course), int(assignment), int(user), signature)


def signature_holds(secret: str, sourcedid: Sourcedid) -> bool:
    """Check a sourcedid's signature."""
    return hmac.compare_digest(_digest(secret, sourcedid.ids), sourcedid.signature)


def _digest(secret: str, ids: str) -> str:
    return hmac.new(secret.encode(), ids.encode(), hashlib.sha1).hexdigest()
