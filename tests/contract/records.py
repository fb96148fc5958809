"""Records with every field filled, so that one that is not stored is noticed."""

from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from chalicelib.delivery.records import (
    Cell,
    CellKey,
    Delivery,
    DeliveryEvent,
    DeliveryState,
    KnownScore,
    NewestDelivery,
    PlaceInLine,
    Rank,
    Receipt,
    SubmissionState,
)
from chalicelib.lti11.messages import (
    Answer,
    CodeMajor,
    DataKind,
    ReplaceResult,
    ResultData,
    ScoreScale,
    ToolScore,
)
from chalicelib.lti11.tools import BodyHashRule, OnDelay, Tool, Unmapped
from chalicelib.lti13.registrations import Platform
from chalicelib.mapping.model import Mapping, Submitted

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW_MS = 1_772_366_400_000
MOODLE_SOURCEDID = (
    '{"data":{"instanceid":"2","userid":"3","typeid":"1","launchid":1404218432},'
    '"hash":"1eac2a4d8a5c8b06da7a8d7c7cf4d5b1e4a9dd0a7b9f7d4b5a45b3bcd0f8a2f1"}'
)

CELL_KEY = CellKey("canvas", "https://canvas.example/api/lti/courses/1/line_items/2", "user-3")

TOOL = Tool(
    consumer_key="key é \U0001f393",
    secrets=("newer secret", "older secret \U0001f511"),
    body_hash=BodyHashRule.IF_PRESENT,
    failure_status=200,
    on_delay=OnDelay.FAIL,
    unmapped=Unmapped.PARK,
    created_at=NOW.replace(microsecond=123456),
    rotated_at=NOW.replace(microsecond=654321),
)

PLATFORM = Platform(
    name="canvas",
    profile="canvas",
    issuer="https://canvas.instructure.com",
    client_id="10000000000001",
    token_url="https://canvas.example/login/oauth2/token",
    audience="https://canvas.example/login/oauth2/token",
    hosts=("canvas.example", "canvas.example:8443"),
    jwks_url="https://canvas.example/api/lti/security/jwks",
    auth_url="https://canvas.example/api/lti/authorize_redirect",
    allow_private=True,
    held_kid="kid-1",
    created_at=NOW,
)

MAPPING = Mapping(
    consumer_key=TOOL.consumer_key,
    sourcedid=MOODLE_SOURCEDID,
    platform=CELL_KEY.platform,
    line_item=CELL_KEY.line_item,
    user_id=CELL_KEY.user_id,
    submitted=Submitted.YES,
    context="course 1",
    created_at=NOW,
)

CELL = Cell(
    key=CELL_KEY,
    version=3,
    accepted=9,
    newest_timestamp=NOW_MS + 1,
    submission=SubmissionState.SENT,
    first_submitted_at=NOW_MS - 5,
    first_delivery_id="d0",
    last_posted=KnownScore(Decimal("0.10"), Decimal("1")),
    last_known=KnownScore(Decimal("3." + "3" * 60), None),
    settled=NewestDelivery(
        "d-1", "earlier key", "earlier digest", NOW_MS - 6, 5, Rank(NOW_MS - 8, 4), Rank(NOW_MS - 9, 2)
    ),
    posted_timestamp=NOW_MS - 4,
    posted_by="d-1",
    line=(
        PlaceInLine("d1", NOW_MS - 2, 8, "key", "digest of d1", sets_score=True, sets_work=True, awaited_until=0),
        PlaceInLine("d2", NOW_MS, 9, "key", "digest of d2", sets_score=False, awaited_until=NOW_MS + 8_000),
    ),
    lease_until=NOW_MS + 12_000,
    due_at=NOW_MS + 60_000,
    generation=4,
    unsettled=PlaceInLine("d0", NOW_MS - 3, 7, "key", "digest of d0", sets_score=False, sets_work=True),
    graded_at=NOW_MS - 3,
)

ANSWER = Answer(CodeMajor.FAILURE, "No: “nothing” <given>", "no_score", "0.5")

RECEIPT = Receipt(
    key="receipt-key",
    digest="digest",
    delivery_id="d1",
    received_at=NOW_MS,
    deadline=NOW_MS + 12_000,
    reference="1234567890",
    expires_at=NOW_MS + 5_400_001,
    answer=ANSWER,
)

WRITE = ReplaceResult(
    score=ToolScore(ScoreScale.POINTS, Decimal("10.00000000000000000000000000000000000000000001")),
    data=ResultData(DataKind.TEXT, 'My essay \U0001f393 "quoted" \\ \n', "essay.txt"),
    submitted_at=NOW.replace(microsecond=7),
    prioritize_non_tool_grade=True,
    needs_additional_review=True,
)

DELIVERY = Delivery(
    id="d1",
    cell=CELL_KEY,
    consumer_key=TOOL.consumer_key,
    sourcedid_digest="0123abcd",
    context="course 1",
    operation="replaceResult",
    write=WRITE,
    received_at=NOW_MS,
    timestamp=NOW_MS + 1,
    reference="1234567890",
    body_digest="digest",
    receipt_key="receipt-key",
    state=DeliveryState.WAITING,
    lease_until=NOW_MS + 12_000,
    number=8,
    tries=2,
    file_tries=3,
    queueable=True,
    acknowledged=True,
    forced=True,
    retried_at=NOW_MS + 4,
    due_at=NOW_MS + 60_000,
    outcome_unknown=True,
    answer=ANSWER,
    platform_words="User not found",
    platform_status=422,
    warnings=("one", "two"),
    events=(DeliveryEvent(NOW_MS, "accepted"), DeliveryEvent(NOW_MS + 5, "sent")),
    ended_at=NOW_MS + 9,
    expires_at=NOW_MS + 999,
)

HELD = replace(
    DELIVERY, id="d9", state=DeliveryState.HELD, ended_at=NOW_MS, due_at=None, lease_until=0, outcome_unknown=False
)
"""Ended, with its payload kept apart."""


def fields_left_at_default(record: Any) -> list[str]:
    """Name the fields that a record does not fill."""
    return [
        each.name
        for each in fields(record)
        if each.default is not MISSING and getattr(record, each.name) == each.default
    ]
