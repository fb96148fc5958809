"""``passback delivery retry``: back into the line, one by one or all that failed."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from chalicelib.delivery.records import DeliveryState
from passback.asking import agree
from passback.commands import Command
from passback.deliveries.destinations import Destinations
from passback.deliveries.filters import hint_at_unknown, since_option, until_option, wanted, whose_options
from passback.failures import CommandFailed
from passback.output import Words
from passback.progress import progress
from passback.session import Session, pass_session

_ALL = frozenset({DeliveryState.FAILED})
_EXPECTED_OF_ALL = ("covered", "gone")
"""Why a failed delivery stays as it is, each time anew, without anything being wrong."""


@click.command(cls=Command)
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option(
    "--force",
    is_flag=True,
    help="Send it whole and as the newest, over a person's grade and over newer outcomes. Only with IDs.",
)
@click.option("--all-failed", is_flag=True, help="All that failed, oldest first; the options below choose among them.")
@whose_options
@since_option
@until_option
@click.option("--yes", is_flag=True, help="Do not ask before --all-failed.")
@pass_session
@click.pass_context
def retry(
    context: click.Context,
    session: Session,
    /,
    ids: tuple[str, ...],
    force: bool,
    all_failed: bool,
    yes: bool,
    **choice: Any,
) -> None:
    """Try deliveries again that failed, were refused, are held, or wait for their next try.

    They go back into the line of their student and line item with the time of the outcome, and are delivered by the
    queue, for as long as a fresh one would be. What they still bring is decided then: a newer outcome or a person's
    grade stays, unless --force is given. One that was ended while it was parked goes where its sourcedid points by
    now, once that is mapped. The exit status is 1 when some could not be queued again; with --all-failed
    those do not count whose content is no longer kept, or that a newer outcome covers.
    """
    _check(ids, force=force, all_failed=all_failed, chosen=any(value is not None for value in choice.values()))
    if all_failed:
        ids = tuple(_failed(session, choice))
        if not ids:
            hint_at_unknown(session, choice["consumer_key"], choice["platform"])
        sentence = f"{len(ids)} failed {'delivery is' if len(ids) == 1 else 'deliveries are'} to be tried again."
        if ids:
            agree(session, sentence, yes=yes)
    if _again(session, tuple(dict.fromkeys(ids)), _EXPECTED_OF_ALL if all_failed else (), force=force):
        context.exit(1)


def _check(ids: Sequence[str], *, force: bool, all_failed: bool, chosen: bool) -> None:
    """Refuse what contradicts itself.

    Raises
    ------
    CommandFailed
        If IDs and --all-failed are both given, or neither; or what belongs to one of them goes with the other.
    """
    if bool(ids) == all_failed:
        raise CommandFailed("usage", "Give the IDs of deliveries, or --all-failed.", 2)
    if all_failed and force:
        raise CommandFailed(
            "usage", "--force goes over people's grades: give it with the IDs of single deliveries, not for all.", 2
        )
    if ids and chosen:
        raise CommandFailed("usage", "--tool, --platform, --course, --user, --since, --until go with --all-failed.", 2)


def _failed(session: Session, choice: dict[str, Any]) -> Iterator[str]:
    """Give the failed deliveries, oldest first: so they stand in their lines in their order."""
    now = session.clock.now()
    listed = session.services.deliveries.list(now, wanted(now, states=_ALL, **choice))
    return reversed([each.id for each in listed])


def _again(session: Session, ids: Sequence[str], expected: Sequence[str], *, force: bool) -> bool:
    """Queue the deliveries again and tell; returns whether some could not be for other reasons than expected."""
    queued: list[str] = []
    refused: list[dict[str, str]] = []
    destinations = Destinations(session.services, session.clock.now())
    with progress("queueing", len(ids)) as advance:
        for delivery_id in ids:
            why = session.services.requeue.again(delivery_id, force=force, find_mapping=destinations.find)
            if why is None:
                queued.append(delivery_id)
            else:
                refused.append({"id": delivery_id, "code": why.name.lower(), "reason": why.value})
            advance()
    for each in refused:  # below the bar, not through it
        session.output.note(f"{each['id']}: {each['reason']}", style="red")
    unexpected = sum(each["code"] not in expected for each in refused)
    document: dict[str, Any] = {"queued": queued, "refused": refused}
    if unexpected:
        document["error"] = {"code": "not_queued", "message": f"{unexpected} could not be queued again."}
    sentence = f"{len(queued)} queued again, {len(refused)} not." if queued or refused else "Nothing failed."
    session.output.show(document, Words(sentence, "yellow" if refused else "green"))
    return bool(unexpected)
