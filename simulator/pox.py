"""The XML of LTI 1.1 outcomes: a lenient reader and a writer in Canvas's shape.

Canvas LTI 1.1 outcomes, sections 3.9 and 7.1.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

NAMESPACE = "http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0"
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._:-]+)["']""")
# Encoding names that Ruby knows; "utf8" is not one of them.
_RUBY_ENCODINGS = re.compile(
    r"utf-(?:8|16|16le|16be|32|32le|32be|7)|us-ascii|ascii|ascii-8bit|binary|ansi_x3\.4-1968|iso-?8859-(?:[1-9]|1[0-6])"
    r"|windows-(?:125[0-8]|31j|874)|cp(?:125[0-8]|437|65001|850|852|855|932|936|949|950)|shift_jis|sjis|euc-jp|eucjp"
    r"|euc-kr|euckr|euc-tw|gbk|gb2312|gb18030|big5|koi8-r|koi8-u|iso-2022-jp|macroman",
    re.IGNORECASE,
)


class UnknownEncodingError(Exception):
    """The document declares an encoding that Ruby does not know."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request's XML as far as it could be read."""

    _root: etree._Element | None

    @property
    def _default_namespace(self) -> str | None:
        return None if self._root is None else self._root.nsmap.get(None)

    def _name(self, local: str) -> str:
        # Canvas matches in the document's default namespace, so a prefixed document matches nothing.
        namespace = self._default_namespace
        return f"{{{namespace}}}{local}" if namespace else local

    def _anywhere(self, start: etree._Element | None, local: str) -> etree._Element | None:
        return None if start is None else next(start.iter(self._name(local)), None)

    @property
    def _body(self) -> etree._Element | None:
        return self._anywhere(self._root, "imsx_POXBody")

    @property
    def operation(self) -> str:
        """Name of the first element in the body without a final ``Request``, empty when there is none."""
        if self._body is None:
            return ""
        first = next(self._body.iterchildren(tag=etree.Element), None)
        return "" if first is None else etree.QName(first).localname.removesuffix("Request")

    @property
    def message_id(self) -> str:
        """The request's message identifier, empty when absent."""
        header = self._anywhere(self._root, "imsx_POXHeader")
        return _content(self._anywhere(header, "imsx_messageIdentifier")) or ""

    @property
    def sourcedid(self) -> str:
        """The first ``sourcedGUID > sourcedId`` of the body, empty when absent."""
        if self._body is None:
            return ""
        for parent in self._body.iter(self._name("sourcedGUID")):
            child = parent.find(self._name("sourcedId"))
            if child is not None:
                return _content(child) or ""
        return ""

    def text_at(self, *path: str) -> str | None:
        """Give the content at this path, child by child from the body, None when there is no such element."""
        for element in self._elements(path):
            return _content(element)
        return None

    def _elements(self, path: tuple[str, ...]) -> list[etree._Element]:
        if self._body is None:
            return []
        return self._body.findall("/".join(self._name(local) for local in path))


def _content(element: etree._Element | None) -> str | None:
    return None if element is None else "".join(_texts(element))


def _texts(element: etree._Element) -> Iterator[str]:
    """Give the pieces of an element's text; comments and the document's own entities are not part of it."""
    yield element.text or ""
    for child in element:
        if isinstance(child.tag, str):
            yield from _texts(child)
        yield child.tail or ""


def read(body: bytes) -> Envelope:
    """Read a request's XML as far as it goes; no entities, no network.

    Raises
    ------
    UnknownEncodingError
        with the name of the encoding
    """
    declared = _DECLARED.match(body)
    if declared and not _RUBY_ENCODINGS.fullmatch(declared.group(1).decode()):
        raise UnknownEncodingError(declared.group(1).decode())
    parser = etree.XMLParser(recover=True, resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return Envelope(etree.fromstring(body, parser))
    except (etree.XMLSyntaxError, ValueError):
        return Envelope(None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the response tells; ``score`` is the text of a readResult, None elsewhere."""

    code_major: str
    operation: str = ""
    message_id: str = ""
    description: str = ""
    error_code: str | None = None
    score: str | None = None


def write(answer: Answer) -> bytes:
    """Write the response's XML."""
    root = etree.Element("imsx_POXEnvelopeResponse", nsmap={None: NAMESPACE})
    header = etree.SubElement(etree.SubElement(root, "imsx_POXHeader"), "imsx_POXResponseHeaderInfo")
    etree.SubElement(header, "imsx_version").text = "V1.0"
    etree.SubElement(header, "imsx_messageIdentifier")
    status = etree.SubElement(header, "imsx_statusInfo")
    for name, text in (
        ("imsx_codeMajor", answer.code_major),
        ("imsx_severity", "status"),
        ("imsx_description", answer.description),
        ("imsx_messageRefIdentifier", answer.message_id),
        ("imsx_operationRefIdentifier", answer.operation),
    ):
        etree.SubElement(status, name).text = printable(text)
    if answer.error_code is not None:
        etree.SubElement(status, "ext_canvas_error_code").text = answer.error_code
    body = etree.SubElement(root, "imsx_POXBody")
    if answer.code_major != "unsupported":
        response = etree.SubElement(body, f"{answer.operation}Response")
        if answer.score is not None:
            score = etree.SubElement(etree.SubElement(response, "result"), "resultScore")
            etree.SubElement(score, "language").text = "en"
            etree.SubElement(score, "textString").text = answer.score
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def printable(text: str) -> str:
    """Leave out what XML cannot carry."""
    return "".join(
        letter for letter in text if letter in "\t\n\r" or (letter >= " " and not "\ud800" <= letter <= "\udfff")
    ).translate({0xFFFE: None, 0xFFFF: None})
