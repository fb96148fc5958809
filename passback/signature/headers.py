"""What to do about an Authorization header that cannot be read."""

from chalicelib.errors import RequestRefused
from passback.signature.capture import CapturedRequest

_BY_REASON = (
    (
        "signature method",
        "Set the tool to HMAC-SHA1 or HMAC-SHA256. PLAINTEXT and the RSA methods are never taken.",
    ),
    (
        "no Authorization header",
        "Send the OAuth parameters in the Authorization header; look for a proxy that takes it away.",
    ),
    ("several Authorization headers", "Send one Authorization header; look for a proxy that adds its own."),
    (
        "not an OAuth Authorization header",
        'It begins with "OAuth " in exactly these letters; look for a proxy with a login.',
    ),
    ("repeated in the query", "Send each OAuth parameter once: in the header, not in the URL's query as well."),
    ("repeated", "Send each OAuth parameter once."),
    ("missing", "Send every OAuth parameter: consumer key, signature method, timestamp, nonce and signature."),
    ("oauth_timestamp", "Send whole seconds since 1970."),
    ("oauth_version", "Send oauth_version 1.0 or none."),
    ("percent-encoded", "Percent-encode every value in the header (RFC 5849, section 3.6)."),
    ("UTF-8", "Percent-encode values as UTF-8 (RFC 5849, section 3.6)."),
)


def header_remedy(capture: CapturedRequest, refusal: RequestRefused) -> str:
    """Say what to do about a refused header; never repeats what is in it."""
    if "no Authorization header" in refusal.reason:
        if "oauth_signature" in capture.target:
            return "The OAuth parameters are in the URL: this door takes them in the Authorization header only."
        if b"oauth_signature=" in capture.body:
            return "The OAuth parameters are in the body: this door takes them in the Authorization header only."
    found = next((remedy for part, remedy in _BY_REASON if part in refusal.reason), None)
    return found or "Write the header as RFC 5849, section 3.5.1, has it."
