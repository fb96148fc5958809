"""``passback tool``: the legacy tools, their consumer keys, secrets and switches."""

import secrets
import string
from typing import Any

import click

from chalicelib.clock import to_milliseconds
from chalicelib.lti11.tools import BodyHashRule, OnDelay, Tool, Unmapped
from passback.commands import Group
from passback.failures import CommandFailed
from passback.moments import distance, instant
from passback.output import Facts, Table, Words
from passback.parameters import Choice, ConsumerKey, secret_from_stdin
from passback.session import Session, pass_session
from passback.undelivered import FAIL_OPTION, ended, of_tool, remove_with

KEY_OPTION = click.option("--key", "consumer_key", required=True, type=ConsumerKey(), help="The tool's consumer key.")
SECRET_OPTION = click.option(
    "--secret-stdin",
    is_flag=True,
    help="Read the secret from standard input as it is (one final newline is taken off); otherwise one is made up "
    "and printed once.",
)


@click.group(cls=Group)
def tool() -> None:
    """Tools: who may send outcomes."""


@tool.command()
@KEY_OPTION
@SECRET_OPTION
@click.option(
    "--body-hash",
    type=Choice(["required", "if-present"]),
    default="required",
    show_default=True,
    help="Whether oauth_body_hash must be sent. When it is sent it is always checked.",
)
@click.option(
    "--failure-status",
    type=click.Choice(["422", "200"]),
    default="422",
    show_default=True,
    help="HTTP status of a failed outcome; 200 for tools that read the XML only then.",
)
@click.option(
    "--on-delay",
    type=click.Choice(["queue", "fail"]),
    default="queue",
    show_default=True,
    help="When the platform cannot take an outcome now: `queue` keeps it, answers success, and delivers it later; "
    "`fail` answers a failure, for tools that send again by themselves.",
)
@click.option(
    "--unmapped",
    type=click.Choice(["fail", "park"]),
    default="fail",
    show_default=True,
    help="When a sourcedid has no mapping: `park` keeps the outcome for 90 days, answers success, and delivers it "
    "once there is one; `fail` answers a failure.",
)
@pass_session
def add(session: Session, /, consumer_key: str, secret_stdin: bool, **switches: str) -> None:
    """Register a tool by its consumer key."""
    if session.services.tools.get(consumer_key) is not None:
        raise CommandFailed(
            "already_exists",
            f"There is a tool {consumer_key!r} already; `passback tool rotate` gives it a new secret.",
        )
    secret = secret_from_stdin() if secret_stdin else generated_secret()
    registered = Tool(
        consumer_key=consumer_key,
        secrets=(secret,),
        body_hash=BodyHashRule(switches["body_hash"].replace("-", "_")),
        failure_status=int(switches["failure_status"]),
        on_delay=OnDelay(switches["on_delay"]),
        unmapped=Unmapped(switches["unmapped"]),
        created_at=session.clock.now(),
    )
    session.services.tools.add(registered)
    _show_with_secret(session, registered, None if secret_stdin else secret, f"Tool {consumer_key} is registered.")


@tool.command(name="list")
@pass_session
def list_tools(session: Session) -> None:
    """List the tools."""
    tools = sorted(session.services.tools.list(), key=lambda each: each.consumer_key)
    session.output.show(
        {"tools": [tool_document(each) for each in tools]},
        Table(
            ("key", "secrets", "body hash", "failure status", "on delay", "unmapped"),
            [
                (
                    each.consumer_key,
                    str(len(each.secrets)),
                    each.body_hash.value,
                    str(each.failure_status),
                    each.on_delay.value,
                    each.unmapped.value,
                )
                for each in tools
            ],
            empty="No tool is registered yet; `passback tool add --help` says how.",
        ),
    )


@tool.command()
@KEY_OPTION
@pass_session
def show(session: Session, consumer_key: str) -> None:
    """Show one tool, without its secrets.

    Of a tool with two secrets it shows when each was last seen to sign, late by ten minutes at most.
    """
    shown = session.tool(consumer_key)
    document = {"tool": tool_document(shown)}
    if len(shown.secrets) > 1:
        use = session.services.secret_use.get(shown)
        document["secret_use"] = {"newer_used_at": instant(use.newer), "older_used_at": instant(use.older)}
    pairs = [(name, value) for part in document.values() for name, value in part.items()]
    facts = Facts([(name.replace("_", " "), "-" if value is None else str(value)) for name, value in pairs])
    session.output.show(document, facts)


@tool.command()
@KEY_OPTION
@SECRET_OPTION
@pass_session
def rotate(session: Session, consumer_key: str, secret_stdin: bool) -> None:
    """Add a second secret; both are accepted until the oldest is retired."""
    if len(session.tool(consumer_key).secrets) > 1:
        raise CommandFailed(
            "too_many_secrets",
            f"Tool {consumer_key!r} has two live secrets already; take the oldest away with "
            f"`passback tool retire --key {consumer_key} --oldest`, then rotate again.",
        )
    secret = secret_from_stdin() if secret_stdin else generated_secret()
    session.services.tools.rotate(consumer_key, secret, session.clock.now())
    shown = None if secret_stdin else secret
    _show_with_secret(session, session.tool(consumer_key), shown, f"Tool {consumer_key} has two live secrets now.")


@tool.command()
@KEY_OPTION
@click.option(
    "--oldest",
    is_flag=True,
    required=True,
    expose_value=False,
    help="Take the oldest secret away (the only one there is to choose).",
)
@pass_session
def retire(session: Session, consumer_key: str) -> None:
    """Take the oldest of two secrets away.

    `passback tool show` says when it was last seen to sign.
    """
    shown = session.tool(consumer_key)
    if len(shown.secrets) < 2:
        raise CommandFailed(
            "only_secret",
            f"Tool {consumer_key!r} has one secret only; give it a new one first with "
            f"`passback tool rotate --key {consumer_key}`, or remove the tool.",
        )
    last = session.services.secret_use.get(shown).older
    session.services.tools.retire_oldest(consumer_key)
    document = {"tool": tool_document(session.tool(consumer_key)), "retired_used_at": instant(last)}
    used = "" if last is None else f" It was last seen to sign {distance(last, to_milliseconds(session.clock.now()))}."
    session.output.show(document, Words(f"The oldest secret of {consumer_key} is no longer accepted.{used}"))


@tool.command()
@KEY_OPTION
@FAIL_OPTION
@pass_session
def remove(session: Session, consumer_key: str, fail_deliveries: bool) -> None:
    """Remove a tool; its requests are refused from now on. Its mappings stay.

    It is refused while deliveries of the tool are under way or parked, unless --fail-deliveries ends them.
    """
    from chalicelib.translation import answers

    session.tool(consumer_key)
    failed = remove_with(
        session,
        lambda: of_tool(session, consumer_key),
        lambda: session.services.tools.remove(consumer_key),
        answers.tool_missing(),
        fail=fail_deliveries,
        consumer_key=consumer_key,
    )
    session.output.show(
        {"removed": consumer_key, "failed_deliveries": failed},
        Words(f"Tool {consumer_key} is removed.{ended(failed)}"),
    )


def generated_secret() -> str:
    """Make up a shared secret: letters and digits only, since some signers do not percent-encode it."""
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(43))


def tool_document(tool: Tool) -> dict[str, Any]:
    """Return a tool as JSON-able values; of its secrets only the number."""
    return {
        "consumer_key": tool.consumer_key,
        "secrets": len(tool.secrets),
        "body_hash": tool.body_hash.value,
        "failure_status": tool.failure_status,
        "on_delay": tool.on_delay.value,
        "unmapped": tool.unmapped.value,
        "created_at": tool.created_at.isoformat() if tool.created_at else None,
        "rotated_at": tool.rotated_at.isoformat() if tool.rotated_at else None,
    }


def _show_with_secret(session: Session, tool: Tool, secret: str | None, sentence: str) -> None:
    document: dict[str, Any] = {"tool": tool_document(tool)}
    views: list[Words | Facts] = [Words(sentence, "green")]
    if secret is not None:
        document["secret"] = secret
        views.append(Facts([("secret (shown this once)", secret)]))
    session.output.show(document, *views)
