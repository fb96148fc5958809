"""The floor under one outcome: its own requests to table and platform, sent again by bare clients.

Nobody who makes these requests can be faster than this, so the ratio to it is what the service itself adds.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import botocore.session
import httpx
from botocore import xform_name

from bench.stack import TABLE, Seat, Stack
from chalicelib.clock import to_iso
from chalicelib.lti13.transport import Transport

_PUT_BATCH = 25  # most items of one BatchWriteItem (DynamoDB, service quotas)


@dataclass(frozen=True, slots=True)
class TableRequest:
    """One call of the DynamoDB client: its method and parameters."""

    method: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PlatformRequest:
    """One POST to the platform. The headers hold a token."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(slots=True)
class Recording:
    """What one outcome asked, in its order, and the items that it read."""

    requests: list[TableRequest | PlatformRequest] = field(default_factory=list)
    items: list[Mapping[str, Any]] = field(default_factory=list)


@contextmanager
def recording(stack: Stack) -> Iterator[Recording]:
    """Record the requests of what happens inside; nothing about them is changed."""
    record = Recording()
    send = Transport.send

    def note_request(params: Mapping[str, Any], model: Any, **_: Any) -> None:
        record.requests.append(TableRequest(xform_name(model.name), dict(params)))

    def note_items(parsed: Mapping[str, Any], **_: Any) -> None:
        for items in parsed.get("Responses", {}).values():
            record.items.extend(items)

    def note_post(transport: Transport, *given: Any) -> Any:
        _, _, url, headers, content, _ = given
        record.requests.append(PlatformRequest(url, dict(headers), content))
        return send(transport, *given)

    # Here the parameters are as the service gave them: defaults of the client come later, and come again at a replay.
    events = stack.client.meta.events
    events.register("provide-client-params.dynamodb", note_request)
    events.register("after-call.dynamodb", note_items)
    try:
        with patch.object(Transport, "send", note_post):
            yield record
    finally:
        events.unregister("provide-client-params.dynamodb", note_request)
        events.unregister("after-call.dynamodb", note_items)


class Floor:
    """Sends a recorded outcome again, each time for items of its own and for another student of the same kind."""

    def __init__(self, stack: Stack, record: Recording, twin: Seat) -> None:
        self._record = record
        self._twin = twin
        self._table: Any = botocore.session.Session().create_client(
            "dynamodb",
            region_name=stack.environment["AWS_REGION"],
            endpoint_url=stack.environment["AWS_ENDPOINT_URL"],
            aws_access_key_id=stack.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=stack.environment["AWS_SECRET_ACCESS_KEY"],
        )
        self._http = httpx.Client(trust_env=False, timeout=10.0)
        self._prepared = 0
        self._used = 0

    def prepare(self, replays: int) -> None:
        """Store what so many replays read, so that each reads and overwrites the same amount as the outcome did."""
        marks = range(self._prepared, self._prepared + replays)
        items = [with_fresh_keys(item, f"~{mark}") for mark in marks for item in self._record.items]
        for start in range(0, len(items), _PUT_BATCH):
            chunk = [{"PutRequest": {"Item": item}} for item in items[start : start + _PUT_BATCH]]
            self._table.batch_write_item(RequestItems={TABLE: chunk})
        self._prepared += replays

    def replay(self) -> float:
        """Send all requests once; the seconds are those of the requests alone."""
        if self._used >= self._prepared:
            raise RuntimeError("more replays than were prepared")
        requests = [self._fresh(request) for request in self._record.requests]
        self._used += 1
        started = time.perf_counter()
        for request in requests:
            if isinstance(request, TableRequest):
                getattr(self._table, request.method)(**request.parameters)
            else:
                response = self._http.post(request.url, headers=request.headers, content=request.content)
                if not response.is_success:
                    raise RuntimeError(f"the platform refused a replay: {response.status_code} {response.text}")
        return time.perf_counter() - started

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        self._table.close()

    def _fresh(self, request: TableRequest | PlatformRequest) -> TableRequest | PlatformRequest:
        if isinstance(request, TableRequest):
            return TableRequest(request.method, with_fresh_keys(request.parameters, f"~{self._used}"))
        return PlatformRequest(
            f"{self._twin.line_item}/scores",
            request.headers,
            with_fresh_time(request.content, self._twin.user_id, datetime.now(UTC)),
        )


def with_fresh_keys(value: Any, mark: str) -> Any:
    """Return the same parameters, the key of every item marked."""
    if isinstance(value, Mapping):
        return {
            name: {"S": found["S"] + mark}
            if name == "pk" and isinstance(found, Mapping)
            else with_fresh_keys(found, mark)
            for name, found in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [with_fresh_keys(element, mark) for element in value]
    return value


def with_fresh_time(content: bytes, user_id: str, now: datetime) -> bytes:
    """Return the same score for another student, received now: a platform refuses a time that it has seen.

    Everything else stays as it is written, to the last digit.
    """
    score = json.loads(content)
    text = content.decode()
    for name, fresh in (("userId", user_id), ("timestamp", to_iso(now))):
        text = text.replace(json.dumps(score[name]), json.dumps(fresh))
    return text.encode()
