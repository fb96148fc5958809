"""A legacy tool: PyPI's ``lti``, as its manual says, and the two Canvas elements that tools add to its XML by hand."""

import importlib
import uuid
import warnings
from typing import Any

from lxml import etree

from e2e.served import Served, Student


def quietly_import(name: str) -> Any:
    """Import a library whose import warns of things that are its own affair."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module(name)


lti: Any = quietly_import("lti")


class CanvasOutcomeRequest(lti.OutcomeRequest):  # type: ignore[misc]  # the library ships no types
    """Adds Canvas's ``submissionDetails``."""

    details: tuple[str, ...] = ()

    def generate_request_xml(self) -> bytes:
        root = etree.fromstring(super().generate_request_xml())
        request = root.find(".//{*}replaceResultRequest")
        if request is not None and self.details:
            parent = etree.SubElement(request, f"{{{root.nsmap[None]}}}submissionDetails")
            for name in self.details:
                etree.SubElement(parent, f"{{{root.nsmap[None]}}}{name}")
        return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def outcome(served: Served, student: Student, *details: str, secret: str | None = None) -> CanvasOutcomeRequest:
    """Make a request for a student."""
    request = CanvasOutcomeRequest(
        {
            "consumer_key": served.key,
            "consumer_secret": secret or served.secret,
            "lis_outcome_service_url": served.outcome_url,
            "lis_result_sourcedid": student.sourcedid,
            "message_identifier": uuid.uuid4().hex,
        }
    )
    request.details = details
    return request


def send(
    served: Served,
    student: Student,
    score: float | str | None,
    result_data: dict[str, str] | None = None,
    *details: str,
) -> Any:
    """Send a replaceResult, which must go through."""
    response = outcome(served, student, *details).post_replace_result(score, result_data)
    assert response.is_success(), response.post_response.text
    return response
