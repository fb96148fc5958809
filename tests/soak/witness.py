"""What the platform saw: every call on every cell, in order, as the simulator's own log tells it."""

import http.client
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True)
class Call:
    """A score post or a look at the results. ``status`` None: nothing was done. ``at`` in milliseconds."""

    number: int
    at: int
    is_post: bool
    status: int | None
    dropped: bool
    body: Mapping[str, Any]

    @property
    def done(self) -> bool:
        """It had its effect, whether the answer arrived or not."""
        return self.status == 200

    @property
    def lost(self) -> bool:
        """Whoever called cannot know whether it was done."""
        return self.status is None or self.status >= 500 or self.dropped

    @property
    def extension(self) -> Mapping[str, Any]:
        """Canvas's part of the score."""
        found: Mapping[str, Any] = self.body.get("https://canvas.instructure.com/lti/submission") or {}
        return found

    @property
    def sets_score(self) -> bool:
        """It gives a score or takes one away."""
        return self.is_post and not self.extension.get("preserve_score")

    @property
    def timestamp(self) -> int:
        """The time that the score is ordered by."""
        return milliseconds(str(self.body["timestamp"]))


class LogGapError(RuntimeError):
    """The simulator forgot calls before they were fetched: the run cannot be judged."""


class Witness:
    """Collects the simulator's log; ``fetch`` must be called often, because the log is short."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._last = 0
        self.calls: dict[tuple[str, str], list[Call]] = defaultdict(list)
        """By the line item's path and the user."""
        self.seen = 0

    def fetch(self) -> None:
        """Fetch what is new.

        Raises
        ------
        LogGapError
            If some of it is gone already.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", f"/_sim/requests?since={self._last}")
            entries = json.loads(connection.getresponse().read(), parse_float=Decimal)["requests"]
        finally:
            connection.close()
        for entry in entries:
            if entry["number"] != self._last + 1:
                raise LogGapError(f"the simulator's log goes from {self._last} to {entry['number']}")
            self._last = entry["number"]
            self.seen += 1
            self._keep(entry)

    def _keep(self, entry: Mapping[str, Any]) -> None:
        path, body = str(entry["path"]), entry["body"]
        is_post = entry["method"] == "POST" and path.endswith("/scores") and isinstance(body, dict)
        if is_post:
            user, item = str(body["userId"]), path.removesuffix("/scores")
        elif entry["method"] == "GET" and path.endswith("/results"):
            user, item = parse_qs(entry["query"]).get("user_id", [""])[0], path.removesuffix("/results")
        else:
            return
        at = milliseconds(str(entry["time"]))
        shown = body if is_post else {}
        self.calls[item, user].append(Call(entry["number"], at, is_post, entry["status"], entry["dropped"], shown))


def milliseconds(text: str) -> int:
    """Read an ISO time."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)
