"""Goes through a captured request in the order of the doors' own checks, and says of each fault what to do."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from chalicelib.delivery.reception import LARGEST_BODY
from chalicelib.errors import RequestRefused
from chalicelib.lti11.authorization import Authorization, SignatureMethod
from chalicelib.lti11.signature import verify_signature
from chalicelib.lti11.tools import Tool
from passback.check import Check, failed_check, ok_check, skipped_check
from passback.signature.bodies import BodyHash, compare
from passback.signature.capture import CapturedRequest
from passback.signature.faults import body_check, sentence, time_check, type_check
from passback.signature.headers import header_remedy
from passback.signature.mistakes import Key, Mistake, key_mistakes, parameter_mistakes, url_mistakes
from passback.signature.request import ReadRequest, incoming_of, read_request
from passback.signature.search import search
from passback.signature.signing import ReceivedSignature, Signing, first_difference, signing_key

if TYPE_CHECKING:
    from chalicelib.services import Services

OTHER_TOOLS = 100
"""Tools whose secrets are tried: each is opened for it."""
_FORWARDED = ("x-forwarded-host", "x-original-host", "x-forwarded-server", "forwarded")


@dataclass(frozen=True, slots=True)
class Known:
    """What the operator tells besides the capture. ``received_at``: milliseconds, None if nobody knows."""

    received_at: int | None = None
    tool_url: str | None = None
    tool_secret: str | None = None

    def __repr__(self) -> str:
        """Leave the secret out."""
        return f"Known(received_at={self.received_at!r}, tool_url={self.tool_url!r})"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was found. ``ours`` and ``tools`` are signings; the tool's is None when it is right, or not explained."""

    checks: tuple[Check, ...]
    causes: tuple[Mistake, ...] = ()
    ours: Signing | None = None
    tools: Signing | None = None
    body_hash: BodyHash | None = None


def explain(services: "Services", capture: CapturedRequest, known: Known, now: datetime) -> Explanation:
    """Check a captured request as the doors would have, and explain what does not fit."""
    door, incoming = incoming_of(capture, services.settings.public_urls, local=services.settings.is_local)
    checks = list(_request_checks(capture))
    try:
        request = read_request(door, incoming)
    except RequestRefused as refusal:
        checks.append(failed_check("Authorization header", sentence(refusal.reason), header_remedy(capture, refusal)))
        return Explanation(tuple(checks))
    authorization = request.authorization
    checks.append(ok_check("Authorization header", f"{authorization.signature_method}, well formed."))
    tool = services.tools.get(authorization.consumer_key)
    checks.append(_key_check(services, authorization, tool))
    signature, causes, ours, tools = _signature(services, capture, request, tool, known)
    body_hash = compare(
        capture.body,
        authorization.body_hash,
        sha256_counts=authorization.signature_method is SignatureMethod.HMAC_SHA256,
    )
    checks.append(signature)
    checks.append(body_check(request, body_hash, tool))
    checks.append(time_check(services, authorization, known.received_at, now))
    checks.extend(type_check(request))
    if body_hash.mistake is not None:
        causes = (*causes, body_hash.mistake)
    return Explanation(tuple(checks), causes, ours, tools, body_hash)


def _request_checks(capture: CapturedRequest) -> Iterator[Check]:
    notes = " ".join(capture.notes)
    if capture.method.upper() != "POST":
        yield failed_check("request", f"{capture.method}, not POST.", "Outcomes are sent by POST; look for a redirect.")
    elif len(capture.body) > LARGEST_BODY:
        yield failed_check("request", f"{len(capture.body)} bytes.", f"A request may have {LARGEST_BODY} bytes.")
    elif any("Content-Length says" in note for note in capture.notes):
        yield skipped_check("request", notes, "Capture it again as raw bytes if the body hash does not fit.")
    else:
        yield ok_check("request", f"POST {capture.path} at {capture.host}, {len(capture.body)} bytes. {notes}".strip())


def _key_check(services: "Services", authorization: Authorization, tool: Tool | None) -> Check:
    key = authorization.consumer_key
    if tool is not None:
        number = len(tool.secrets)
        return ok_check(
            "consumer key", f"{key!r} is registered, with {number} live {'secret' if number == 1 else 'secrets'}."
        )
    near = next((each.consumer_key for each in _some_tools(services) if _alike(each.consumer_key, key)), None)
    hint = "" if near is None else f" There is {near!r}, which differs in blanks or capital letters."
    return failed_check(
        "consumer key",
        f"No tool has the consumer key {key!r}.{hint}",
        "Enter the registered key in the tool, or register this one: `passback tool add`.",
    )


def _signature(
    services: "Services", capture: CapturedRequest, request: ReadRequest, tool: Tool | None, known: Known
) -> tuple[Check, tuple[Mistake, ...], Signing | None, Signing | None]:
    authorization, secrets = request.authorization, () if tool is None else tool.secrets
    right = request.signings()
    try:
        url = verify_signature("POST", request.incoming.urls, authorization, request.fields, secrets)
    except RequestRefused as refusal:
        return failed_check("signature", sentence(refusal.reason), header_remedy(capture, refusal)), (), None, None
    if url is not None:
        return ok_check("signature", f"It is right, for {url.partition('?')[0]}"), (), right[0] if right else None, None
    received = ReceivedSignature.of(authorization.signature)
    found = search(
        received,
        authorization.signature_method,
        url_mistakes([*right, *_told_url(right, known)], _hosts(services, capture)),
        parameter_mistakes(capture.body, is_form=bool(request.fields)),
        _keys(services, authorization.consumer_key, secrets, known),
    )
    if found is None:
        return _unexplained(received, authorization, tool), (), right[0] if right else None, None
    ours = _nearest(right, found.signing)
    if not found.mistakes:  # the operator's own URL: the tool signs rightly, for an address that we do not know
        mistake = Mistake("url", f"for {found.signing.uri}", "Add that URL's base to PASSBACK_PUBLIC_URLS.")
        return _explained((mistake,)), (mistake,), ours, found.signing
    return _explained(found.mistakes), found.mistakes, ours, found.signing


def _explained(mistakes: Sequence[Mistake]) -> Check:
    said = ", and ".join(mistake.said for mistake in mistakes)
    return failed_check(
        "signature", f"The tool signed {said}.", " ".join(dict.fromkeys(each.remedy for each in mistakes))
    )


def _unexplained(received: ReceivedSignature, authorization: Authorization, tool: Tool | None) -> Check:
    length = received.length
    named = {20: "HMAC-SHA1", 32: "HMAC-SHA256", 64: "HMAC-SHA512"}
    if length is None:
        shape = " It is not even base64."
    elif length not in named:
        shape = (
            f" It has {length} bytes, as many as no HMAC has: it is damaged, or another method's (RSA has 128 or more)."
        )
    elif named[length] != authorization.signature_method:
        shape = f" It has the length of {named[length]}, while the header says {authorization.signature_method}."
    else:
        shape = ""
    of = "" if tool is None else f" with a secret of {authorization.consumer_key!r}"
    return failed_check(
        "signature",
        f"No known mistake gives it{of}.{shape}",
        "Most likely the tool has another secret: enter it again, or give both a new one with `passback tool rotate`. "
        "--secret-stdin tries the one that the tool has, --tool-url the URL. Otherwise compare the base string with "
        "the one in the tool's log.",
    )


def _keys(services: "Services", consumer_key: str, secrets: Sequence[str], known: Known) -> Iterator[Key]:
    others = (
        (f"the tool {tool.consumer_key!r}", secret)
        for tool in _some_tools(services)
        if tool.consumer_key != consumer_key
        for secret in tool.secrets
    )
    yield from key_mistakes(consumer_key, secrets, others)
    if known.tool_secret is not None:
        advice = "The tool has a secret that is not registered: enter it again, or rotate (`passback tool rotate`)."
        yield Key(
            Mistake("secret_given", "with the secret from standard input, which is not a live one", advice),
            signing_key(known.tool_secret),
        )


def _told_url(right: Sequence[Signing], known: Known) -> list[Signing]:
    if known.tool_url is None or not right:
        return []
    parts = urlsplit(known.tool_url)
    uri = f"{parts.scheme.lower()}://{parts.netloc.lower()}{parts.path or '/'}"
    return [Signing("POST", uri, right[0].oauth, right[0].query, right[0].fields)]


def _hosts(services: "Services", capture: CapturedRequest) -> list[str]:
    """Give the hosts that a tool may have signed for: ours, those of proxies, and the platforms that it knew before."""
    ours = [urlsplit(url).netloc for url in services.settings.public_urls]
    proxies = [value.partition(",")[0].strip() for name in _FORWARDED for value in capture.header(name)]
    platforms = [host for platform in islice(services.platforms.list(), OTHER_TOOLS) for host in platform.hosts]
    return [*ours, *proxies, *platforms, "localhost"]


def _some_tools(services: "Services") -> Iterator[Tool]:
    return islice(services.tools.list(), OTHER_TOOLS)


def _alike(one: str, other: str) -> bool:
    return "".join(one.split()).casefold() == "".join(other.split()).casefold()


def _nearest(right: Sequence[Signing], tools: Signing) -> Signing | None:
    """Return the signing of ours that agrees longest with the tool's."""

    def agreement(signing: Signing) -> int:
        at = first_difference(signing.base_string, tools.base_string)
        return len(tools.base_string) + 1 if at is None else at

    return max(right, key=agreement, default=None)
