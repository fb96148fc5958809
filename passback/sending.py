"""``passback send``: sign and post an outcome as a tool would, and show the answer."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import click

from passback.commands import Command
from passback.failures import CommandFailed
from passback.home import Home, RunningStack
from passback.local.demo_class import DemoClass
from passback.outcome_message import (
    FORM_TYPE,
    XML_TYPE,
    OutcomeAnswer,
    OutcomeMessage,
    SignedRequest,
    new_message_identifier,
    post,
    sign,
    write_form,
    write_pox,
)
from passback.output import Facts, View, Words
from passback.parameters import ConsumerKey, PlainText, secret_from_stdin, split_url
from passback.session import Session, pass_session

_DATA_ELEMENTS = {"text": "text", "url_data": "url", "launch_url": "ltiLaunchUrl", "file": "downloadUrl"}


@click.command(cls=Command)
@click.option("--url", metavar="URL", help="The outcome URL. [default: the local stack's]")
@click.option("--key", "consumer_key", type=ConsumerKey(), help="The consumer key. [default: the local demo's]")
@click.option(
    "--secret-stdin",
    is_flag=True,
    help="Read the shared secret from standard input. Otherwise it is taken from PASSBACK_TOOL_SECRET, or from the "
    "local stack.",
)
@click.option(
    "--sourcedid", type=PlainText(), metavar="S", help="The sourcedid. [default: the local demo's first student]"
)
@click.option("--score", type=PlainText(), metavar="X", help="resultScore, a fraction from 0 to 1; sent as typed.")
@click.option("--total", type=PlainText(), metavar="X", help="resultTotalScore, in points.")
@click.option("--read", is_flag=True, help="readResult instead.")
@click.option("--delete", is_flag=True, help="deleteResult instead.")
@click.option("--text", type=PlainText(), metavar="TEXT", help="The student's work, as text.")
@click.option("--url-data", type=PlainText(), metavar="URL", help="The student's work, as a URL.")
@click.option("--launch-url", type=PlainText(), metavar="URL", help="The student's work, as an LTI launch URL.")
@click.option(
    "--file", type=PlainText(), metavar="URL", help="The student's work, as a file to fetch; with --document-name."
)
@click.option("--document-name", type=PlainText(), metavar="NAME", help="The file's name.")
@click.option("--submitted-at", type=PlainText(), metavar="TIME", help="When the student submitted.")
@click.option("--prioritize-non-tool-grade", is_flag=True, help="Leave a person's grade alone.")
@click.option("--needs-additional-review", is_flag=True, help="Ask for a teacher's look.")
@click.option("--message-id", type=PlainText(), metavar="ID", help="The message identifier. [default: made up]")
@click.option("--form", is_flag=True, help="Use the older form-encoded service (ext_grade_passback).")
@click.option("--sha256", is_flag=True, help="Sign with HMAC-SHA256 instead of HMAC-SHA1.")
@click.option("--show", is_flag=True, help="Print the request's and the answer's bodies too.")
@pass_session
@click.pass_context
def send(context: click.Context, session: Session, /, show: bool, **fields: Any) -> None:
    """Send an outcome as a tool would.

    It is signed with OAuth 1.0a and posted, and the answer is read. The exit status is 0 when the tool is told
    success, and 1 otherwise.
    """
    _check(fields)
    target = _find_target(session, fields)
    request = _signed(target, fields)
    answer = post(request)
    document = _document(answer)
    views: list[View] = list(_views(answer))
    doubt = None if answer.succeeded else _doubt_of_door(target.url, form=fields["form"])
    if doubt is not None:
        document["hint"] = doubt
        views.append(Words(doubt, "yellow"))
    if show:
        document |= {"request": request.body.decode("utf-8"), "response": answer.body}
        views = [Words(request.body.decode("utf-8") + "\n"), Words(answer.body), *views]
    session.output.show(document, *views)
    if not answer.succeeded:
        context.exit(1)


def _check(fields: dict[str, Any]) -> None:
    scores = fields["score"] is not None or fields["total"] is not None
    data = [name for name in _DATA_ELEMENTS if fields[name] is not None]
    actions = [fields["read"], fields["delete"], bool(scores or data)]
    if sum(actions) != 1:
        raise CommandFailed(
            "usage",
            "Say one thing to send: a score (--score, --total) or work (--text, ...), or --read, or --delete.",
            2,
        )
    if fields["form"] and (data or fields["total"] is not None):
        raise CommandFailed("usage", "The form-encoded service takes --score, --read and --delete only.", 2)
    if (fields["file"] is None) != (fields["document_name"] is None):
        raise CommandFailed("usage", "A file needs both --file URL and --document-name NAME.", 2)
    if fields["url"] is not None and split_url(fields["url"]) is None:
        raise CommandFailed("usage", "--url must be a whole http(s) URL.", 2)


@dataclass(frozen=True, slots=True)
class _Target:
    """Where an outcome goes and who signs it."""

    url: str
    consumer_key: str
    secret: str = field(repr=False)
    sourcedid: str


def _find_target(session: Session, fields: dict[str, Any]) -> _Target:
    """Put together what was said and what the local stack that runs here knows.

    Raises
    ------
    CommandFailed
        If something is missing and no local stack can say it.
    """
    home = Home.from_environment(session.environment)
    stack = home.running_stack()
    demo = DemoClass.load(home) if stack else None
    url = _said(fields["url"], "--url", _local_url(stack, form=fields["form"]) if stack else None)
    consumer_key = _said(fields["consumer_key"], "--key", demo.consumer_key if demo else None)
    its_demo = demo if demo and consumer_key == demo.consumer_key else None
    sourcedid = _said(fields["sourcedid"], "--sourcedid", its_demo.students[0].sourcedid if its_demo else None)
    return _Target(url, consumer_key, _secret(session, fields, consumer_key, stack), sourcedid)


def _said(value: str | None, option: str, known: str | None) -> str:
    found = value if value is not None else known
    if found is None:
        raise CommandFailed("usage", f"Give {option}: no local stack with a demo runs here to take it from.", 2)
    return found


def _local_url(stack: RunningStack, *, form: bool) -> str:
    return f"{stack.base_url}/api/lti/v1/tools/1/ext_grade_passback" if form else f"{stack.base_url}/outcomes"


def _secret(session: Session, fields: dict[str, Any], consumer_key: str, stack: RunningStack | None) -> str:
    if fields["secret_stdin"]:
        return secret_from_stdin()
    named = session.environment.get("PASSBACK_TOOL_SECRET")
    if named:
        return named
    if stack is not None and session.environment.get("PASSBACK_STAGE") in {None, "", "local"}:
        return session.tool(consumer_key).secrets[0]
    raise CommandFailed(
        "usage", "Give the shared secret: on standard input with --secret-stdin, or PASSBACK_TOOL_SECRET.", 2
    )


def _signed(target: _Target, fields: dict[str, Any]) -> SignedRequest:
    operation = "readResult" if fields["read"] else "deleteResult" if fields["delete"] else "replaceResult"
    data = [(element, fields[name]) for name, element in _DATA_ELEMENTS.items() if fields[name] is not None]
    if fields["document_name"] is not None:
        data.append(("documentName", fields["document_name"]))
    message = OutcomeMessage(
        operation=operation,
        sourcedid=target.sourcedid,
        message_identifier=fields["message_id"] or new_message_identifier(),
        score=fields["score"],
        total=fields["total"],
        data=tuple(data),
        submitted_at=fields["submitted_at"],
        prioritize_non_tool_grade=fields["prioritize_non_tool_grade"],
        needs_additional_review=fields["needs_additional_review"],
    )
    body, content_type = (write_form(message), FORM_TYPE) if fields["form"] else (write_pox(message), XML_TYPE)
    return sign(target.url, body, content_type, target.consumer_key, target.secret, sha256=fields["sha256"])


def _doubt_of_door(url: str, *, form: bool) -> str | None:
    """Say when what was sent goes to the other kind of door, as far as its path tells (Passback's and Canvas's)."""
    is_form_door = urlsplit(url).path.rstrip("/").endswith("/ext_grade_passback")
    if form and not is_form_door:
        return "--form is for the form-encoded door, whose path ends in /ext_grade_passback; this one takes XML."
    if is_form_door and not form:
        return "The path is that of the form-encoded door, which takes no XML: add --form, or choose another --url."
    return None


def _document(answer: OutcomeAnswer) -> dict[str, Any]:
    document: dict[str, Any] = {
        "status": answer.status,
        "code_major": answer.code_major,
        "description": answer.description,
        "error_code": answer.error_code,
        "score": answer.score,
        "reference": answer.reference,
    }
    if not answer.succeeded:
        document["error"] = {"code": answer.error_code or "not_successful", "message": _sentence(answer)}
    return document


def _views(answer: OutcomeAnswer) -> list[View]:
    if not answer.code_major:
        return [Words(_sentence(answer), "red"), Words(answer.body[:500])]
    pairs = [("status", str(answer.status)), ("answer", answer.code_major.lower())]
    if answer.error_code:
        pairs.append(("error code", answer.error_code))
    if answer.description:
        pairs.append(("description", " ".join(answer.description.split())))
    if answer.score is not None:
        pairs.append(("score", answer.score or "(none)"))
    if answer.reference:
        pairs.append(("reference", f"EID_{answer.reference}"))
    return [Facts(pairs)]


def _sentence(answer: OutcomeAnswer) -> str:
    if not answer.code_major:
        return f"HTTP {answer.status}, and the body is no outcome answer. Is this the outcome URL?"
    return " ".join(answer.description.split()) or f"The outcome was answered {answer.code_major}."
