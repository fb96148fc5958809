"""The two addresses of LTI 1.1 outcomes: XML and the older form-encoded one.

Canvas LTI 1.1 outcomes, sections 1, 2, 7 and 9.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from lxml import etree

from simulator import oauth1, pox
from simulator.exchange import Request, Response, json_response
from simulator.model import LegacyTool, World
from simulator.outcomes import (
    OutcomeFailedError,
    Replacement,
    check_open,
    delete_result,
    locate,
    read_result,
    replace_result,
)
from simulator.refusals import NO_SUCH_RESOURCE, RefusedError, list_error

_WINDOW = timedelta(minutes=90)
_NONCE_SKEW = timedelta(minutes=1)
_OPERATIONS = ("replaceResult", "readResult", "deleteResult")
_UNSUPPORTED = "Request could not be handled. ¯\\_(ツ)_/¯"
_XML_TYPE = "application/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class OutcomeCall:
    """One request to an outcomes address; ``tool_id`` is the one of its path."""

    world: World
    request: Request
    now: datetime
    tool_id: int


def take_xml(call: OutcomeCall) -> Response:
    """Answer ``grade_passback``, with the checks in the order of section 2."""
    tool = _authenticate(call)
    if call.request.media_type != "application/xml":
        raise list_error(415, "Content-Type must be 'application/xml'")
    try:
        envelope = pox.read(call.request.body)
    except pox.UnknownEncodingError as error:
        text = f"{_UNSUPPORTED}\nInvalid XML: unknown encoding name - {error}"
        return _answer(call, pox.Answer("unsupported", description=text))
    operation, message = envelope.operation, envelope.message_id
    if not operation:
        return _answer(call, pox.Answer("unsupported", message_id=message, description=_UNSUPPORTED))
    try:
        score = _operate(call, tool, envelope)
    except OutcomeFailedError as failed:
        return _answer(call, pox.Answer("failure", operation, message, failed.description, failed.code))
    except _UnsupportedError:
        return _answer(call, pox.Answer("unsupported", operation, message, _UNSUPPORTED))
    return _answer(call, pox.Answer("success", operation, message, score=score))


class _UnsupportedError(Exception):
    """The operation is none that Canvas knows."""


def _operate(call: OutcomeCall, tool: LegacyTool, envelope: pox.Envelope) -> str | None:
    # The sourcedid is looked at before the operation is known to be one.
    cell = locate(call.world, tool, envelope.sourcedid)
    if envelope.operation not in _OPERATIONS:
        raise _UnsupportedError
    if envelope.operation == "readResult":
        return read_result(cell)
    check_open(cell)
    if envelope.operation == "deleteResult":
        delete_result(cell, call.now)
    else:
        replace_result(cell, _replacement(envelope), call.now)
    return None


def _replacement(envelope: pox.Envelope) -> Replacement:
    def result(*path: str) -> str | None:
        return envelope.text_at("replaceResultRequest", "resultRecord", "result", *path)

    def details(name: str) -> str | None:
        return envelope.text_at("replaceResultRequest", "submissionDetails", name)

    return Replacement(
        result_score=result("resultScore", "textString"),
        result_total_score=result("resultTotalScore", "textString"),
        text=result("resultData", "text"),
        url=result("resultData", "url"),
        document_name=result("resultData", "documentName"),
        download_url=result("resultData", "downloadUrl"),
        launch_url=result("resultData", "ltiLaunchUrl"),
        submitted_at=details("submittedAt"),
        prioritize_non_tool_grade=details("prioritizeNonToolGrade") is not None,
        needs_additional_review=details("needsAdditionalReview") is not None,
    )


def _answer(call: OutcomeCall, answer: pox.Answer) -> Response:
    status = 200 if answer.code_major == "success" else 422
    if answer.description:
        # Canvas files an error report for each refusal and tells its number.
        report = f"{answer.description}\n[EID_{call.world.next_id()}]"
        answer = pox.Answer(
            answer.code_major, answer.operation, answer.message_id, report, answer.error_code, answer.score
        )
    return Response(status, (("Content-Type", _XML_TYPE),), pox.write(answer))


def _authenticate(call: OutcomeCall) -> LegacyTool:
    """Find the tool of the path and check signature, time and nonce."""
    tool = call.world.legacy_tools.get(call.tool_id)
    if tool is None:
        raise list_error(404, NO_SUCH_RESOURCE)
    try:
        signed = oauth1.verify(call.request, tool.shared_secret)
    except oauth1.SignatureError:
        raise _unauthorized(call, "Invalid authorization header") from None
    if abs(call.now.timestamp() - signed.timestamp) > _WINDOW.total_seconds():
        raise _unauthorized(call, "Timestamp too old or too far in the future, request has expired")
    _remember_nonce(call, tool, signed)
    return tool


def _remember_nonce(call: OutcomeCall, tool: LegacyTool, signed: oauth1.SignedRequest) -> None:
    nonces = call.world.nonces
    for expired in [name for name, until in nonces.items() if until <= call.now]:
        del nonces[expired]
    name = f"{tool.id}:{signed.nonce}"
    # The store takes no time more than a minute ahead and calls that a repeat, too (section 7.4).
    ahead = signed.timestamp > call.now.timestamp() + _NONCE_SKEW.total_seconds()
    if ahead or name in nonces:
        raise _unauthorized(call, "Duplicate nonce detected")
    nonces[name] = call.now + _WINDOW + _NONCE_SKEW


def _unauthorized(call: OutcomeCall, message: str) -> RefusedError:
    body = {"errors": [{"message": message}], "error_report_id": call.world.next_id()}
    return RefusedError(json_response(401, body))


def take_form(call: OutcomeCall) -> Response:
    """Answer ``ext_grade_passback``: always 200 once the signature holds (section 9)."""
    tool = _authenticate(call)
    form = dict(parse_qsl(call.request.body.decode("utf-8", "replace"), keep_blank_values=True))
    kind, sourcedid = form.get("lti_message_type", "").lower(), form.get("sourcedid", "")
    score = ""
    try:
        cell = locate(call.world, tool, sourcedid)
        code = "Success"
        if kind == "basic-lis-readresult":
            score = read_result(cell)
        elif kind == "basic-lis-updateresult":
            check_open(cell)
            replace_result(cell, Replacement(result_score=form.get("result_resultscore_textstring")), call.now)
        elif kind == "basic-lis-deleteresult":
            check_open(cell)
            delete_result(cell, call.now)
        else:
            code = "Unsupported"
    except OutcomeFailedError:
        code = "Failure"
    return Response(200, (("Content-Type", _XML_TYPE),), _form_answer(code, sourcedid, score))


def _form_answer(code: str, sourcedid: str, score: str) -> bytes:
    root = etree.Element("message_response")
    status = etree.SubElement(root, "statusinfo")
    for name, text in (("codemajor", code), ("severity", "Status"), ("codeminor", "fullsuccess")):
        etree.SubElement(status, name).text = text
    if score:
        result = etree.SubElement(root, "result")
        etree.SubElement(result, "sourcedid").text = pox.printable(sourcedid)
        fields = etree.SubElement(result, "resultscore")
        for name, text in (("resultvaluesourcedid", "decimal"), ("textstring", score), ("language", "en-US")):
            etree.SubElement(fields, name).text = text
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
