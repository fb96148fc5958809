"""``passback doctor``: is everything in place for a grade to arrive, and why is a signature refused."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import BinaryIO

import click

from passback.check import Check, CheckState
from passback.checks import all_checks, fetch_json, system_resolve
from passback.commands import Command
from passback.counting import counted
from passback.failures import CommandFailed
from passback.home import Home
from passback.moments import Moment, milliseconds
from passback.outcome_message import post
from passback.output import Table, Words
from passback.parameters import PlainText, secret_from_stdin, split_url
from passback.session import Session, pass_session


@click.command(cls=Command)
@click.option(
    "--signature",
    "captured",
    type=click.File("rb"),
    metavar="FILE",
    help="Explain instead why a captured request's signature is refused: raw HTTP, or JSON with method, url, headers "
    "and body.",
)
@click.option(
    "--at", type=Moment(), help="With --signature: when the request arrived: 2026-02-03T10:15, 90m or 2h ago."
)
@click.option("--tool-url", type=PlainText(), metavar="URL", help="With --signature: the URL that the tool was given.")
@click.option(
    "--secret-stdin",
    is_flag=True,
    help="With --signature: also try the secret that the tool has, read from standard input; it is not shown.",
)
@pass_session
@click.pass_context
def doctor(
    context: click.Context,
    session: Session,
    captured: BinaryIO | None,
    at: datetime | timedelta | None,
    tool_url: str | None,
    secret_stdin: bool,
) -> None:
    """Check that grades can arrive, or explain why a signature is refused.

    Settings, table, signing key, key set; of every platform its hosts, an access token, one line item, one result and
    the clock; the URL that tools sign, the queues, worker and schedule. Each line says what to do when it fails. The
    exit status is 1 when a check failed.
    """
    if captured is not None:
        secret = secret_from_stdin() if secret_stdin else None
        failed = _explain(session, captured, at, tool_url, secret)
    elif at is not None or tool_url is not None or secret_stdin:
        raise CommandFailed("usage", "--at, --tool-url and --secret-stdin go with --signature FILE.", 2)
    else:
        failed = _check(session)
    if failed:
        context.exit(1)


def _check(session: Session) -> bool:
    from passback.signature.showing import check_document, check_rows

    checks = list(_checks(session))
    failed = [check for check in checks if check.state is CheckState.FAILED]
    document: dict[str, object] = {"ok": not failed, "checks": [check_document(check) for check in checks]}
    if failed:
        document["error"] = {"code": "checks_failed", "message": f"{counted(len(failed), 'check')} failed."}
    verdict = Words(f"{counted(len(failed), 'check')} failed.", "red") if failed else Words("All is in place.", "green")
    session.output.show(document, Table(("check", "", "what was found, and what to do"), check_rows(checks)), verdict)
    return bool(failed)


def _checks(session: Session) -> Iterator[Check]:
    from passback.queues import queues_of
    from passback.stage_checks import all_stage_checks

    base_url, services = _base_url(session), session.services
    records = list(all_checks(services, base_url, system_resolve, fetch_json))
    yield from records
    if not any(each.name == "table" and each.state is CheckState.FAILED for each in records):
        urls = services.settings.public_urls or tuple(filter(None, (base_url,)))
        yield from all_stage_checks(services, urls, queues_of(session), post)


def _explain(
    session: Session, captured: BinaryIO, at: datetime | timedelta | None, tool_url: str | None, secret: str | None
) -> bool:
    """Explain a captured request; returns whether it is refused."""
    from passback.signature.capture import LARGEST, read_capture
    from passback.signature.explanation import Known, explain
    from passback.signature.showing import explanation_document, explanation_views

    if tool_url is not None and split_url(tool_url) is None:
        raise CommandFailed("usage", "--tool-url is no http or https URL.", 2)
    now = session.clock.now()
    capture = read_capture(captured.read(LARGEST + 1))
    received_at = milliseconds(at, now) if at is not None else capture.received_at
    found = explain(session.services, capture, Known(received_at, tool_url, secret), now)
    document = explanation_document(found)
    session.output.show(document, *explanation_views(found))
    return not document["ok"]


def _base_url(session: Session) -> str | None:
    public = session.services.settings.public_urls
    if public:
        return public[0]
    stack = Home.from_environment(session.environment).running_stack() if session.services.settings.is_local else None
    return stack.base_url if stack else None
