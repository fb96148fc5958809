"""``passback mapping``: what each tool's sourcedids stand for."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from chalicelib.clock import Deadline
from chalicelib.delivery.records import CellKey
from chalicelib.errors import StorageUnavailable
from chalicelib.mapping.model import Mapping
from passback.commands import Group
from passback.counting import counted
from passback.failures import CommandFailed
from passback.mapping_documents import cell_document, mapping_document
from passback.missing import missing
from passback.output import Facts, Table, View, Words
from passback.parameters import LISTED_AT_MOST, ConsumerKey, PlainText, PlatformName
from passback.session import Session, pass_session
from passback.tools import KEY_OPTION

if TYPE_CHECKING:
    from passback.mapping_import import ImportReport
    from passback.mapping_rows import MappingRules

RELEASING_SECONDS = 3600.0
"""What is parked may take so long to be put in line; the schedule takes the rest."""

SOURCEDID_OPTION = click.option(
    "--sourcedid", required=True, type=PlainText(), metavar="S", help="The sourcedid, as the tool sends it."
)


@click.group(cls=Group)
def mapping() -> None:
    """Mappings: what each sourcedid stands for."""


mapping.add_command(missing)


@mapping.command()
@KEY_OPTION
@SOURCEDID_OPTION
@click.option("--platform", required=True, type=PlatformName(), help="The platform's name here.")
@click.option("--line-item", required=True, metavar="URL", help="The line item's URL at the platform.")
@click.option(
    "--user-id", required=True, type=PlainText(), metavar="ID", help="The 1.3 sub, or Canvas's numeric user id."
)
@click.option(
    "--submitted",
    type=click.Choice(["yes", "no"]),
    help="Whether the student submitted work before the move; left out: Passback asks the platform.",
)
@click.option(
    "--context", default="", type=PlainText(), metavar="TEXT", help="The course, for people; nothing depends on it."
)
@pass_session
def add(session: Session, /, **fields: str | None) -> None:
    """Add one mapping, or replace it."""
    from passback.mapping_rows import RowRefused

    try:
        added = _rules(session).mapping({name: text or "" for name, text in fields.items()})
    except RowRefused as error:
        raise CommandFailed("refused", f"The mapping was not added: {error}.") from None
    session.services.mappings.put(added)
    releasing = session.services.releasing
    released = _released(session, lambda deadline: releasing.release_mapped(added, deadline))
    document = {"mapping": mapping_document(added), "released": released}
    session.output.show(document, Words(f"The mapping is added.{_on_their_way(released)}", "green"))


@mapping.command(name="import")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option(
    "--report", type=click.Path(dir_okay=False, path_type=Path), help="Write the refused rows to this file (CSV)."
)
@pass_session
@click.pass_context
def import_file(context: click.Context, session: Session, file: str, report: Path | None) -> None:
    """Import mappings from a FILE of CSV (with a header) or JSON Lines; `-` reads standard input.

    Columns: consumer_key, sourcedid, platform, line_item, user_id, and if you like submitted (yes, no or empty) and
    context. Rows that cannot be imported are reported and stop nothing; importing a file again does no harm.
    The exit status is 1 when rows were refused. Outcomes that were parked for these sourcedids are put in line then.
    """
    from passback.mapping_import import import_mappings, refused_rows_file

    rules = _rules(session)
    with _opened(file) as stream, refused_rows_file(report) as refuse, _progress(stream) as progress:
        outcome = import_mappings(stream, rules, session.services.mappings, refuse=refuse, progress=progress)
    releasing = session.services.releasing
    released = _released(session, lambda deadline: releasing.release_tools(outcome.tools, deadline))
    _show_import(session, outcome, report, released)
    if outcome.refused:
        context.exit(1)


def _released(session: Session, release: Callable[[Deadline], int]) -> int:
    """Put in line what was parked for mappings that are written now. If that fails, the schedule does it."""
    try:
        return release(Deadline.after(session.clock, RELEASING_SECONDS))
    except StorageUnavailable as problem:
        session.output.note(f"The mappings are in. {problem} What is parked for them goes within ten minutes.")
        return 0


def _on_their_way(released: int) -> str:
    return f" Parked outcomes on their way now: {released}." if released else ""


def _show_import(session: Session, outcome: "ImportReport", report: Path | None, released: int) -> None:
    document: dict[str, Any] = {
        "imported": outcome.imported,
        "refused": outcome.refused,
        "duplicates": outcome.duplicates,
        "released": released,
        "refusals": [{"line": each.line, "reason": each.reason} for each in outcome.refusals],
    }
    sentence = f"{counted(outcome.imported, 'row')} imported, {outcome.refused} refused."
    if outcome.duplicates:
        sentence += f" Replaced by a later row of the same file: {outcome.duplicates}."
    sentence += _on_their_way(released)
    views: list[View] = [Words(sentence, "yellow" if outcome.refused else "green")]
    if outcome.refused:
        document["error"] = {"code": "rows_refused", "message": f"Refused: {counted(outcome.refused, 'row')}."}
        views.append(
            Table(("line", "why it was refused"), [(str(each.line), each.reason) for each in outcome.refusals])
        )
        if outcome.refused > len(outcome.refusals):
            views.append(Words(f"{outcome.refused - len(outcome.refusals)} more; --report FILE takes all."))
        if report is not None:
            views.append(Words(f"The refused rows are in {report}."))
    session.output.show(document, *views)


@mapping.command(name="list")
@click.option("--key", "consumer_key", type=ConsumerKey(), help="Only this tool's.")
@click.option("--limit", type=LISTED_AT_MOST, default=100, show_default=True, help="At most so many.")
@pass_session
def list_mappings(session: Session, consumer_key: str | None, limit: int) -> None:
    """List mappings."""
    keys = [consumer_key] if consumer_key else sorted(tool.consumer_key for tool in session.services.tools.list())
    found = list(islice((each for key in keys for each in session.services.mappings.list(key)), limit))
    session.output.show(
        {"mappings": [mapping_document(each) for each in found]},
        Table(
            ("key", "sourcedid", "platform", "line item", "user id", "submitted"),
            [
                (each.consumer_key, each.sourcedid, each.platform, each.line_item, each.user_id, each.submitted.value)
                for each in found
            ],
            empty="No mapping; `passback mapping import --help` says how to bring them in.",
        ),
    )


@mapping.command()
@KEY_OPTION
@SOURCEDID_OPTION
@pass_session
def show(session: Session, consumer_key: str, sourcedid: str) -> None:
    """Show one mapping, and what is known of the gradebook's square that it points to."""
    found = _existing(session, consumer_key, sourcedid)
    cell = session.services.ledger.cell(CellKey(found.platform, found.line_item, found.user_id))
    described = {**mapping_document(found), **{f"cell {name}": text for name, text in cell_document(cell).items()}}
    pairs = [(name.replace("_", " "), "-" if value in {None, ""} else str(value)) for name, value in described.items()]
    session.output.show({"mapping": mapping_document(found), "cell": cell_document(cell)}, Facts(pairs))


@mapping.command()
@KEY_OPTION
@SOURCEDID_OPTION
@pass_session
def remove(session: Session, consumer_key: str, sourcedid: str) -> None:
    """Remove one mapping; what is known of its square of the gradebook stays."""
    found = _existing(session, consumer_key, sourcedid)
    session.services.mappings.remove(found.consumer_key, found.sourcedid)
    session.output.show({"removed": mapping_document(found)}, Words("The mapping is removed."))


def _rules(session: Session) -> "MappingRules":
    from passback.mapping_rows import MappingRules  # httpx: not needed for --help

    services = session.services
    return MappingRules(
        services.tools.get, services.platforms.get, local=services.settings.is_local, now=session.clock.now()
    )


def _existing(session: Session, consumer_key: str, sourcedid: str) -> Mapping:
    found = session.services.mappings.get(consumer_key, sourcedid)
    if found is None:
        raise CommandFailed(
            "not_found", f"Tool {consumer_key!r} has no mapping for this sourcedid; `passback mapping add` makes one."
        )
    return found


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as file:
        yield file


@contextmanager
def _progress(stream: BinaryIO) -> Iterator[Callable[["ImportReport"], None]]:
    """Show a bar on a terminal, by the bytes read; nothing when standard error is no terminal."""
    if not sys.stderr.isatty():
        yield lambda _report: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    size = os.fstat(stream.fileno()).st_size if stream.seekable() else None
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("importing", total=size or None)

        def advance(report: "ImportReport") -> None:
            done = stream.tell() if size else 0
            bar.update(task, completed=done, description=f"{report.imported} imported, {report.refused} refused")

        yield advance
