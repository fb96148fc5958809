"""What the tests of the doors share: events handed to the app, answers taken apart, and the log as operators see it."""

import base64
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lxml import etree
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Stage, ToolAnswer, gateway_event

import app as app_module
from chalicelib.lti11.answers import NAMESPACE
from chalicelib.telemetry import LOGGER

HOST_URL = OUTCOME_URL.removesuffix("/outcomes")
CANVAS_URL = f"{HOST_URL}/api/lti/v1/tools/42/grade_passback"
FORM_URL = f"{HOST_URL}/api/lti/v1/tools/42/ext_grade_passback"

_REFERENCE = re.compile(r"\[EID_(\d+)\]")


class LogLines(logging.Handler):
    """Keeps every line as it would be written, tracebacks included."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(logging.Formatter("%(message)s"))
        self.lines: list[str] = []
        self._last: logging.LogRecord | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record is not self._last:  # it passes by every logger that we listen to, one after the other
            self.lines.append(self.format(record))
        self._last = record

    def mentioning(self, text: str) -> list[str]:
        return [line for line in self.lines if text in line]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@contextmanager
def log_lines() -> Iterator[LogLines]:
    """Listen to our own logger, to Chalice's, which has the app's name, and to everybody's warnings."""
    handler = LogLines()
    ours, chalices, everybody = logging.getLogger(LOGGER), app_module.app.log, logging.getLogger()
    level = ours.level
    ours.setLevel(logging.DEBUG)
    for logger in (ours, chalices, everybody):
        logger.addHandler(handler)
    try:
        yield handler
    finally:
        for logger in (ours, chalices, everybody):
            logger.removeHandler(handler)
        ours.setLevel(level)


def hand_over(event: Mapping[str, Any]) -> ToolAnswer:
    """Call the app as Lambda does: with JSON that was read, and an answer that JSON can hold."""
    answer = json.loads(json.dumps(app_module.app(json.loads(json.dumps(event)), None)))
    return ToolAnswer(answer["statusCode"], answer["body"], answer["headers"])


def deliver_bytes(
    stage: Stage, url: str, headers: Mapping[str, str], body: bytes, *, method: str = "POST"
) -> ToolAnswer:
    """Deliver a body that need not be text."""
    event = gateway_event(url, headers, b"", stage.clock.now(), method)
    event |= {"body": base64.b64encode(body).decode(), "isBase64Encoded": True}
    stage.clock.move(0.005)
    return hand_over(event)


def reference_of(answer: ToolAnswer) -> str:
    """Give the digits of the one reference id in an answer."""
    found = _REFERENCE.findall(answer.text)
    assert len(found) == 1, answer.text
    return str(found[0])


def without_reference(answer: ToolAnswer) -> str:
    return _REFERENCE.sub("[EID]", answer.text)


def assert_pox(answer: ToolAnswer) -> None:
    """Any answer of the XML doors: well formed, and of the one type."""
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert etree.fromstring(answer.text.encode()).tag == f"{{{NAMESPACE}}}imsx_POXEnvelopeResponse"


def assert_refused(answer: ToolAnswer, status: int, text: str) -> None:
    """A refusal before any outcome: POX, with empty references, an empty body and no Canvas code."""
    assert answer.status == status, answer.text
    assert_pox(answer)
    assert (answer.code, answer.error, answer.message_ref, answer.operation) == ("failure", None, "", "")
    assert answer.description == f"{text}\n[EID_{reference_of(answer)}]"
    body = etree.fromstring(answer.text.encode()).find(f"{{{NAMESPACE}}}imsx_POXBody")
    assert body is not None
    assert len(body) == 0
    assert "success" not in answer.text.lower()


def assert_logged_once(answer: ToolAnswer, log: LogLines) -> dict[str, Any]:
    """Find the one line that has the answer's reference id."""
    lines = log.mentioning(reference_of(answer))
    assert len(lines) == 1, lines
    line: dict[str, Any] = json.loads(lines[0])
    return line


__all__ = [
    "CANVAS_URL",
    "CONSUMER_KEY",
    "FORM_URL",
    "HOST_URL",
    "OUTCOME_URL",
    "SECRET",
    "LogLines",
    "assert_logged_once",
    "assert_pox",
    "assert_refused",
    "deliver_bytes",
    "hand_over",
    "log_lines",
    "reference_of",
    "without_reference",
]
