"""The tools' XML, read into an envelope: hardened, by local name, each element only where Canvas looks for it."""

import re
from collections.abc import Iterator
from typing import NoReturn

from lxml import etree

from chalicelib.errors import OutcomeUnsupported
from chalicelib.lti11.messages import DataKind, Envelope, Operation, ResultData

DEEPEST_NESTING = 256  # libxml2's own limit of many years; an outcome needs 8
_LONGEST_ENCODING_NAME = 40

_BLANKS_BEFORE_XML = re.compile(rb"[ \t\r\n]+(?=<)")
_DECLARED_ENCODING = re.compile(r"""\ufeff?<\?xml\s[^>]*?\bencoding\s*=\s*(?:"([^"<>]*)"|'([^'<>]*)')""", re.ASCII)
# The names that Canvas knows, Ruby's: "utf8" and "latin1" are not among them, although XML libraries take both.
_KNOWN_ENCODING = re.compile(
    r"utf-8|utf-16(?:le|be)?|us-ascii|ascii|iso-?8859-(?:[1-9]|1[013-6])|(?:windows-|cp)125[0-8]"
    r"|shift_jis|euc-(?:jp|kr)|iso-2022-jp|gb2312|gbk|gb18030|big5|koi8-[ru]|tis-620",
    re.ASCII | re.IGNORECASE,
)
_SOURCED_PARENTS = frozenset({"sourcedGUID", "sourceGUID"})  # one old library writes the second

Element = etree._Element  # lxml gives its element class no other name


def read_envelope(body: bytes) -> Envelope:
    """Read one POX request (Canvas LTI 1.1 outcomes, section 3.9). Texts are as sent, nothing is judged.

    A well-formed document without a known operation is an envelope too, with whatever operation name it has.

    Raises
    ------
    OutcomeUnsupported
        For an empty body, XML that is not well formed, an unknown declared encoding, a DOCTYPE, or nesting without
        end. Nothing is recovered from damaged XML.
    """
    root = _parse(body)
    # Canvas takes the first imsx_POXBody in document order, wherever it is; all that follows is read from that one.
    pox_body = next(_named(root, "imsx_POXBody"), None)
    operation = next(iter(pox_body), None) if pox_body is not None else None
    operation_element_name = "" if operation is None else _local_name(operation)
    envelope = Envelope(
        message_identifier=_message_identifier(root),
        operation_name=operation_element_name.removesuffix("Request"),
        sourcedid=None if pox_body is None else _sourcedid(pox_body),
    )
    if operation is None or operation_element_name != f"{Operation.REPLACE_RESULT}Request":
        return envelope
    return _read_replace_result(envelope, operation)


def _read_replace_result(envelope: Envelope, request: Element) -> Envelope:
    details = _child(request, "submissionDetails")
    return Envelope(
        message_identifier=envelope.message_identifier,
        operation_name=envelope.operation_name,
        sourcedid=envelope.sourcedid,
        result_score=_text(_descend(request, "resultRecord", "result", "resultScore", "textString")),
        total_score=_text(_descend(request, "resultRecord", "result", "resultTotalScore", "textString")),
        data=_result_data(_descend(request, "resultRecord", "result", "resultData")),
        submitted_at=_text(_child(details, "submittedAt")),
        # Presence is enough, even around the text "false" (Canvas LTI 1.1 outcomes, section 4.5).
        prioritize_non_tool_grade=_child(details, "prioritizeNonToolGrade") is not None,
        needs_additional_review=_child(details, "needsAdditionalReview") is not None,
    )


def _result_data(parent: Element | None) -> ResultData | None:
    """Pick the one kind of data that counts; an empty element is there (Canvas LTI 1.1 outcomes, section 4.2)."""
    text, url, download_url, document_name, launch_url = (
        _text(_child(parent, name)) for name in ("text", "url", "downloadUrl", "documentName", "ltiLaunchUrl")
    )
    if text is not None:
        return ResultData(DataKind.TEXT, text)
    if url is not None:
        return ResultData(DataKind.URL, url)
    if download_url is not None and document_name is not None:
        return ResultData(DataKind.FILE, download_url, document_name)
    if launch_url is not None:
        return ResultData(DataKind.LTI_LAUNCH_URL, launch_url)
    return None


def _message_identifier(root: Element) -> str:
    # Under the first header only: headers nested in headers would have their content searched again and again.
    header = next(_named(root, "imsx_POXHeader"), None)
    return "" if header is None else _text(next(_named(header, "imsx_messageIdentifier"), None)) or ""


def _sourcedid(pox_body: Element) -> str | None:
    for candidate in _named(pox_body, "sourcedId"):
        parent = candidate.getparent()
        if parent is not None and _local_name(parent) in _SOURCED_PARENTS:
            return _text(candidate)
    return None


def _named(element: Element, name: str) -> Iterator[Element]:
    return (found for found in element.iter() if _local_name(found) == name)


def _descend(element: Element | None, *names: str) -> Element | None:
    for name in names:
        element = _child(element, name)
    return element


def _child(parent: Element | None, name: str) -> Element | None:
    if parent is None:
        return None
    return next((child for child in parent if _local_name(child) == name), None)


def _text(element: Element | None) -> str | None:
    """Return all text inside, of elements inside too, as Nokogiri's ``content`` gives it to Canvas."""
    return None if element is None else "".join(element.itertext())


def _local_name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


class _Builder:
    """Builds the tree as the parser goes, and stops it at the first thing that an outcome must not have.

    Comments and processing instructions never reach the tree, so the text on both sides of one is one text.
    """

    def __init__(self) -> None:
        self.refusal: str | None = None
        self._builder = etree.TreeBuilder()
        self._depth = 0

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEEPEST_NESTING:
            self._refuse("nested too deeply")
        self._builder.start(tag, {})  # an outcome has no attribute that matters, and many of them would cost

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._builder.end(tag)

    def data(self, data: str) -> None:
        self._builder.data(data)

    def doctype(self, _name: str, _public: str | None, _system: str | None) -> None:
        self._refuse("a document type is not allowed")

    def _refuse(self, reason: str) -> NoReturn:
        # Kept here, because lxml closes the builder on the way out and so raises its own error instead.
        self.refusal = reason
        raise ValueError(reason)

    def close(self) -> Element:
        return self._builder.close()


def _parse(body: bytes) -> Element:
    # A blank line before the declaration is damage by the letter, but Canvas reads on, and templates leave one.
    content = _BLANKS_BEFORE_XML.sub(b"", body, count=1) if _BLANKS_BEFORE_XML.match(body) else body
    if not content:
        raise OutcomeUnsupported("Invalid XML: the body is empty")
    _check_declared_encoding(content)
    builder = _Builder()
    # The stub wants a target with every method; lxml calls those that are there, and skips comments without one.
    parser = etree.XMLParser(  # type: ignore[call-overload]
        target=builder, resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, recover=False
    )
    try:
        root: Element = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, LookupError, ValueError, AssertionError):
        raise OutcomeUnsupported(f"Invalid XML: {builder.refusal or 'not well formed'}") from None
    return root


def _check_declared_encoding(content: bytes) -> None:
    declaration = _DECLARED_ENCODING.match(_beginning(content))
    if declaration is None:
        return
    name = declaration[1] or declaration[2] or ""
    if not _KNOWN_ENCODING.fullmatch(name):
        raise OutcomeUnsupported(f"Invalid XML: unknown encoding name - {name[:_LONGEST_ENCODING_NAME]}")


def _beginning(content: bytes) -> str:
    """Decode as much as the XML declaration needs, in the family that its first bytes show (XML 1.0, appendix F)."""
    start = content[:400]
    if start.startswith((b"\xff\xfe", b"<\0")):
        return start.decode("utf-16-le", "replace")
    if start.startswith((b"\xfe\xff", b"\0<")):
        return start.decode("utf-16-be", "replace")
    return start.decode("utf-8", "replace")
