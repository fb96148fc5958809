"""``passback doctor``: is everything in place for a grade to arrive, and what to do if not."""

import click

from passback.checks import Check, CheckState, all_checks, fetch_json, system_resolve
from passback.commands import Command
from passback.home import Home
from passback.output import Table, Words
from passback.session import Session, pass_session


@click.command(cls=Command)
@pass_session
@click.pass_context
def doctor(context: click.Context, session: Session) -> None:
    """Check that grades can arrive.

    Settings, table, signing key, key set, and of every platform its hosts, an access token and one line item; each
    line says what to do when it fails. The exit status is 1 when a check failed.
    """
    checks = list(all_checks(session.services, _base_url(session), system_resolve, fetch_json))
    failed = [check for check in checks if check.state is CheckState.FAILED]
    document: dict[str, object] = {"ok": not failed, "checks": [_document(check) for check in checks]}
    if failed:
        document["error"] = {"code": "checks_failed", "message": f"{len(failed)} checks failed."}
    rows = [(check.name, check.state.value, " ".join(filter(None, (check.detail, check.remedy)))) for check in checks]
    verdict = Words(f"{len(failed)} checks failed.", "red") if failed else Words("All is in place.", "green")
    session.output.show(document, Table(("check", "", "what was found, and what to do"), rows), verdict)
    if failed:
        context.exit(1)


def _base_url(session: Session) -> str | None:
    public = session.services.settings.public_urls
    if public:
        return public[0]
    stack = Home.from_environment(session.environment).running_stack() if session.services.settings.is_local else None
    return stack.base_url if stack else None


def _document(check: Check) -> dict[str, str]:
    return {"check": check.name, "state": check.state.value, "detail": check.detail, "remedy": check.remedy}
