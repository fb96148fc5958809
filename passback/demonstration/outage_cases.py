"""What is sent while Canvas is down: outcomes that nobody can deliver yet, and what must have become of them after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from chalicelib.translation.answers import QUEUED
from passback.demonstration.cases import Sending
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

_STORED = {"code": "success", "description": QUEUED}
_NO_DESCRIPTION = {"code": "success"}  # this client, or this door, tells none


@dataclass(frozen=True, slots=True)
class Absence:
    """One student: what is sent for them while Canvas is down, and how it ends.

    ``expected`` is what the gradebook must hold at last, ``ends`` the state in which every delivery must end.
    ``new_course``: in a course of their own, else in that of the student before. ``leaves``: the course, meanwhile.
    """

    steps: Sequence[Sending]
    expected: Mapping[str, Any]
    new_course: bool = False
    leaves: bool = False
    ends: str = "delivered"


def _lti_score(score: str) -> Sending:
    return Sending(
        f"score {score}", LTI, lambda door: told_by_lti(lti_request(door).post_replace_result(score)), {}, _STORED
    )


def _essay(door: Door) -> Told:
    message = OutcomeMessage(
        "replaceResult", door.sourcedid, new_message_identifier(), "0.8", data=(("text", "Written meanwhile."),)
    )
    return send_with_requests(door, message)


_FIRST = {"attempt": 1, "submission_type": "external_tool"}

# Two courses: a breaker opens over three at least, and then looks only every 15 s whether the platform is back.
ABSENCES: tuple[Absence, ...] = (
    Absence(
        [
            _lti_score("0.92"),
            _lti_score("0.95"),
            Sending(
                "read",
                LTI,
                lambda door: told_by_lti(lti_request(door).post_read_result()),
                {},
                {"code": "success", "score": "0.95"},
            ),
        ],
        {**_FIRST, "score": Decimal("9.5")},
        new_course=True,
    ),
    Absence(
        [Sending("score 0", PYLTI, lambda door: send_with_pylti(door, "replaceResult", "0"), {}, _NO_DESCRIPTION)],
        {**_FIRST, "score": Decimal(0)},
    ),
    Absence(
        [Sending("score 0.8 + text", REQUESTS_OAUTHLIB, _essay, {}, _STORED)],
        {"attempt": 1, "submission_type": "online_text_entry", "body": "Written meanwhile.", "score": Decimal(8)},
        new_course=True,
    ),
    Absence(
        [
            Sending(
                "form: update 0.33",
                REQUESTS_OAUTHLIB,
                lambda door: send_form(door, "basic-lis-updateresult", "0.33"),
                {},
                _NO_DESCRIPTION,
            )
        ],
        {**_FIRST, "score": Decimal("3.3")},
    ),
    Absence([_lti_score("0.7")], {"score": None, "attempt": 0}, leaves=True, ends="refused"),
)
