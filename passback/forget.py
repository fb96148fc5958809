"""``passback forget``: remove a person."""

import click

from passback.asking import agree
from passback.commands import Command
from passback.failures import CommandFailed
from passback.output import Facts, View, Words
from passback.parameters import PlainText, PlatformName
from passback.progress import progress
from passback.session import Session, pass_session

STAYS = (
    "Receipts of requests, without any name: they mean nothing after 90 minutes, and the table deletes them.",
    "The log: it names deliveries by their ids and references, never a person.",
    "Backups of the table, until they expire.",
    "The platform: grades, submissions and their history are there as before.",
)
_LABELS = {
    "mappings": "mappings",
    "cells": "squares of the gradebook",
    "deliveries": "deliveries with their stories and contents",
    "undelivered": "of these not delivered yet",
    "waiting_sourcedids": "sourcedids that wait for a mapping",
}


@click.command(cls=Command)
@click.option("--user", "user_id", required=True, type=PlainText(), metavar="ID", help="The user id at the platform.")
@click.option("--platform", required=True, type=PlatformName(), help="The platform's name here.")
@click.option(
    "--with-undelivered", is_flag=True, help="Also what is not delivered yet; those grades will never arrive."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_session
def forget(session: Session, user_id: str, platform: str, with_undelivered: bool, yes: bool) -> None:
    """Remove a person: mappings, what is known of the gradebook, deliveries with their stories and contents.

    It shows first what there is. Should it be stopped, run it again. Also run it again a minute later if the person
    was at work just now.
    """
    from passback.person import find, remove

    services, now = session.services, session.clock.now()
    person = find(services, platform, user_id, now)
    counts = person.counts()
    if not person.is_known:
        _check_name(session, platform)
        session.output.show({"forgotten": counts, "stays": list(STAYS)}, Words("Nothing is known of this user."))
        return
    if person.undelivered and not with_undelivered:
        raise CommandFailed(
            "undelivered",
            f"{len(person.undelivered)} of this user's deliveries are not delivered yet: `passback delivery list "
            "--user ID` names them. Wait for them, or lose those grades with --with-undelivered.",
        )
    facts: list[View] = [Facts([(label, str(counts[name])) for name, label in _LABELS.items()])]
    if not session.output.json_mode:
        session.output.show({}, *facts)
    agree(session, f"All this of user {user_id} at {platform} is to be removed for good.", yes=yes)
    with progress("removing", sum(counts.values()) - counts["undelivered"]) as advance:
        remove(services, platform, user_id, person, now, advance)
    session.output.show(
        {"forgotten": counts, "stays": list(STAYS)},
        Words(f"User {user_id} at {platform} is forgotten.", "green"),
        Words("\n".join(["What stays:", *(f"- {each}" for each in STAYS)])),
    )


def _check_name(session: Session, platform: str) -> None:
    """Let nobody believe that a person is forgotten because the platform's name was mistyped.

    Raises
    ------
    CommandFailed
        If no platform of this name is registered. What is left of one that was removed is found before.
    """
    names = sorted(each.name for each in session.services.platforms.list())
    if platform not in names:
        raise CommandFailed(
            "not_found",
            f"There is no platform {platform!r}, and nothing is known of this user there. Registered: "
            f"{', '.join(names) or 'none'}.",
        )
