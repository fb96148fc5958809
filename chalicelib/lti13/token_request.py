"""Asks a platform's token endpoint for an access token, with a signed assertion in place of a secret.

1EdTech Security Framework 1.1, client credentials with a JSON web token; Canvas AGS, section 1.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from chalicelib.clock import Clock, Deadline, to_milliseconds
from chalicelib.errors import PlatformError, PlatformRefused, PlatformUnavailable, Trouble
from chalicelib.lti13.keys import SigningKey
from chalicelib.lti13.profiles import PROFILES, RefusalKind
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.replies import LONGEST_WORDS, Reply, contains, is_throttled, words_of
from chalicelib.lti13.signing import Signer

if TYPE_CHECKING:
    from chalicelib.lti13.transport import Transport

SCOPES = (
    "https://purl.imsglobal.org/spec/lti-ags/scope/score",
    "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly",
    "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly",
)
"""What posting scores, reading results and reading line items need; Moodle wants the last one asked for by name."""

ASSERTION_LIFE = 300
"""Seconds: the two times of an assertion are to be about 5 minutes apart."""
BACKDATED = 10
"""Seconds: Moodle refuses an ``iat`` 1 s ahead of its own clock; Canvas takes one up to 300 s old."""
USUAL_LIFE = 3600
KEY_CHANGING = "our key is being changed there"
LONGEST_LIFE = 86_400


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token to send. ``expires_at`` is in milliseconds since 1970."""

    value: str = field(repr=False)
    expires_at: int


class TokenEndpoint:
    """The token endpoints of all platforms. ``unguessable`` makes the ``jti`` of each assertion."""

    def __init__(self, transport: "Transport", signer: Signer, clock: Clock, unguessable: Callable[[], str]) -> None:
        self._transport = transport
        self._signer = signer
        self._clock = clock
        self._unguessable = unguessable

    def request(self, platform: Platform, deadline: Deadline) -> AccessToken:
        """Ask for a new token.

        Raises
        ------
        PlatformRefused
            If the platform gives none: ``TOOL_MISMATCH``, or ``SCOPE_MISSING`` with the scopes that were asked for.
        PlatformUnavailable
            If the endpoint gives no usable answer now, or may not know our present key yet; never ``maybe_applied``.
        HostRefused
            If the token URL is not on a host of the registration.
        """
        asked_at = to_milliseconds(self._clock.now())
        chosen = self._signer.chosen(platform)
        assertion = self._assertion(platform, chosen.key, asked_at // 1000)
        reply = self._sent(platform, assertion, deadline)
        answer = _object_in(reply)
        if not reply.is_success or "error" in answer:
            raise _refusal(platform, reply, answer, assertion, settled=chosen.settled)
        value = answer.get("access_token")
        if not isinstance(value, str) or not _fits_a_header(value):
            raise PlatformUnavailable(
                "token endpoint: no token in the answer",
                maybe_applied=False,
                status=reply.status,
                cause=Trouble.TOKEN,
            )
        return AccessToken(value, asked_at + 1000 * _life(answer.get("expires_in")))

    def _sent(self, platform: Platform, assertion: str, deadline: Deadline) -> Reply:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
            "scope": " ".join(SCOPES),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        content = urlencode(form).encode("ascii")
        try:
            return self._transport.send(platform, "POST", platform.token_url, headers, content, deadline)
        except PlatformUnavailable as failure:  # a token more or less: no score was sent yet
            raise PlatformUnavailable(
                f"token endpoint: {failure.reason}",
                maybe_applied=False,
                status=failure.status,
                cause=Trouble.OURS if failure.cause is Trouble.OURS else Trouble.TOKEN,
            ) from failure

    def _assertion(self, platform: Platform, key: SigningKey, now: int) -> str:
        issued = now - BACKDATED
        return self._signer.sign(
            {
                "iss": platform.client_id,
                "sub": platform.client_id,
                "aud": platform.audience,
                "iat": issued,
                "exp": issued + ASSERTION_LIFE,
                "jti": self._unguessable(),
            },
            key,
        )


def _object_in(reply: Reply) -> dict[str, object]:
    """Read the answer as a JSON object whatever its type says (Moodle 4.5, Token endpoint: text/html)."""
    try:
        parsed = reply.json()
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _fits_a_header(token: str) -> bool:
    return token.isascii() and token.isprintable() and token != "" and " " not in token


def _life(expires_in: object) -> int:
    """Return the seconds that a token lives: a number or a numeric text; 3600 where there is none."""
    try:
        seconds = Decimal(expires_in) if isinstance(expires_in, str | Decimal) else Decimal(0)
    except InvalidOperation:
        return USUAL_LIFE
    if not seconds.is_finite() or seconds < 1:
        return USUAL_LIFE
    return LONGEST_LIFE if seconds > LONGEST_LIFE else int(seconds)


def _refusal(
    platform: Platform, reply: Reply, answer: dict[str, object], assertion: str, *, settled: bool
) -> PlatformError:
    """Make the error of a token endpoint's answer (RFC 6749, section 5.2; Canvas AGS, section 1)."""
    words = words_of(reply, assertion)
    passing = contains(words, PROFILES[platform.profile].passing_token_errors)
    throttled = is_throttled(reply)
    if reply.status >= 500 or reply.status == 408 or throttled or passing:
        cause = Trouble.THROTTLED if throttled else Trouble.TOKEN
        return PlatformUnavailable(f"token endpoint: {words}", maybe_applied=False, status=reply.status, cause=cause)
    if answer.get("error") == "invalid_scope":
        asked = ", ".join(scope.rpartition("/")[2] for scope in SCOPES)
        return PlatformRefused(
            RefusalKind.SCOPE_MISSING, reply.status, f"scopes asked for: {asked}; {words}"[:LONGEST_WORDS]
        )
    if not settled:  # the platform has a cached key set, or was just given the next key: it will know our signature
        return PlatformUnavailable(
            f"token endpoint: {KEY_CHANGING}; {words}", maybe_applied=False, status=reply.status, cause=Trouble.TOKEN
        )
    return PlatformRefused(RefusalKind.TOOL_MISMATCH, reply.status, f"token endpoint: {words}"[:LONGEST_WORDS])
