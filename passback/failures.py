"""How a command fails: one sentence that says what to do, a code for scripts, an exit status; never a traceback."""

import secrets
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass

import click

from chalicelib import errors

_SETUP_HELP = (
    "Check AWS_REGION, the AWS credentials and PASSBACK_TABLE (`. .chalice/STAGE.env` sets them, but for the "
    "credentials), or start a local stack with `passback serve`."
)


class CommandFailed(Exception):
    """A command cannot do what was asked. ``message`` says why and what to do; ``code`` is for scripts."""

    def __init__(self, code: str, message: str, exit_status: int = 1) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.exit_status = exit_status


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure, ready to be printed."""

    code: str
    message: str
    exit_status: int = 1


def explain(error: BaseException, environment: Mapping[str, str]) -> Failure:
    """Put any error into one sentence. The traceback is shown only with ``PASSBACK_DEBUG=1``, on standard error."""
    if environment.get("PASSBACK_DEBUG") == "1":
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, CommandFailed):
        return Failure(error.code, error.message, error.exit_status)
    if isinstance(error, click.ClickException):
        return _usage(error)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return Failure("interrupted", "Stopped.", 130)
    if isinstance(error, errors.PassbackError):
        return _known(error)
    if type(error).__module__.startswith("botocore"):
        return Failure("aws", f"AWS did not take the call: {_sentence(error)} {_SETUP_HELP}")
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return Failure("file", f"{error.strerror}{where}.")
    reference = f"{secrets.randbelow(10**8):08d}"
    hint = "Run the same command with PASSBACK_DEBUG=1 to see where, and report it with the reference."
    return Failure("unexpected", f"Something went wrong inside Passback ({type(error).__name__}, {reference}). {hint}")


def _usage(error: click.ClickException) -> Failure:
    text = error.format_message().strip()
    if isinstance(error, click.UsageError) and error.ctx is not None:
        end = "" if text.endswith("?") else "."
        text = f"{text.rstrip('.')}{end} See `{error.ctx.command_path} --help`."
    return Failure("usage", text, error.exit_code)


def _known(error: errors.PassbackError) -> Failure:
    text = _sentence(error)
    if isinstance(error, errors.SetupError):
        return Failure("setup", text)
    if isinstance(error, errors.HostRefused):
        return Failure("host_refused", text)
    if isinstance(error, errors.PlatformUnavailable):
        return Failure("platform_unavailable", f"The platform could not be reached: {text} Try again later.")
    if isinstance(error, errors.PlatformRefused):
        return Failure("platform_refused", f"The platform refused: {text}")
    if isinstance(error, errors.StorageConflict):
        return Failure("conflict", "Somebody else changed the same record meanwhile. Look at it, then try again.")
    if isinstance(error, errors.StorageUnavailable):
        return Failure("storage_unavailable", f"{text} {_SETUP_HELP}")
    return Failure("failed", text)


def _sentence(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if text.endswith((".", "!", "?")) else text + "."
