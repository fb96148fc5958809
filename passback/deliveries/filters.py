"""The options by which deliveries are chosen; the same ones for every command that goes through many."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from chalicelib.delivery.records import DeliveryState
from passback.moments import Moment, milliseconds
from passback.parameters import ConsumerKey, PlainText, PlatformName

if TYPE_CHECKING:
    from chalicelib.storage.deliveries import DeliveryFilter
    from passback.session import Session

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

STATES = tuple(state.value for state in DeliveryState)
UNDER_WAY = frozenset(state for state in DeliveryState if state.under_way)

_WHOSE = (
    click.option("--tool", "--key", "consumer_key", type=ConsumerKey(), help="Only this tool's; its consumer key."),
    click.option("--platform", type=PlatformName(), help="Only to this platform."),
    click.option(
        "--course",
        type=PlainText(),
        metavar="TEXT",
        help="Only of this course: the mapping's context, or its number in the line item's URL.",
    ),
    click.option("--user", "user_id", type=PlainText(), metavar="ID", help="Only of this user id at the platform."),
)
_SINCE = click.option("--since", type=Moment(), help="Only received since: 2026-02-03, 2026-02-03T10:15, 2h or 3d.")
_UNTIL = click.option("--until", type=Moment(), help="Only received before; written like --since.")


def whose_options(command: Decorated) -> Decorated:
    """Let a command take --tool, --platform, --course and --user."""
    return _with(command, *_WHOSE)


def since_option(command: Decorated) -> Decorated:
    """Let a command take --since."""
    return _with(command, _SINCE)


def until_option(command: Decorated) -> Decorated:
    """Let a command take --until."""
    return _with(command, _UNTIL)


def wanted(
    now: datetime,
    *,
    states: frozenset[DeliveryState] | None = None,
    consumer_key: str | None = None,
    platform: str | None = None,
    course: str | None = None,
    user_id: str | None = None,
    since: datetime | timedelta | None = None,
    until: datetime | timedelta | None = None,
) -> "DeliveryFilter":
    """Return the filter that the options ask for."""
    from chalicelib.storage.deliveries import DeliveryFilter  # boto3: not needed for --help

    return DeliveryFilter(
        consumer_key, platform, states or None, user_id, course, milliseconds(since, now), milliseconds(until, now)
    )


def hint_at_unknown(session: "Session", consumer_key: str | None, platform: str | None) -> None:
    """Say on standard error when a tool or platform is asked for that is not registered: mostly it is mistyped.

    It is no error: deliveries outlast what they are of.
    """
    for noun, name, store in (
        ("tool", consumer_key, session.services.tools),
        ("platform", platform, session.services.platforms),
    ):
        if name is not None and store.get(name) is None:
            session.output.note(f"No {noun} {name!r} is registered; `passback {noun} list` names those that are.")


def _with(command: Decorated, *options: Callable[[Decorated], Decorated]) -> Decorated:
    for option in reversed(options):
        command = option(command)
    return command
