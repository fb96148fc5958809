"""The kind of click command that Passback has: ``--json`` on every one, and failures as one sentence."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TextIO

import click

from passback.failures import Failure, explain
from passback.output import Output
from passback.session import Session


def _choose_json(context: click.Context, _parameter: click.Parameter, chosen: bool) -> None:
    if chosen:
        context.ensure_object(Session).output.json_mode = True


class Command(click.Command):
    """A command with ``--json``."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.params.append(
            click.Option(
                ["--json"],
                is_flag=True,
                expose_value=False,
                is_eager=True,
                callback=_choose_json,
                help="Print one JSON document on standard output; messages go to standard error.",
            )
        )


class Group(click.Group):
    """A noun, such as ``platform``: its commands all take ``--json``."""

    command_class = Command
    group_class = type  # a group inside a group is of the same class


class _Program(click.Command):
    """A command that is started by a person: turns every failure into one sentence and an exit status."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line and exit; returns only when click completes shell words or is told not to exit."""
        words = list(sys.argv[1:] if args is None else args)
        try:
            result = super().main(
                words, prog_name, complete_var, standalone_mode=False, windows_expand_args=windows_expand_args, **extra
            )
        except BrokenPipeError:
            _stop_quietly()
        except click.exceptions.NoArgsIsHelpError as question:  # no mistake: it asks what there is
            click.echo(question.format_message(), err=True)
            sys.exit(question.exit_code)
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last line of defence: no traceback, ever
            session = extra.get("obj")
            environment: Mapping[str, str] = session.environment if isinstance(session, Session) else os.environ
            failure = explain(error, environment)
            _print_failure(failure, json_mode="--json" in words)
            sys.exit(failure.exit_status)
        if not standalone_mode:
            return result
        sys.exit(result if isinstance(result, int) else 0)


class Program(_Program, Group):
    """A whole command line with its nouns."""


class SingleProgram(_Program, Command):
    """One command that is a program of its own."""


def _print_failure(failure: Failure, *, json_mode: bool) -> None:
    output = Output(json_mode)
    try:
        if json_mode:
            output.document({"error": {"code": failure.code, "message": failure.message}})
        else:
            sys.stdout.flush()
    except OSError:  # nobody can read there any more: a full disk, a closed pipe
        _give_up(sys.stdout)
    try:
        output.note(f"passback: {failure.message}", style="red")
    except OSError:
        _give_up(sys.stderr)


def _stop_quietly() -> NoReturn:
    """End as ``head`` and ``less`` expect."""
    _give_up(sys.stdout)
    sys.exit(1)


def _give_up(stream: TextIO) -> None:
    """Lead a stream nowhere: the interpreter must not try to flush what is left in it once more, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
