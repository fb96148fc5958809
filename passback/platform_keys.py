"""``passback platform confirm-key`` and ``set``: which key of ours a platform was given by hand."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from chalicelib.lti13.registrations import Platform
from passback.commands import Command
from passback.failures import CommandFailed
from passback.keys import KID_HELP, found
from passback.new_token import ask_for_token
from passback.output import Words
from passback.parameters import PlatformName
from passback.session import Session, pass_session

if TYPE_CHECKING:
    from chalicelib.lti13.keys import SigningKey

_SECONDS = 10.0


@click.command(name="confirm-key", cls=Command)
@click.argument("name", type=PlatformName())
@click.option("--kid", metavar="KID", help=f"{KID_HELP} [default: the newest]")
@click.option("--unchecked", is_flag=True, help="Do not ask the platform for a token first.")
@pass_session
def confirm_key(session: Session, name: str, kid: str | None, unchecked: bool) -> None:
    """Say that a platform has been given our new key by hand; from then on it is signed for with that one.

    The platform is asked for an access token with the new key first; when it gives none, nothing is changed.
    """
    platform = session.platform(name)
    if platform.held_kid is None:
        raise CommandFailed(
            "fetches_key_set",
            f"{name} fetches our key set, so there is nothing to confirm. If it was given our key by hand, say so with "
            f"`passback platform set {name} --static-key`.",
        )
    given = _given(session, kid)
    if not unchecked:
        _try(session, replace(platform, held_kid=given.kid))
    session.services.platforms.hold(platform, given.kid)
    session.output.show(
        {"platform": name, "held_kid": given.kid},
        Words(f"{name} is signed for with key {given.kid} from now on.", "green"),
    )


@click.command(name="set", cls=Command)
@click.argument("name", type=PlatformName())
@click.option(
    "--static-key/--fetched-key",
    "static",
    default=None,
    help="Whether the platform was given our key in use by hand, or fetches our key set.",
)
@pass_session
def set_platform(session: Session, name: str, static: bool | None) -> None:
    """Change a registration: how the platform knows our key."""
    platform = session.platform(name)
    if static is None:
        raise CommandFailed("usage", "Say what to change: --static-key or --fetched-key.", 2)
    if static == (platform.held_kid is not None):
        held = platform
    else:
        held = session.services.platforms.hold(platform, kid_in_use(session) if static else None)
    how = "fetches our key set" if held.held_kid is None else f"was given key {held.held_kid} by hand"
    session.output.show({"platform": name, "held_kid": held.held_kid}, Words(f"{name} {how}."))


def kid_in_use(session: Session) -> str:
    """Return the id of the key in use.

    Raises
    ------
    SetupError
        If there is no key.
    """
    from chalicelib.lti13.key_rotation import signing_key

    return signing_key(session.services.signing_keys.list(), session.clock.now()).kid


def _given(session: Session, kid: str | None) -> "SigningKey":
    from chalicelib.lti13.key_rotation import signing_key

    keys = session.services.signing_keys.list()
    signing_key(keys, session.clock.now())  # refuses where there is no key at all
    if kid is None:
        return max((each for each in keys if not each.withdrawn), key=lambda each: each.created_at)
    given = found(keys, kid)
    if given.withdrawn:
        raise CommandFailed("withdrawn", f"Key {kid} is withdrawn, because somebody else may have it; give a newer.")
    return given


def _try(session: Session, platform: Platform) -> None:
    """Ask for a token as it will be asked for once the key is confirmed."""
    from chalicelib.clock import Deadline
    from chalicelib.errors import PlatformError

    services = session.services
    try:
        ask_for_token(services, platform, Deadline.after(services.clock, _SECONDS))
    except PlatformError as error:
        raise CommandFailed(
            "not_taken",
            f"{platform.name} gives no access token for key {platform.held_kid} ({str(error).rstrip('.')}). Nothing "
            f"was changed. Give it the key first (`passback key show --kid {platform.held_kid}`), or add --unchecked.",
        ) from error
