"""What ``passback doctor`` checks of a stage beyond its records: signed URL, queues, worker and schedule, clocks."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import chain, islice
from typing import TYPE_CHECKING

from chalicelib.clock import Deadline, to_milliseconds
from chalicelib.delivery.breaker import Permission, permission
from chalicelib.delivery.records import Cell, DeliveryState
from chalicelib.errors import HostRefused, PlatformUnavailable, QueueUnavailable
from chalicelib.lti13.registrations import Platform
from passback.check import Check, failed_check, ok_check, skipped_check
from passback.counting import counted
from passback.failures import CommandFailed
from passback.outcome_message import XML_TYPE, OutcomeAnswer, SignedRequest, sign
from passback.queues import Queues, QueueState, attribute_faults

if TYPE_CHECKING:
    from chalicelib.services import Services

Post = Callable[[SignedRequest], OutcomeAnswer]

PROBE = "<doctor/>"
"""A message that no door takes for an outcome: the answer to it comes after the check of its signature, and nothing is
stored or sent for it."""
OVERDUE = 180_000
"""Milliseconds: the schedule looks each minute, for up to 45 seconds."""
TAKEN_WITHIN = 300_000
LOOKED_AT = 25
"""Cells of each listing."""
MOST_URLS = 5
CLOCKS_APART = 60
"""Seconds. Canvas takes an assertion that is up to 300 s old, Moodle none from the future (``token_request``)."""
_SECONDS = 5.0


def all_stage_checks(services: "Services", urls: Sequence[str], queues: Queues, post: Post) -> Iterator[Check]:
    """Make every check of the stage."""
    yield check_signed_urls(services, urls, post)
    check, found = check_queues(queues)
    yield check
    yield check_worker(services, found)
    for platform in services.platforms.list():
        yield check_clock(services, platform)


def check_signed_urls(services: "Services", urls: Sequence[str], post: Post) -> Check:
    """Sign a request for each public URL as a tool does, and see whether the function takes the URL for its own."""
    name = "signed URL"
    if not urls:
        return skipped_check(name, "No public URL is known.", "Set PASSBACK_PUBLIC_URLS to have it checked.")
    tool = next(iter(services.tools.list()), None)
    if tool is None:
        return skipped_check(name, "No tool is registered to sign as.", "Register one: `passback tool add --help`.")
    taken = []
    for base in urls[:MOST_URLS]:
        url = f"{base}/outcomes"
        try:
            answer = post(sign(url, PROBE, XML_TYPE, tool.consumer_key, tool.secrets[0]))
        except CommandFailed:
            return failed_check(
                name, f"{url} gives no answer.", "Is the service deployed, and does the name lead to it?"
            )
        if answer.status == 401:
            return failed_check(
                name,
                f"A request signed for {url} is refused: the function takes another URL for its own.",
                f"Give the functions PASSBACK_PUBLIC_URLS with {base}, as tools have it: scheme, host, base path. If "
                "that is so, do they use this table and this key?",
            )
        if not answer.code_major:
            return failed_check(
                name,
                f"{url} answers {answer.status}, and not as Passback does.",
                "Does the name lead to this service? With a custom domain, look at its base path mapping.",
            )
        taken.append(url)
    return ok_check(name, f"A signature for {', '.join(taken)} is taken.")


def check_queues(queues: Queues) -> tuple[Check, tuple[QueueState, QueueState] | None]:
    """Read both queues and compare their attributes with what Passback needs."""
    try:
        found = queues.look()
    except QueueUnavailable as problem:
        remedy = "Check PASSBACK_QUEUE and PASSBACK_DEAD_LETTER_QUEUE, region and rights; `passback setup` makes them."
        return failed_check("queues", f"{problem.reason}.", remedy), None
    faults = attribute_faults(*found)
    if faults:
        remedy = 'Set the attributes as docs/settings.md has them, under "The table and the queues".'
        return failed_check("queues", f"{'; '.join(faults)}.", remedy), found
    dead = found[1].waiting + found[1].in_hand
    if dead:
        return failed_check(
            "queues",
            f"In the dead-letter queue: about {counted(dead, 'message')}.",
            "Read their reasons (docs/operate-the-queue.md); no delivery is lost with them.",
        ), found
    waiting = counted(found[0].waiting, "message")
    return ok_check("queues", f"Both are as they should be; waiting: about {waiting}."), found


def check_worker(services: "Services", found: tuple[QueueState, QueueState] | None) -> Check:
    """Look for what should have been called for or taken long ago: the schedule and the worker leave such traces."""
    name, now = "worker and schedule", to_milliseconds(services.clock.now())
    heads: list[Cell] = []
    for platform in services.platforms.list():
        if permission(services.health.get(platform.name), now) is Permission.GO:
            heads += _heads(services, platform)
    overdue = max((now - cell.due_at for cell in heads if cell.due_at is not None), default=0)
    if overdue > OVERDUE:
        return failed_check(
            name,
            f"A delivery has been due for {counted(overdue // 60_000, 'minute')}, and the schedule has not sent it.",
            "Look at the function each_minute: is its rule in EventBridge on, and what does its log say?",
        )
    look_again = services.settings.retries.look_again
    called = (cell.due_at for cell in _called(services, heads) if cell.due_at is not None)
    out = max((now - (due_at - look_again) for due_at in called), default=0)
    if out > TAKEN_WITHIN and found is not None and found[0].waiting and not found[0].in_hand:
        return failed_check(
            name,
            f"A message has been waiting for {counted(out // 60_000, 'minute')}, and nobody takes one.",
            "Look at the function deliver: is its event source, the queue of deliveries, on? What does its log say?",
        )
    if not heads:
        return ok_check(name, "Nothing is undelivered, so they have left no trace to look at.")
    return ok_check(name, "What is undelivered was called for in time.")


def check_clock(services: "Services", platform: Platform) -> Check:
    """Compare our clock with the one in a platform's answer; any answer of its token endpoint will do."""
    name = f"{platform.name}: clock"
    deadline = Deadline.after(services.clock, _SECONDS)
    try:
        reply = services.transport.send(platform, "GET", platform.token_url, {}, None, deadline)
    except (PlatformUnavailable, HostRefused):
        return skipped_check(name, "It gives no answer to read its clock from.")
    theirs = _date(reply.headers.get("date", ""))
    if theirs is None:
        return skipped_check(name, "Its answers do not say what time it is.")
    apart = (services.clock.now() - theirs).total_seconds()
    if abs(apart) <= CLOCKS_APART:
        return ok_check(name, f"Within {CLOCKS_APART} seconds of ours.")
    return failed_check(
        name,
        f"Ours is {abs(apart):.0f} seconds {'ahead of' if apart > 0 else 'behind'} its own.",
        "Set the clock that is wrong (NTP): tokens are refused, and grades may count as older than they are.",
    )


def _heads(services: "Services", platform: Platform) -> list[Cell]:
    listings = services.ledger.undelivered_listings(platform.name)
    return [
        cell for cell in chain.from_iterable(islice(cells, LOOKED_AT) for cells in listings) if cell.head is not None
    ]


def _called(services: "Services", heads: Sequence[Cell]) -> Iterator[Cell]:
    """Give the cells for whose heads messages are out: they are due again only once those must have been taken."""
    ids = [cell.head.delivery_id for cell in heads if cell.head is not None]
    queued = {each.id for each in services.deliveries.get_many(ids) if each.state is DeliveryState.QUEUED}
    return (cell for cell in heads if cell.head is not None and cell.head.delivery_id in queued)


def _date(text: str) -> datetime | None:
    try:
        read = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return read if read.tzinfo is not None else None
