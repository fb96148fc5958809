"""What is shown: outcomes in every form, each with what the gradebook must hold afterwards.

A case is one student. Its steps are played at Passback, and again, with the very same words, at old Canvas for a twin.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from passback.demonstration.clients import (
    LTI,
    PYLTI,
    REQUESTS_OAUTHLIB,
    Door,
    Told,
    lti_request,
    send_form,
    send_with_pylti,
    send_with_requests,
    told_by_lti,
)
from passback.outcome_message import OutcomeMessage, new_message_identifier


@dataclass(frozen=True, slots=True)
class Sending:
    """One outcome: what it is, whose client sends it, and what must come of it.

    ``told`` is what the tool must be told (None: success), ``expected`` what the gradebook must hold then.
    """

    what: str
    client: str
    send: Callable[[Door], Told]
    expected: Mapping[str, Any]
    told: Mapping[str, Any] = field(default_factory=lambda: {"code": "success"})
    exact_time: bool = False


@dataclass(frozen=True, slots=True)
class TeacherGrades:
    """The teacher types a grade in the gradebook."""

    score: Decimal


@dataclass(frozen=True, slots=True)
class Case:
    """One student: the steps in order, and how the simulator is to set the scene."""

    steps: Sequence[Sending | TeacherGrades]
    scene: Mapping[str, Any] = field(default_factory=dict)


def _message(door: Door, score: str | None = None, **fields: Any) -> OutcomeMessage:
    return OutcomeMessage("replaceResult", door.sourcedid, new_message_identifier(), score, **fields)


def _extension(what: str, expected: Mapping[str, Any], *, exact_time: bool = False, **fields: Any) -> Sending:
    """Make a step of a replaceResult with Canvas's extensions."""

    def send(door: Door) -> Told:
        return send_with_requests(door, _message(door, **fields))

    return Sending(what, REQUESTS_OAUTHLIB, send, expected, exact_time=exact_time)


def _lti_score(score: str, data: dict[str, str] | None = None) -> Callable[[Door], Told]:
    return lambda door: told_by_lti(lti_request(door).post_replace_result(score, data))


def _form(message_type: str, score: str | None = None) -> Callable[[Door], Told]:
    return lambda door: send_form(door, message_type, score)


def _badly_signed(door: Door) -> Told:
    return send_with_requests(door, _message(door, "1.0"), secret=door.secret + "x")


def _points(text: str) -> Decimal:
    return Decimal(text)


_NOTHING = {"score": None, "attempt": 0, "submission_type": None}
_FIRST = {"attempt": 1, "submission_type": "external_tool"}
_ESSAY = {"submission_type": "online_text_entry", "body": "My essay."}
_PAGE = "https://tool.example.org/essays/17"
_LAUNCH = "https://tool.example.org/launch?attempt=42"
_FILE = "https://tool.example.org/files/essay.docx"
_WRITTEN = {"submission_type": "online_text_entry"}

CASES: tuple[Case, ...] = (
    Case(
        [
            Sending("score 0.92, the first", LTI, _lti_score("0.92"), {**_FIRST, "score": _points("9.2")}),
            Sending("score 0.85, again", LTI, _lti_score("0.85"), {**_FIRST, "score": _points("8.5")}),
            Sending(
                "read",
                LTI,
                lambda door: told_by_lti(lti_request(door).post_read_result()),
                {**_FIRST, "score": _points("8.5")},
                {"code": "success", "score": "0.85"},
            ),
            Sending(
                "score 0.9 + text",
                LTI,
                _lti_score("0.9", {"text": "My essay."}),
                {**_ESSAY, "attempt": 2, "score": _points("9")},
            ),
            Sending(
                "score 1.0 + url",
                LTI,
                _lti_score("1.0", {"url": _PAGE}),
                {"attempt": 3, "submission_type": "online_url", "url": _PAGE, "score": _points("10")},
            ),
            Sending(
                "delete",
                LTI,
                lambda door: told_by_lti(lti_request(door).post_delete_result()),
                {"attempt": 3, "submission_type": "online_url", "score": None},
            ),
            Sending(
                "read, nothing there",
                LTI,
                lambda door: told_by_lti(lti_request(door).post_read_result()),
                {"attempt": 3, "score": None},
                {"code": "success", "score": ""},
            ),
        ]
    ),
    Case(
        [
            Sending(
                "score 0",
                PYLTI,
                lambda door: send_with_pylti(door, "replaceResult", "0"),
                {**_FIRST, "score": _points("0")},
            ),
            Sending(
                "score 0.5",
                PYLTI,
                lambda door: send_with_pylti(door, "replaceResult", "0.5"),
                {**_FIRST, "score": _points("5")},
            ),
            Sending(
                "score 1.5, too much",
                PYLTI,
                lambda door: send_with_pylti(door, "replaceResult", "1.5"),
                {**_FIRST, "score": _points("5")},
                {"code": "failure"},
            ),
            Sending("delete", PYLTI, lambda door: send_with_pylti(door, "deleteResult"), {**_FIRST, "score": None}),
        ]
    ),
    Case(
        [
            _extension(
                "score 0.7 + launch url",
                {"attempt": 1, "submission_type": "basic_lti_launch", "url": _LAUNCH, "score": _points("7")},
                score="0.7",
                data=(("ltiLaunchUrl", _LAUNCH),),
            )
        ]
    ),
    Case(
        [
            _extension(
                "score 0.8 + file",
                {"attempt": 1, "submission_type": "online_upload", "score": _points("8")},
                score="0.8",
                data=(("documentName", "essay.docx"), ("downloadUrl", _FILE)),
            )
        ]
    ),
    Case([_extension("total score 12 of 10", {**_FIRST, "score": _points("12")}, total="12")]),
    Case(
        [
            _extension(
                "score 0.6 + submittedAt",
                {**_FIRST, "score": _points("6"), "submitted_at": "2017-04-16T18:54:36.736Z"},
                exact_time=True,
                score="0.6",
                submitted_at="2017-04-16T18:54:36.736+00:00",
            )
        ]
    ),
    Case(
        [
            Sending("score 0.4", LTI, _lti_score("0.4"), {**_FIRST, "score": _points("4")}),
            TeacherGrades(_points("8")),
            _extension(
                "0.5 + text + prioritizeNonToolGrade, teacher gave 8",
                {**_WRITTEN, "attempt": 2, "score": _points("8"), "graded_by": "person"},
                score="0.5",
                data=(("text", "Once more."),),
                prioritize_non_tool_grade=True,
            ),
        ]
    ),
    Case(
        [
            _extension(
                "score 0.5 + needsAdditionalReview",
                {**_FIRST, "score": _points("5"), "needs_review": True},
                score="0.5",
                needs_additional_review=True,
            )
        ]
    ),
    Case(
        [
            Sending("score 0.75", LTI, _lti_score("0.75"), {**_FIRST, "score": _points("7.5")}),
            _extension(
                "text without score",
                {**_WRITTEN, "attempt": 2, "score": _points("7.5")},
                data=(("text", "Better late than never."),),
            ),
        ]
    ),
    Case(
        [
            Sending(
                "form: update 0.33",
                REQUESTS_OAUTHLIB,
                _form("basic-lis-updateresult", "0.33"),
                {**_FIRST, "score": _points("3.3")},
            ),
            Sending(
                "form: read",
                REQUESTS_OAUTHLIB,
                _form("basic-lis-readresult"),
                {"score": _points("3.3")},
                {"code": "success", "score": "0.33"},
            ),
            Sending("form: delete", REQUESTS_OAUTHLIB, _form("basic-lis-deleteresult"), {**_FIRST, "score": None}),
        ]
    ),
    Case(
        [
            Sending(
                "score 1.0, wrong signature",
                REQUESTS_OAUTHLIB,
                _badly_signed,
                _NOTHING,
                {"code": "refused", "status": 401},
            )
        ]
    ),
)
