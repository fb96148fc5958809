"""What may be typed on the command line: names, keys, hosts, URLs; each refused with the sentence that helps."""

import math
import re
import sys
from typing import Any
from urllib.parse import SplitResult, urlsplit

import click

from chalicelib.lti13.registrations import Platform
from passback.failures import CommandFailed

_PLATFORM_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class PlatformName(click.ParamType[str]):
    """A platform's name: letters, digits, ``.``, ``_`` and ``-``, at most 64."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the name."""
        if not is_platform_name(value):
            self.fail(
                f"{value!r} is no platform name: 1 to 64 letters, digits, dots, hyphens, underscores.", param, ctx
            )
        return str(value)


class ConsumerKey(click.ParamType[str]):
    """A consumer key: 1 to 255 printable characters."""

    name = "key"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the key."""
        if not is_consumer_key(value):
            self.fail("A consumer key has 1 to 255 printable characters.", param, ctx)
        return str(value)


class PlainText(click.ParamType[str]):
    """A text of whole characters: an argument whose bytes are no UTF-8 is refused, not guessed at."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the text."""
        if not is_whole_text(value):
            self.fail("This is not UTF-8.", param, ctx)
        return str(value)


class Seconds(click.FloatRange):
    """A number of seconds; ``nan`` and ``inf``, which every comparison lets through, are none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Check the number."""
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return seconds


LISTED_AT_MOST = click.IntRange(1, 1_000_000)
"""How much of a list may be asked for."""


class Choice(click.Choice[str]):
    """A choice that takes ``if-present`` and ``if_present`` alike."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Find the choice."""
        return super().convert(str(value).replace("_", "-"), param, ctx)


def is_consumer_key(text: str) -> bool:
    """Tell whether a text can be a consumer key: what the signature check takes as one."""
    return 1 <= len(text) <= 255 and text.isprintable()


def is_whole_text(text: str) -> bool:
    """Tell whether a text has no halves of characters in it: bytes that were no UTF-8, or half a JSON escape."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def is_platform_name(text: str) -> bool:
    """Tell whether a text can be a platform's name."""
    return _PLATFORM_NAME.fullmatch(text) is not None


def host_of(text: str) -> str:
    """Return a ``HOST[:PORT]`` in the form that calls are compared with: lower case, ASCII, no default port.

    Raises
    ------
    CommandFailed
        If it is no host, or more than a host.
    """
    from chalicelib.errors import HostRefused
    from chalicelib.lti13.hosts import check_url

    address = _split(f"//{text}")
    alone = address is not None and address.netloc == text and address.hostname and not address.username
    if alone:
        try:
            return check_url(_platform_of(text), f"https://{text}/", local=False).netloc.decode("ascii")
        except HostRefused:
            pass
    raise CommandFailed("usage", f"{text!r} is no host: give it as HOST or HOST:PORT, without https:// or path.", 2)


def _platform_of(host: str) -> Platform:
    return Platform(
        name="",
        profile="",
        issuer="",
        client_id="",
        token_url="",
        audience="",
        hosts=(host,),  # only hosts matter
    )


def platform_url(text: str, name: str, *, local: bool) -> SplitResult:
    """Return a platform's URL, split: https, or http to loopback on the local stack (design, Hosts).

    Raises
    ------
    CommandFailed
        If it is not such a URL. ``name`` is how the sentence calls it.
    """
    address = split_url(text)
    if address is None:
        raise CommandFailed("usage", f"{name} must be a whole URL, such as https://canvas.example.edu/x.", 2)
    if address.username is not None or address.password is not None or address.fragment:
        raise CommandFailed("usage", f"{name} must have no user name, password or fragment in it.", 2)
    if address.scheme == "http" and not (local and address.hostname in LOOPBACK):
        raise CommandFailed(
            "usage", f"{name} must be https; http is taken only to this machine, on the local stack.", 2
        )
    return address


def split_url(text: str) -> SplitResult | None:
    """Return an http(s) URL, split; None when a text is none."""
    address = _split(text)
    return address if address is not None and address.scheme in {"http", "https"} and address.hostname else None


def _split(text: str) -> SplitResult | None:
    # urlsplit silently drops line breaks and tabs; a URL with blanks, controls or backslashes is a mistake or a trick.
    if not text.isprintable() or " " in text or "\\" in text:
        return None
    try:
        address = urlsplit(text)
        _ = address.port  # raises for a port that is no number below 65536
    except ValueError:
        return None
    return address


def secret_from_stdin() -> str:
    """Read a tool's secret from standard input as it is; only one final newline is taken off.

    Raises
    ------
    CommandFailed
        If there is none, or it is not UTF-8.
    """
    if sys.stdin.isatty():
        import getpass

        text = getpass.getpass("Secret: ")
    else:
        text = _decoded(sys.stdin.buffer.read())
    if not text:
        raise CommandFailed("usage", "No secret came on standard input.", 2)
    return text


def _decoded(content: bytes) -> str:
    for newline in (b"\r\n", b"\n"):
        if content.endswith(newline):
            content = content[: -len(newline)]
            break
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise CommandFailed("usage", "The secret on standard input is not UTF-8; convert it first.", 2) from None
