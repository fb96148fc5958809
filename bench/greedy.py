"""A client that knows no throttle: it sends scores as fast as it can, and what is refused again at once."""

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from bench.simulator_counts import Counts, read_counts
from bench.stack import Seat, Site, Stack, random_score
from chalicelib.clock import Deadline, to_iso
from chalicelib.lti13.ags import SCORE

THREADS = 24
"""Twice as many as Canvas ever lets through at once."""
THROTTLED = "Rate Limit Exceeded"
"""How a throttled answer is told from any other 403 (Canvas AGS, section 9)."""


@dataclass(frozen=True, slots=True)
class Greedy:
    """How the greedy client fared. ``left``: scores that it did not bring in within its time."""

    seconds: float
    left: int
    counts: Counts


def send_all(stack: Stack, site: Site, seats: Sequence[Seat], limit: float) -> Greedy:
    """Send one score for each seat, with a token of Passback's; gives up after so many seconds."""
    platform = stack.services.platforms.get(site.name)
    assert platform is not None
    token = stack.services.tokens.token(platform, Deadline.after(stack.services.clock, 30.0)).value
    site.control("counters", reset=True)
    todo = deque(seats)
    started = time.monotonic()
    with ThreadPoolExecutor(THREADS) as threads:
        senders = [threads.submit(_send, todo, token, started + limit) for _ in range(THREADS)]
        for sender in senders:
            sender.result()
    return Greedy(time.monotonic() - started, len(todo), read_counts(site))


def _send(todo: deque[Seat], token: str, give_up: float) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": SCORE}
    with httpx.Client(trust_env=False, timeout=60.0, headers=headers) as client:
        while time.monotonic() < give_up:
            try:
                seat = todo.popleft()
            except IndexError:
                return
            if not _accepted(client, seat):
                todo.appendleft(seat)


def _accepted(client: httpx.Client, seat: Seat) -> bool:
    """Send one score; False when it is throttled.

    Raises
    ------
    RuntimeError
        If it is refused for any other reason: then nothing is measured.
    """
    score = {
        "userId": seat.user_id,
        "scoreGiven": float(random_score()),
        "scoreMaximum": 1,
        "activityProgress": "Completed",
        "gradingProgress": "FullyGraded",
        "timestamp": to_iso(datetime.now(UTC)),
    }
    response = client.post(f"{seat.line_item}/scores", json=score, headers={"Content-Type": SCORE})
    if response.is_success:
        return True
    if THROTTLED in response.text:
        return False
    raise RuntimeError(f"the platform refused a score: {response.status_code} {response.text}")
