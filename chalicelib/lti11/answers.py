"""What a tool is answered, as POX: Canvas's shape, codes and texts, built as a tree and never from strings."""

import re

from lxml import etree

from chalicelib.errors import OutcomeFailure, OutcomeUnsupported
from chalicelib.lti11.messages import LONGEST_ECHO, Answer, CodeMajor, Operation

NAMESPACE = "http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0"
UNSUPPORTED_DESCRIPTION = "Request could not be handled. ¯\\_(ツ)_/¯"

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SUCCESS = re.compile("(s)u(ccess)", re.IGNORECASE)

Element = etree._Element  # lxml gives its element class no other name


def answer_failure(failure: OutcomeFailure) -> Answer:
    """Turn a failure into the answer that tells it."""
    return Answer(CodeMajor.FAILURE, failure.description, failure.code)


def answer_unsupported(unsupported: OutcomeUnsupported) -> Answer:
    """Turn an unsupported request into the answer that tells it; the description is the detail alone."""
    return Answer(CodeMajor.UNSUPPORTED, unsupported.detail)


def failure_status(answer: Answer, tool_failure_status: int) -> int:
    """Return the HTTP status of an answer: 200, or what the tool is told on failure (Canvas says 422)."""
    return 200 if answer.succeeded else tool_failure_status


def write_pox(answer: Answer, *, message_ref: str, operation: str, reference: str | None) -> str:
    """Write an answer as a POX response (Canvas LTI 1.1 outcomes, section 7.1).

    ``message_ref`` is the request's message identifier, ``operation`` its operation name without ``Request``;
    ``reference`` are the digits of the reference id, which only failures show.
    """
    succeeded = answer.succeeded
    shown_operation = _echo(operation, masked=not succeeded)
    envelope, body = _envelope(
        code=answer.code,
        description=answer.description if succeeded else _failure_description(answer, reference),
        message_ref=_echo(message_ref, masked=not succeeded),
        operation_ref=shown_operation,
        error_code=answer.error_code if answer.code is CodeMajor.FAILURE else None,
    )
    if answer.code is not CodeMajor.UNSUPPORTED:
        _append_response(body, shown_operation, answer.score_text if succeeded else None)
    return _write(envelope)


def write_transport_failure(message: str, reference: str) -> str:
    """Write a refusal that comes before any outcome (401, 404, 405, 413, 415, 500) as POX.

    Named deviation from Canvas, which answers these as JSON: tools parse XML.
    """
    description = _failure_description(Answer(CodeMajor.FAILURE, message), reference)
    envelope, _ = _envelope(CodeMajor.FAILURE, description, message_ref="", operation_ref="", error_code=None)
    return _write(envelope)


def mask_success(text: str) -> str:
    """Make every "success" unfindable and still readable: some tools search a whole answer for the word."""
    return _SUCCESS.sub(r"\1-\2", text)


def plain_text(text: str) -> str:
    """Replace the characters that XML cannot hold."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _failure_description(answer: Answer, reference: str | None) -> str:
    parts = [answer.description] if answer.description else []
    if answer.code is CodeMajor.UNSUPPORTED:
        parts.insert(0, UNSUPPORTED_DESCRIPTION)
    if reference is not None:
        parts.append(f"[EID_{reference}]")
    return mask_success("\n".join(parts))


def _envelope(
    code: CodeMajor, description: str, message_ref: str, operation_ref: str, error_code: str | None
) -> tuple[Element, Element]:
    """Build the envelope and its empty body. The order stays: clients find elements by path and by pattern."""
    envelope = etree.Element(f"{{{NAMESPACE}}}imsx_POXEnvelopeResponse", nsmap={None: NAMESPACE})
    information = _append(_append(envelope, "imsx_POXHeader"), "imsx_POXResponseHeaderInfo")
    _append(information, "imsx_version", "V1.0")
    _append(information, "imsx_messageIdentifier", "")
    status = _append(information, "imsx_statusInfo")
    _append(status, "imsx_codeMajor", code)
    _append(status, "imsx_severity", "status")
    _append(status, "imsx_description", description)
    _append(status, "imsx_messageRefIdentifier", message_ref)
    _append(status, "imsx_operationRefIdentifier", operation_ref)
    if error_code is not None:
        _append(status, "ext_canvas_error_code", error_code)
    return envelope, _append(envelope, "imsx_POXBody")


def _append_response(body: Element, operation: str, score_text: str | None) -> None:
    if not operation:
        return
    try:
        response = _append(body, f"{operation}Response")
    except ValueError:  # not a name that XML can hold, so it did not come from XML
        return
    if operation == Operation.READ_RESULT and score_text is not None:
        score = _append(_append(response, "result"), "resultScore")
        _append(score, "language", "en")
        _append(score, "textString", score_text)


def _append(parent: Element, name: str, text: str | None = None) -> Element:
    child = etree.SubElement(parent, f"{{{NAMESPACE}}}{name}")
    child.text = None if text is None else plain_text(text)
    return child


def _echo(text: str, *, masked: bool) -> str:
    return mask_success(text[:LONGEST_ECHO]) if masked else text[:LONGEST_ECHO]


def _write(envelope: Element) -> str:
    return _DECLARATION + etree.tostring(envelope, encoding="unicode")
