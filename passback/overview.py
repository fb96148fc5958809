"""What ``passback status`` shows, gathered at a bounded cost: every look has a limit, and says when it was reached."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from textwrap import shorten
from typing import TYPE_CHECKING

from chalicelib.clock import to_milliseconds
from chalicelib.delivery.breaker import Permission, PlatformHealth, permission
from chalicelib.delivery.records import Delivery, DeliveryState
from chalicelib.errors import QueueUnavailable
from chalicelib.lti13.keys import SigningKey
from chalicelib.storage.deliveries import DeliveryFilter
from chalicelib.storage.lots import TENTHS
from passback.alarms import Alarms, AlarmStates
from passback.queues import Queues, QueueState
from passback.remedies import Remedy, remedy_of
from passback.remedies.general import GENERAL

if TYPE_CHECKING:
    from chalicelib.services import Services

DAY = 86_400_000
MOST_UNDELIVERED = 1_000
MOST_OF_A_DAY = 2_000
MOST_MISSING = 200
MOST_PLATFORMS = 50
LAST = 5
MOST_WORDS = 200
"""Characters of a platform's words; `passback delivery show ID` has them all."""
_TROUBLE = (DeliveryState.REFUSED, DeliveryState.FAILED, DeliveryState.HELD)


@dataclass(frozen=True, slots=True)
class Undelivered:
    """What stands in the lines of cells. ``cut``: there is more than was looked at. ``oldest``: received then, ms."""

    states: Mapping[DeliveryState, int]
    oldest: Delivery | None
    cut: bool

    @property
    def number(self) -> int:
        """Return how many were seen."""
        return sum(self.states.values())


@dataclass(frozen=True, slots=True)
class Reason:
    """Why grades did not arrive. ``newest``: the latest delivery that ended so; its platform's words stand for all."""

    state: DeliveryState
    remedy: Remedy | None
    number: int
    newest: Delivery

    @property
    def name(self) -> str:
        """Return the remedy's name, for scripts."""
        return "unknown" if self.remedy is None else self.remedy.name

    @property
    def sentence(self) -> str:
        """Say it for people: the cause; where that is a general one only, with the words that came last."""
        cause = "The reason is not known." if self.remedy is None else self.remedy.cause
        if self.newest.platform_words and (self.remedy is None or self.remedy in GENERAL):
            return f"{cause} The last words: {shorten(self.newest.platform_words, MOST_WORDS, placeholder=' …')}"
        return cause


@dataclass(frozen=True, slots=True)
class Day:
    """The newest deliveries of the last day. ``since`` (ms): how far back was looked when it was cut."""

    states: Mapping[DeliveryState, int]
    reasons: Sequence[Reason]
    """Why grades did not arrive, most frequent first."""
    answered_at: Mapping[str, int]
    """When each platform last answered, as far as a delivery's end tells, ms."""
    last: Sequence[Delivery]
    cut: bool
    since: int


@dataclass(frozen=True, slots=True)
class PlatformState:
    """How a platform is."""

    name: str
    permission: Permission
    health: PlatformHealth
    answered_at: int | None


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything of one look. ``queues`` is None when they cannot be read; ``queue_problem`` says why.

    ``alarms`` is None where there can be none: on the local stack.
    """

    at: int
    undelivered: Undelivered
    parked: int
    missing: int
    missing_cut: bool
    day: Day
    platforms: Sequence[PlatformState]
    platforms_cut: bool
    keys: Sequence[SigningKey]
    queues: tuple[QueueState, QueueState] | None = None
    queue_problem: str = ""
    profiles: Mapping[str, str] = field(default_factory=dict)
    alarms: AlarmStates | None = None


def gather(services: "Services", queues: Queues, alarms: Alarms | None, now: datetime) -> Overview:
    """Look at everything once. Raises StorageUnavailable when the table cannot be read."""
    at = to_milliseconds(now)
    platforms = list(islice(services.platforms.list(), MOST_PLATFORMS + 1))
    names, cut = [each.name for each in platforms[:MOST_PLATFORMS]], len(platforms) > MOST_PLATFORMS
    profiles = {each.name: each.profile for each in platforms}
    day = _day(services, now, profiles)
    lots = list(islice(services.lots.list(at), MOST_MISSING + 1))
    missing = sum(mapping is None for _, mapping in services.lots.with_mappings(iter(lots[:MOST_MISSING])))
    seen, problem = _queues(queues)
    return Overview(
        at=at,
        undelivered=_undelivered(services, names),
        parked=sum(count.number for tenth in range(TENTHS) for count in services.lots.counts(tenth)),
        missing=missing,
        missing_cut=len(lots) > MOST_MISSING,
        day=day,
        platforms=[_platform(services, name, at, day) for name in names],
        platforms_cut=cut,
        keys=services.signing_keys.list(),
        queues=seen,
        queue_problem=problem,
        profiles=profiles,
        alarms=None if alarms is None else alarms.look(),
    )


def _queues(queues: Queues) -> tuple[tuple[QueueState, QueueState] | None, str]:
    try:
        return queues.look(), ""
    except QueueUnavailable as problem:
        return None, problem.reason


def _undelivered(services: "Services", names: Sequence[str]) -> Undelivered:
    """Read what stands in lines, the same share of each platform, what is due first."""
    share = max(1, MOST_UNDELIVERED // max(1, len(names)))
    ids: list[str] = []
    cut = False
    for name in names:
        found = list(islice(_in_lines(services, name), share + 1))
        cut = cut or len(found) > share
        ids += found[:share]
    deliveries = [each for each in services.deliveries.get_many(ids) if each.state.under_way]
    oldest = min(deliveries, key=lambda each: each.received_at, default=None)
    return Undelivered(Counter(each.state for each in deliveries), oldest, cut)


def _in_lines(services: "Services", name: str) -> Iterator[str]:
    return (place.delivery_id for cell in services.ledger.undelivered_cells(name) for place in cell.line)


def _day(services: "Services", now: datetime, profiles: Mapping[str, str]) -> Day:
    since = to_milliseconds(now) - DAY
    found = list(islice(services.deliveries.list(now, DeliveryFilter(since=since)), MOST_OF_A_DAY + 1))
    cut, found = len(found) > MOST_OF_A_DAY, found[:MOST_OF_A_DAY]
    answered: dict[str, int] = {}
    not_arrived: list[tuple[Remedy | None, Delivery]] = []
    for each in found:
        name = each.cell.platform
        if each.state in _TROUBLE:
            not_arrived.append((remedy_of(each, profiles.get(name, "")), each))
        if each.state in (DeliveryState.DELIVERED, DeliveryState.REFUSED) and each.ended_at is not None and name:
            answered[name] = max(answered.get(name, 0), each.ended_at)
    return Day(
        states=Counter(each.state for each in found),
        reasons=_reasons(not_arrived),
        answered_at=answered,
        last=found[:LAST],
        cut=cut,
        since=found[-1].received_at if cut else since,
    )


def _reasons(not_arrived: Sequence[tuple[Remedy | None, Delivery]]) -> list[Reason]:
    """Count what did not arrive, newest first, by state and remedy."""
    newest: dict[tuple[DeliveryState, Remedy | None], Delivery] = {}
    numbers: Counter[tuple[DeliveryState, Remedy | None]] = Counter()
    for remedy, delivery in not_arrived:
        newest.setdefault((delivery.state, remedy), delivery)
        numbers[delivery.state, remedy] += 1
    return [Reason(*known, number, newest[known]) for known, number in numbers.most_common()]


def _platform(services: "Services", name: str, at: int, day: Day) -> PlatformState:
    health = services.health.get(name)
    return PlatformState(name, permission(health, at), health, day.answered_at.get(name))
