"""What a tool wrote, as JSON that keeps every digit of a score and every character of a text."""

import json
import zlib
from datetime import datetime
from decimal import Decimal
from typing import Any

from chalicelib.errors import StorageUnreadable
from chalicelib.lti11.messages import (
    DataKind,
    DeleteResult,
    Operation,
    ReplaceResult,
    ResultData,
    ScoreScale,
    ToolScore,
    Write,
)

LONGEST_PLAIN = 4096
"""Bytes. Anything longer is compressed: JSON's escapes and a change of encoding can make a body of 256 KiB longer
than the 400 KB that an item may have (DynamoDB, service quotas)."""


def to_payload(write: Write) -> str | bytes:
    """Write it as JSON, compressed when it is long."""
    text = json.dumps(_members(write), ensure_ascii=False, separators=(",", ":"))
    content = text.encode()
    return text if len(content) <= LONGEST_PLAIN else zlib.compress(content)


def from_payload(payload: str | bytes) -> Write:
    """Read what ``to_payload`` wrote.

    Raises
    ------
    StorageUnreadable
        If it is something else.
    """
    try:
        text = payload if isinstance(payload, str) else zlib.decompress(payload).decode()
        return _write(json.loads(text))
    except (ValueError, ArithmeticError, KeyError, TypeError, zlib.error):
        # The cause would show the student's text.
        raise StorageUnreadable("A stored payload is not what this version of Passback writes.") from None


def _members(write: Write) -> dict[str, Any]:
    if isinstance(write, DeleteResult):
        return {"operation": Operation.DELETE_RESULT}
    return {
        "operation": Operation.REPLACE_RESULT,
        "score": write.score and {"scale": write.score.scale, "value": str(write.score.value)},
        "data": write.data
        and {"kind": write.data.kind, "value": write.data.value, "document_name": write.data.document_name},
        "submitted_at": write.submitted_at and write.submitted_at.isoformat(),
        "prioritize_non_tool_grade": write.prioritize_non_tool_grade,
        "needs_additional_review": write.needs_additional_review,
    }


def _write(members: dict[str, Any]) -> Write:
    if Operation(members["operation"]) is Operation.DELETE_RESULT:
        return DeleteResult()
    score, data, submitted_at = members["score"], members["data"], members["submitted_at"]
    return ReplaceResult(
        score=score and ToolScore(ScoreScale(score["scale"]), Decimal(score["value"])),
        data=data and ResultData(DataKind(data["kind"]), data["value"], data["document_name"]),
        submitted_at=submitted_at and datetime.fromisoformat(submitted_at),
        prioritize_non_tool_grade=members["prioritize_non_tool_grade"],
        needs_additional_review=members["needs_additional_review"],
    )
