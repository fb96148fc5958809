"""Moodle 4.5 as an AGS platform, as it was seen to behave: a judge that shares no code with Passback."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

from platforms.moodle_course import Column, MoodleRefusal, Place, result_rows, take_score
from platforms.moodle_tokens import MoodleTokens, TokenRefused

HOST = "moodle.example.edu"
TOKEN_PATH = "/mod/lti/token.php"
SERVICES = "/mod/lti/services.php/7/lineitems"
TYPE_ID = "3"
SCORE = "application/vnd.ims.lis.v1.score+json"
RESULTS = "application/vnd.ims.lis.v2.resultcontainer+json"
LINE_ITEM = "application/vnd.ims.lis.v2.lineitem+json"
LINE_ITEMS = "application/vnd.ims.lis.v2.lineitemcontainer+json"


@dataclass(frozen=True)
class MoodleAnswer:
    """What goes back. Status 0 is a malformed status line; ``dropped``: nothing goes back at all."""

    status: int
    reason: str = "OK"
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    dropped: bool = False


@dataclass(frozen=True)
class Posted:
    """A score that arrived, when it arrived, and how it was answered."""

    score: dict[str, Any]
    at: datetime
    status: int


@dataclass
class Moodle:
    """One Moodle with one course."""

    tokens: MoodleTokens
    now: Callable[[], datetime]
    scheme: str = "https"
    host: str = HOST
    people: dict[int, Place] = field(default_factory=dict)
    columns: dict[int, Column] = field(default_factory=dict)
    posted: list[Posted] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    """Method and path of every request."""
    drop_after_scores: int = 0
    """So many scores are stored without an answer."""

    @property
    def base(self) -> str:
        return f"{self.scheme}://{self.host}"

    def add_column(self, points: str = "20") -> Column:
        """Make a column."""
        column = Column(len(self.columns) + 1, Decimal(points))
        self.columns[column.number] = column
        return column

    def line_item(self, column: Column) -> str:
        """Give the URL of a column's line item."""
        return f"{self.base}{SERVICES}/{column.number}/lineitem?type_id={TYPE_ID}"

    def add_person(self, place: Place = Place.STUDENT) -> int:
        """Put somebody into the course."""
        user_id = 101 + len(self.people)
        self.people[user_id] = place
        return user_id

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> MoodleAnswer:
        """Answer a request; header names are lower case."""
        path, _, query = target.partition("?")
        self.calls.append(f"{method} {path}")
        if headers["host"] != self.host:
            return MoodleAnswer(303, "See Other", headers={"Location": f"{self.base}{target}"})
        if path == TOKEN_PATH and method == "POST":
            return self._token(headers, body)
        if path == SERVICES and method == "GET":
            return self._line_items(headers, parse_qs(query))
        column, service = self._place(path)
        if column is None or parse_qs(query).get("type_id") != [TYPE_ID]:
            return MoodleAnswer(400, "Bad Request", b"[]")
        if service == "scores" and method == "POST":
            return self._scores(column, headers, body)
        if service == "results" and method == "GET":
            return self._results(column, headers, parse_qs(query))
        if service == "lineitem" and method == "GET":
            return self._line_item(column, headers)
        return MoodleAnswer(400, "Bad Request", b"[]")

    def _place(self, path: str) -> tuple[Column | None, str]:
        """Find the column of a path, and the service: the last segment."""
        number, _, rest = path.removeprefix(f"{SERVICES}/").partition("/")
        column = self.columns.get(int(number)) if number.isdigit() else None
        services = {"lineitem": "lineitem", "lineitem/scores": "scores", "lineitem/results": "results"}
        return (column, services[rest]) if rest in services else (None, "")

    def _token(self, headers: Mapping[str, str], body: bytes) -> MoodleAnswer:
        html = {"Content-Type": "text/html; charset=utf-8"}
        if headers.get("content-type") != "application/x-www-form-urlencoded":
            return MoodleAnswer(400, "Bad Request", b'{"error": "invalid_request"}', html)
        try:
            return MoodleAnswer(200, "OK", json.dumps(self.tokens.take(body)).encode(), html)
        except TokenRefused as refused:
            return MoodleAnswer(400, "Bad Request", json.dumps({"error": str(refused)}).encode(), html)

    def _line_items(self, headers: Mapping[str, str], query: Mapping[str, list[str]]) -> MoodleAnswer:
        """List the columns of the tool's activities; ``*/*`` is no good here."""
        if not self._allowed(headers, "lineitem.readonly"):
            return _UNAUTHORIZED
        if headers.get("accept") != LINE_ITEMS or query.get("type_id") != [TYPE_ID]:
            return MoodleAnswer(400, "Bad Request", b"[]")
        wanted = query.get("resource_link_id", [None])[0]
        items = [
            {**self._item(column), "resourceLinkId": str(column.activity), "ltiLinkId": str(column.activity)}
            for column in self.columns.values()
            if wanted in (None, str(column.activity))
        ]
        return MoodleAnswer(200, "OK", json.dumps(items).encode(), {"Content-Type": LINE_ITEMS})

    def _item(self, column: Column) -> dict[str, Any]:
        return {"id": self.line_item(column), "label": column.label, "scoreMaximum": float(column.points)}

    def _line_item(self, column: Column, headers: Mapping[str, str]) -> MoodleAnswer:
        if not self._allowed(headers, "lineitem.readonly"):
            return _UNAUTHORIZED
        if headers.get("accept") != LINE_ITEM:
            return MoodleAnswer(400, "Bad Request", b"[]")
        return MoodleAnswer(200, "OK", json.dumps(self._item(column)).encode(), {"Content-Type": LINE_ITEM})

    def _results(self, column: Column, headers: Mapping[str, str], query: Mapping[str, list[str]]) -> MoodleAnswer:
        if not self._allowed(headers, "result.readonly"):
            return _UNAUTHORIZED
        if headers.get("accept") not in (RESULTS, "*/*"):
            return MoodleAnswer(400, "Bad Request", b"[]")
        if query.get("limit") == ["1"]:
            page = b"<!DOCTYPE html><html><head><title>Error</title></head></html>"
            return MoodleAnswer(404, "Not Found", page, {"Content-Type": "text/html"})
        rows = result_rows(column, self.line_item(column), query.get("user_id", [None])[0])
        return MoodleAnswer(200, "OK", json.dumps(rows).encode(), {"Content-Type": RESULTS})

    def _scores(self, column: Column, headers: Mapping[str, str], body: bytes) -> MoodleAnswer:
        if not self._allowed(headers, "score"):
            return _UNAUTHORIZED
        if headers.get("content-type") not in (SCORE, f"{SCORE}; charset=utf-8"):
            return MoodleAnswer(400, "Bad Request", b"[]")
        score: dict[str, Any] = json.loads(body, parse_float=Decimal, parse_int=Decimal)
        answer = self._taken(column, score, body)
        self.posted.append(Posted(score, self.now(), answer.status))
        if answer.status == 200 and not answer.body and self.drop_after_scores:
            self.drop_after_scores -= 1
            return MoodleAnswer(0, dropped=True)
        return answer

    def _taken(self, column: Column, score: dict[str, Any], body: bytes) -> MoodleAnswer:
        try:
            take_score(column, self.people, score)
        except MoodleRefusal as refusal:
            if b"\n" in body and refusal.status in (400, 409):
                # The reason phrase quotes the body, and a header with a line break never leaves.
                return MoodleAnswer(200, "OK", b"[]")
            return MoodleAnswer(refusal.status, refusal.words, b"[]")
        return MoodleAnswer(200)

    def _allowed(self, headers: Mapping[str, str], scope: str) -> bool:
        return self.tokens.allows(headers.get("authorization", ""), scope)


_UNAUTHORIZED = MoodleAnswer(401, "Unauthorized", b"[]")
