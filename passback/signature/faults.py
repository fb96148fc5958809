"""What can be wrong with a request besides its signature: body hash, time and content type."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.clock import from_milliseconds, to_iso, to_milliseconds
from chalicelib.errors import RequestRefused
from chalicelib.lti11.authorization import Authorization
from chalicelib.lti11.signature import check_timestamp
from chalicelib.lti11.tools import BodyHashRule, Tool
from passback.check import Check, failed_check, ok_check, skipped_check
from passback.signature.bodies import BodyHash
from passback.signature.request import ReadRequest

if TYPE_CHECKING:
    from chalicelib.services import Services

_HOUR = 3_600_000


def sentence(reason: str) -> str:
    """Write a reason as a sentence."""
    return f"{reason[:1].upper()}{reason[1:]}." if reason else "It is refused."


def body_check(request: ReadRequest, found: BodyHash, tool: Tool | None) -> Check:
    """Compare the body hash that was sent with the body\'s."""
    name = "body hash"
    if found.right:
        return ok_check(name, f"{found.sent} is the body's.")
    if found.sent is None:
        needed = request.door.demands_body_hash and (tool is None or tool.body_hash is BodyHashRule.REQUIRED)
        if not needed:
            return ok_check(name, "None was sent, and none is needed.")
        return failed_check(
            name,
            f"None was sent; the body's is {found.sha1}.",
            "Let the tool send oauth_body_hash, or allow it to be missing: `passback tool add --body-hash if-present`.",
        )
    detail = f"Sent {found.sent[:100]}, computed {found.sha1} (SHA-1; {found.sha256} by SHA-256)."
    if found.mistake is None:
        return failed_check(
            name,
            detail,
            "The body that arrived is not the one that was hashed: look for a proxy that writes XML anew, and hash the "
            "exact bytes that are sent.",
        )
    return failed_check(name, f"{detail} The tool hashed {found.mistake.said}.", found.mistake.remedy)


def time_check(services: "Services", authorization: Authorization, received_at: int | None, now: datetime) -> Check:
    """Check that the request was signed inside the window before it arrived."""
    name, settings = "timestamp", services.settings
    at = now if received_at is None else from_milliseconds(received_at)
    if authorization.timestamp >= 10**12:
        return failed_check(
            name, "It is in milliseconds.", "oauth_timestamp is seconds since 1970 (RFC 5849, section 3.3)."
        )
    signed = (
        to_iso(from_milliseconds(authorization.timestamp * 1000)) if authorization.timestamp < 10**11 else "far off"
    )
    try:
        check_timestamp(authorization, at, settings.past_window, settings.future_window)
    except RequestRefused:
        age = to_milliseconds(at) - authorization.timestamp * 1000
        if received_at is None and age > 0:
            return skipped_check(
                name,
                f"Signed {signed}; it was taken for {settings.past_window // 60} minutes from then on.",
                "Say when it arrived with --at, to have its time checked.",
            )
        return failed_check(
            name, f"Signed {signed}, arrived {to_iso(at)}.{_clock(age)}", "Set the tool's clock (NTP, UTC)."
        )
    return ok_check(name, f"Signed {signed}, inside the window.")


def _clock(age: int) -> str:
    """Tell a clock that takes local time for UTC: off by whole half hours, but for the time on the way."""
    half_hours = round(age / (_HOUR // 2))
    if half_hours and abs(half_hours) <= 28 and abs(age - half_hours * _HOUR // 2) < 120_000:
        return f" That is {half_hours / 2:g} hours apart, as when a local time is taken for UTC."
    return ""


def type_check(request: ReadRequest) -> Iterator[Check]:
    """Check the content type, as the request\'s door does."""
    try:
        request.door.check_content_type(request.incoming)
    except RequestRefused as refusal:
        found = request.incoming.content_type or "nothing"
        yield failed_check("content type", f"{found}: {refusal.message}.", "Send XML as application/xml.")
    else:
        yield ok_check("content type", request.incoming.content_type or "none")
