"""Legacy tools: they sign real outcomes, send them over real HTTP, and behave as tools do when that fails."""

import http.client
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock

from pox import delete_result, replace_result, signed_headers

from soak.plan import CellPlan, Kind, Manners, OutcomePlan

SECRET = "soak secret"
MOST_TRIES = 4
_CODE = re.compile(r"<imsx_codeMajor>(\w+)<")
_TEXT = re.compile(r"<imsx_description>([^<]*)<")


@dataclass(frozen=True)
class Try:
    """One request. Times are milliseconds; ``code`` is None when there was no answer."""

    began: int
    ended: int
    signature: str
    status: int | None
    code: str | None
    description: str = ""
    reference: str = ""

    @property
    def acknowledged(self) -> bool:
        """The tool was told success."""
        return self.status == 200 and self.code == "success"


@dataclass
class Sent:
    """An outcome and what its tool saw of it."""

    plan: OutcomePlan
    body: bytes
    tries: list[Try] = field(default_factory=list)

    @property
    def acknowledged(self) -> bool:
        """The tool was told success at least once."""
        return any(each.acknowledged for each in self.tries)

    @property
    def signatures(self) -> int:
        """How often it was signed."""
        return len({each.signature for each in self.tries})


def body_of(outcome: OutcomePlan, cell: CellPlan, seed: int) -> bytes:
    """Write an outcome as POX; no two are equal, because their message identifiers differ."""
    sourcedid, identifier = cell.seats[outcome.seat].sourcedid, f"soak-{seed}-{outcome.number}"
    if outcome.kind is Kind.DELETE:
        return delete_result(sourcedid)
    data = {"text": outcome.text} if outcome.text else {"url": outcome.url} if outcome.url else None
    return replace_result(
        sourcedid,
        outcome.score,
        total=outcome.total,
        data={name: text for name, text in data.items() if text} if data else None,
        submitted_at=outcome.submitted_at,
        prioritize_non_tool_grade=outcome.prioritized,
        message_identifier=identifier,
    )


class Tools:
    """Sends outcomes; safe to be used by many threads."""

    def __init__(self, port: int, now: Callable[[], float] = time.time) -> None:
        self._port = port
        self._now = now
        self._url = f"http://127.0.0.1:{port}/outcomes"
        self.counts: Counter[str] = Counter()
        self.stopping = Event()
        self._lock = Lock()

    def live(self, sent: Sent, consumer_key: str) -> None:
        """Send an outcome, and again as its tool's manners are."""
        manners, headers = sent.plan.manners, self._signed(sent, consumer_key)
        for number in range(MOST_TRIES):
            if number and (self.stopping.wait(sent.plan.pause) or self.stopping.is_set()):
                return
            if number and manners is Manners.SIGNED_AGAIN:
                headers = self._signed(sent, consumer_key)
            sent.tries.append(self._send(sent, headers))
            if manners is Manners.NEVER or (manners is Manners.ECHO and number):
                return
            if manners is not Manners.ECHO and sent.tries[-1].acknowledged:
                return

    def _signed(self, sent: Sent, consumer_key: str) -> dict[str, str]:
        return signed_headers(self._url, sent.body, consumer_key, SECRET, timestamp=int(self._now()))

    def _send(self, sent: Sent, headers: dict[str, str]) -> Try:
        began, signature = int(self._now() * 1000), headers["Authorization"]
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=sent.plan.patience)
        try:
            connection.request("POST", "/outcomes", sent.body, headers)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            self._count(f"no answer ({type(error).__name__})")
            return Try(began, int(self._now() * 1000), signature, None, None)
        finally:
            connection.close()
        code, description = _CODE.search(text), _TEXT.search(text)
        told = Try(
            began,
            int(self._now() * 1000),
            signature,
            response.status,
            code[1] if code else None,
            description[1] if description else "",
            response.getheader("X-Passback-Reference", ""),
        )
        self._count(_summary(told))
        return told

    def _count(self, what: str) -> None:
        with self._lock:
            self.counts["requests"] += 1
            self.counts[what] += 1


def _summary(told: Try) -> str:
    if told.acknowledged:
        return f"success: {told.description}" if told.description else "success"
    words = told.description.partition("\n")[0].removesuffix(" Please send it again.").split(": ")
    return f"failure: {': '.join(words[:2])[:70]}"
