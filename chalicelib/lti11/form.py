"""The older form-encoded outcome service: same outcomes, signed form fields, its own answer form."""

import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from lxml import etree

from chalicelib.errors import RequestRefused
from chalicelib.lti11.answers import plain_text
from chalicelib.lti11.authorization import (
    PROTOCOL_PREFIX,
    SCHEME,
    SIGNATURE_NAME,
    Authorization,
    gather_authorization,
    read_authorization,
    refused_authorization,
)
from chalicelib.lti11.messages import Answer, Envelope, Operation

LARGEST_FORM = 256 * 1024
MOST_FIELDS = 200

_BROKEN_ENCODING = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_OPERATIONS = {
    "basic-lis-updateresult": Operation.REPLACE_RESULT,
    "basic-lis-readresult": Operation.READ_RESULT,
    "basic-lis-deleteresult": Operation.DELETE_RESULT,
}

Fields = tuple[tuple[str, str], ...]


def read_form(body: bytes) -> Fields:
    """Decode an ``application/x-www-form-urlencoded`` body, in its order, repeated names and all.

    Raises
    ------
    RequestRefused
        413 for a body or a number of fields beyond reason; 401 for one that is not well encoded, because what was
        signed cannot be told then.
    """
    if len(body) > LARGEST_FORM or body.count(b"&") >= MOST_FIELDS:
        raise RequestRefused(413, "Request body too large", "form too large")
    if _BROKEN_ENCODING.search(body):
        raise refused_authorization("the form is not percent-encoded")
    pairs = (part.partition(b"=") for part in body.split(b"&") if part)
    try:
        return tuple((_decode(name), _decode(value)) for name, _, value in pairs)
    except UnicodeDecodeError:
        raise refused_authorization("the form is not UTF-8") from None


def read_form_authorization(headers: Sequence[str], fields: Fields) -> tuple[Authorization, Fields]:
    """Take the OAuth parameters from the header or else from the form; return them and the other signed fields.

    ``headers`` are the values of all Authorization headers; one of another scheme is as if it were not there.

    Raises
    ------
    RequestRefused
        401 for any fault, also for a parameter that stands in the header and in the form (RFC 5849 3.1).
    """
    if len(headers) > 1:
        raise refused_authorization("several Authorization headers")
    if not any(header.startswith(SCHEME) for header in headers):
        protocol = tuple(field for field in fields if field[0].startswith(PROTOCOL_PREFIX))
        others = tuple(field for field in fields if not field[0].startswith(PROTOCOL_PREFIX))
        return gather_authorization(protocol), others
    authorization = read_authorization(headers)
    in_header = {name for name, _ in authorization.parameters} | {SIGNATURE_NAME}
    if any(name in in_header for name, _ in fields):
        raise refused_authorization("an OAuth parameter of the header is repeated in the form")
    return authorization, fields


def read_form_envelope(fields: Fields) -> Envelope:
    """Put the form's fields into an envelope (Canvas LTI 1.1 outcomes, section 9).

    The message type counts in any case; an unknown one gives no operation. Of a repeated field the last one counts,
    as Rails reads forms.
    """
    values = dict(fields)
    operation = _OPERATIONS.get(values.get("lti_message_type", "").lower())
    replaces = operation is Operation.REPLACE_RESULT
    return Envelope(
        message_identifier="",
        operation_name=operation or "",
        sourcedid=values.get("sourcedid"),
        result_score=values.get("result_resultscore_textstring") if replaces else None,
    )


def write_form_answer(answer: Answer, *, sourcedid: str) -> str:
    """Write an answer in the form-encoded service's own form; it always goes with HTTP 200.

    The code minor is ``fullsuccess`` even on failure, as Canvas has it (Canvas LTI 1.1 outcomes, section 9).
    The result is there only when the student has a score.
    """
    response = etree.Element("message_response")
    status = etree.SubElement(response, "statusinfo")
    etree.SubElement(status, "codemajor").text = answer.code.capitalize()
    etree.SubElement(status, "severity").text = "Status"
    etree.SubElement(status, "codeminor").text = "fullsuccess"
    if answer.succeeded and answer.score_text:
        result = etree.SubElement(response, "result")
        etree.SubElement(result, "sourcedid").text = plain_text(sourcedid)
        score = etree.SubElement(result, "resultscore")
        etree.SubElement(score, "resultvaluesourcedid").text = "decimal"
        etree.SubElement(score, "textstring").text = plain_text(answer.score_text)
        etree.SubElement(score, "language").text = "en-US"
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(response, encoding="unicode")


def _decode(text: bytes) -> str:
    return unquote_to_bytes(text.replace(b"+", b" ")).decode()
