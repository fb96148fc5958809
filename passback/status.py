"""``passback status``: one screen that says how it goes."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from chalicelib.clock import from_milliseconds, to_iso
from chalicelib.delivery.breaker import Permission
from chalicelib.delivery.records import Delivery, DeliveryState
from chalicelib.lti13.key_rotation import signing_key
from passback.commands import Command
from passback.counting import counted
from passback.deliveries.documents import delivery_document, why
from passback.failures import CommandFailed
from passback.moments import distance, instant
from passback.output import Facts, Table, View, Words
from passback.parameters import Seconds
from passback.session import Session, pass_session

if TYPE_CHECKING:
    from passback.alarms import AlarmStates
    from passback.overview import Overview, PlatformState, Reason

_CLEAR = "\x1b[2J\x1b[H"


@click.command(cls=Command)
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C. With --json: JSON Lines.")
@click.option(
    "--interval",
    type=Seconds(1, 3600),
    default=30.0,
    show_default=True,
    help="With --watch: seconds between two looks.",
)
@click.option("--timeout", type=Seconds(0, min_open=True), metavar="SECONDS", help="With --watch: end after so long.")
@pass_session
def status(session: Session, watch: bool, interval: float, timeout: float | None) -> None:
    """Show on one screen how it goes.

    Alarms, queue and dead letters, what is undelivered, why grades of the last day did not arrive, platforms, the last
    deliveries, keys. One look reads 1000 undelivered outcomes and 2000 deliveries at most, and says when there are
    more.
    """
    from passback.alarms import alarms_of  # boto3: not needed for --help
    from passback.overview import gather
    from passback.queues import queues_of

    if timeout is not None and not watch:
        raise CommandFailed("usage", "--timeout goes with --watch.", 2)
    queues, alarms = queues_of(session), alarms_of(session)
    end = None if timeout is None else session.clock.monotonic() + timeout
    while True:
        overview = gather(session.services, queues, alarms, session.clock.now())
        if watch and sys.stdout.isatty() and not session.output.json_mode:
            sys.stdout.write(_CLEAR)
        session.output.show(status_document(overview), *status_views(overview))
        left = interval if end is None else end - session.clock.monotonic()
        if not watch or left <= 0:
            return
        session.clock.sleep(min(interval, left))


def status_document(overview: "Overview") -> dict[str, Any]:
    """Return an overview as JSON-able values."""
    queues, day, undelivered = overview.queues, overview.day, overview.undelivered
    return {
        "at": instant(overview.at),
        "alarms": _alarms_document(overview.alarms),
        "queue": None if queues is None else {"waiting": queues[0].waiting, "in_hand": queues[0].in_hand},
        "dead_letters": None if queues is None else queues[1].waiting + queues[1].in_hand,
        "queue_problem": overview.queue_problem or None,
        "undelivered": {
            "number": undelivered.number,
            "more": undelivered.cut,
            "states": _numbers(undelivered.states),
            "oldest": None if undelivered.oldest is None else delivery_document(undelivered.oldest),
        },
        "parked": overview.parked,
        "missing_mappings": {"number": overview.missing, "more": overview.missing_cut},
        "last_day": {
            "since": instant(day.since),
            "more": day.cut,
            "states": _numbers(day.states),
            "reasons": [_reason_document(each) for each in day.reasons],
        },
        "platforms": [_platform_document(each, overview.at) for each in overview.platforms],
        "more_platforms": overview.platforms_cut,
        "last_deliveries": [delivery_document(each) for each in day.last],
        "keys": [{"kid": each.kid, "created_at": to_iso(each.created_at)} for each in overview.keys],
    }


def status_views(overview: "Overview") -> list[View]:
    """Return an overview for people."""
    day, now = overview.day, overview.at
    views: list[View] = [Facts(_facts(overview))]
    if day.reasons:
        rows = [(str(each.number), each.state.value, each.newest.id, each.sentence) for each in day.reasons]
        head = "Why grades did not arrive (`passback delivery show ID` says what to do):"
        views += [Words(head, "bold"), Table(("how many", "state", "newest", "why"), rows)]
    columns = ("platform", "", "last answer that ended a delivery")
    platforms = [(each.name, _standing(each, now), _answered(each, now)) for each in overview.platforms]
    views += [Words("Platforms:", "bold"), Table(columns, platforms, empty="No platform is registered.")]
    if overview.platforms_cut:
        views.append(Words(f"Only the first {len(overview.platforms)} platforms were looked at.", "yellow"))
    views.append(Words("Last deliveries:", "bold"))
    rows_of_last = [_row(each, now) for each in day.last]
    views.append(
        Table(("received", "id", "tool", "platform", "state", "what is known"), rows_of_last, empty="None today.")
    )
    return views


def _facts(overview: "Overview") -> list[tuple[str, str]]:
    queues, day, undelivered, now = overview.queues, overview.day, overview.undelivered, overview.at
    if queues is None:
        queue = [("queue", f"cannot be read: {overview.queue_problem}; `passback doctor` says what to do")]
    else:
        dead = queues[1].waiting + queues[1].in_hand
        queue = [
            ("queue", f"about {queues[0].waiting} waiting, {queues[0].in_hand} in hand"),
            ("dead letters", f"about {dead}: read their reasons" if dead else "none"),
        ]
    oldest = undelivered.oldest
    old = "" if oldest is None else f"; the oldest was received {distance(oldest.received_at, now)} ({oldest.id})"
    least = "at least " if overview.missing_cut else ""
    missing = f"{least}{counted(overview.missing, 'sourcedid')} without a mapping"
    hint = " (`passback mapping missing`)" if overview.missing else ""
    looked = f" (only the newest, since {instant(day.since)}, were looked at)" if day.cut else ""
    keys = "none: `passback key show` makes one"
    if overview.keys:
        keys = f"{len(overview.keys)}, {signing_key(overview.keys, from_milliseconds(now)).kid} in use"
    return [
        ("at", instant(now) or ""),
        *_alarms(overview.alarms),
        *queue,
        (
            "undelivered",
            _states(undelivered.states, undelivered.number) + (" or more" if undelivered.cut else "") + old,
        ),
        ("parked", f"about {overview.parked}; {missing}{hint}"),
        ("last day", _states(day.states, sum(day.states.values())) + looked),
        ("signing keys", keys),
    ]


def _alarms(alarms: "AlarmStates | None") -> list[tuple[str, str]]:
    if alarms is None:
        return []
    if alarms.number is None:
        return [("alarms", f"cannot be read ({alarms.problem})")]
    if not alarms.number:
        return [("alarms", "there are none")]
    return [("alarms", f"{', '.join(alarms.raised) or 'none'} of {alarms.number} raised")]


def _alarms_document(alarms: "AlarmStates | None") -> dict[str, Any] | None:
    if alarms is None:
        return None
    return {"number": alarms.number, "raised": list(alarms.raised), "problem": alarms.problem or None}


def _states(states: Mapping[DeliveryState, int], number: int) -> str:
    parts = [f"{states[state]} {state.value}" for state in DeliveryState if states.get(state)]
    return f"{number}: {', '.join(parts)}" if parts else "none"


def _numbers(states: Mapping[DeliveryState, int]) -> dict[str, int]:
    return {state.value: states[state] for state in DeliveryState if states.get(state)}


def _reason_document(reason: "Reason") -> dict[str, Any]:
    return {
        "state": reason.state.value,
        "remedy": reason.name,
        "number": reason.number,
        "why": reason.sentence,
        "newest": reason.newest.id,
    }


def _standing(platform: "PlatformState", now: int) -> str:
    health = platform.health
    match platform.permission:
        case Permission.CLOSED_OFF | Permission.PROBE:
            return f"down since {instant(health.opened_at)}, next probe {distance(health.probe_at, now)}"
        case Permission.SLOWED:
            return f"slowed until {instant(health.slowed_until)}"
        case Permission.GO:
            troubles = counted(len(health.troubles), "trouble")
            return f"called; {troubles} since its last answer" if health.troubles else "ok"


def _answered(platform: "PlatformState", now: int) -> str:
    return "not known" if platform.answered_at is None else distance(platform.answered_at, now)


def _platform_document(platform: "PlatformState", now: int) -> dict[str, Any]:
    return {
        "name": platform.name,
        "state": platform.permission.value,
        "standing": _standing(platform, now),
        "opened_at": instant(platform.health.opened_at),
        "slowed_until": instant(platform.health.slowed_until) if platform.health.slowed_until > now else None,
        "answered_at": instant(platform.answered_at),
    }


def _row(delivery: Delivery, now: int) -> tuple[str, ...]:
    return (
        distance(delivery.received_at, now),
        delivery.id,
        delivery.consumer_key,
        delivery.cell.platform or "-",
        delivery.state.value,
        why(delivery),
    )
