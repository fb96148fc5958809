"""An outcome as a legacy tool makes it: the POX or the form, signed, posted, and its answer read.

Nothing here is shared with the service that takes outcomes, so that ``passback send`` can judge it.
"""

import re
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from passback.failures import CommandFailed
from passback.parameters import LOOPBACK

if TYPE_CHECKING:
    from lxml.etree import _Element

NAMESPACE = "http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0"
XML_TYPE = "application/xml"
FORM_TYPE = "application/x-www-form-urlencoded"
REFERENCE_HEADER = "X-Passback-Reference"
_FORM_MESSAGES = {
    "replaceResult": "basic-lis-updateresult",
    "readResult": "basic-lis-readresult",
    "deleteResult": "basic-lis-deleteresult",
}


@dataclass(frozen=True, slots=True)
class OutcomeMessage:
    """What is sent; texts go out as they are, right or wrong (Canvas LTI 1.1 outcomes, section 3)."""

    operation: str
    sourcedid: str
    message_identifier: str
    score: str | None = None
    total: str | None = None
    data: tuple[tuple[str, str], ...] = ()
    """Children of ``resultData``: element name and text."""
    submitted_at: str | None = None
    prioritize_non_tool_grade: bool = False
    needs_additional_review: bool = False

    @property
    def has_details(self) -> bool:
        """Tell whether there are submissionDetails."""
        return self.submitted_at is not None or self.prioritize_non_tool_grade or self.needs_additional_review


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request, ready to be posted."""

    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class OutcomeAnswer:
    """What the tool reads in the answer. ``code_major`` is empty when the answer is neither POX nor the form's."""

    status: int
    code_major: str
    description: str
    error_code: str | None
    score: str | None
    reference: str | None
    body: str

    @property
    def succeeded(self) -> bool:
        """Tell whether the tool is told success."""
        return self.code_major.lower() == "success"


def new_message_identifier() -> str:
    """Make up a message identifier."""
    return uuid.uuid4().hex


def write_pox(message: OutcomeMessage) -> str:
    """Write the POX of a message.

    Raises
    ------
    CommandFailed
        If a text has characters that XML cannot hold.
    """
    from lxml import etree

    root = etree.Element(f"{{{NAMESPACE}}}imsx_POXEnvelopeRequest", nsmap={None: NAMESPACE})
    try:
        info = _below(root, "imsx_POXHeader", "imsx_POXRequestHeaderInfo")
        _text(info, "imsx_version", "V1.0")
        _text(info, "imsx_messageIdentifier", message.message_identifier)
        request = _below(root, "imsx_POXBody", f"{message.operation}Request")
        if message.has_details:
            _write_details(_below(request, "submissionDetails"), message)
        record = _below(request, "resultRecord")
        _text(_below(record, "sourcedGUID"), "sourcedId", message.sourcedid)
        _write_result(record, message)
    except ValueError:
        raise CommandFailed("usage", "A text holds control characters, which XML cannot carry.", 2) from None
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return declaration + etree.tostring(root, encoding="unicode")


def _write_details(details: "_Element", message: OutcomeMessage) -> None:
    if message.submitted_at is not None:
        _text(details, "submittedAt", message.submitted_at)
    if message.prioritize_non_tool_grade:
        _below(details, "prioritizeNonToolGrade")
    if message.needs_additional_review:
        _below(details, "needsAdditionalReview")


def _write_result(record: "_Element", message: OutcomeMessage) -> None:
    if message.score is None and message.total is None and not message.data:
        return
    result = _below(record, "result")
    for name, text in (("resultScore", message.score), ("resultTotalScore", message.total)):
        if text is not None:
            score = _below(result, name)
            _text(score, "language", "en")
            _text(score, "textString", text)
    if message.data:
        data = _below(result, "resultData")
        for name, text in message.data:
            _text(data, name, text)


def _below(parent: "_Element", *names: str) -> "_Element":
    from lxml import etree

    for name in names:
        parent = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    return parent


def _text(parent: "_Element", name: str, text: str) -> None:
    _below(parent, name).text = text


def write_form(message: OutcomeMessage) -> str:
    """Write the form of a message (Canvas LTI 1.1 outcomes, section 9)."""
    fields = {"lti_message_type": _FORM_MESSAGES[message.operation], "sourcedid": message.sourcedid}
    if message.score is not None:
        fields["result_resultscore_textstring"] = message.score
    return urlencode(fields)


def sign(url: str, body: str, content_type: str, key: str, secret: str, *, sha256: bool = False) -> SignedRequest:
    """Sign a body for a URL as a tool does: OAuth 1.0a in the Authorization header, with a body hash for XML."""
    from oauthlib.oauth1 import SIGNATURE_HMAC_SHA1, SIGNATURE_HMAC_SHA256, Client

    method = SIGNATURE_HMAC_SHA256 if sha256 else SIGNATURE_HMAC_SHA1
    client = Client(key, client_secret=secret, signature_method=method)
    try:
        _, headers, signed = client.sign(url, "POST", body, {"Content-Type": content_type})
    except ValueError as error:
        raise CommandFailed("usage", f"This cannot be signed: {error}.", 2) from None
    return SignedRequest(url, dict(headers), (signed or "").encode("utf-8"))


def post(request: SignedRequest) -> OutcomeAnswer:
    """Post a signed request and read the answer.

    Raises
    ------
    CommandFailed
        If nothing answers.
    """
    import httpx

    # A proxy in the environment is for other machines; the local stack listens on loopback.
    through_proxies = urlsplit(request.url).hostname not in LOOPBACK
    try:
        with httpx.Client(trust_env=through_proxies, timeout=30.0) as client:
            response = client.post(request.url, content=request.body, headers=request.headers)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CommandFailed(
            "no_answer", f"{request.url} gave no answer: {error or type(error).__name__}. Is the address right?"
        ) from None
    return read_answer(response.status_code, response.content, response.headers.get(REFERENCE_HEADER))


def read_answer(status: int, body: bytes, named: str | None = None) -> OutcomeAnswer:
    """Read an answer in either form, as tools do: by element names, wherever they are.

    ``named``: the reference in the answer's header, which stands for itself where the description has none.
    """
    from lxml import etree

    text = body.decode("utf-8", "replace")
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return OutcomeAnswer(status, "", "", None, None, named, text)

    def found(*names: str) -> str | None:
        for name in names:
            element = root.find(f".//{{*}}{name}")
            if element is not None:
                return element.text or ""
        return None

    description = found("imsx_description", "description") or ""
    reference = re.search(r"\[EID_(\d+)\]", description)
    return OutcomeAnswer(
        status=status,
        code_major=found("imsx_codeMajor", "codemajor") or "",
        description=description,
        error_code=found("ext_canvas_error_code"),
        score=found("textString", "textstring"),
        reference=reference.group(1) if reference else named,
        body=text,
    )
