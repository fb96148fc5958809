"""``passback platform``: the registrations of Passback at platforms, and the only hosts that it will call."""

from dataclasses import replace
from itertools import islice
from typing import Any

import click

from chalicelib.lti13.registrations import Platform
from passback.asking import agree
from passback.commands import Group
from passback.failures import CommandFailed
from passback.line_items import line_items
from passback.output import Facts, Table, Words
from passback.parameters import PlatformName, host_of, platform_url
from passback.platform_configuration import configuration
from passback.platform_keys import confirm_key, kid_in_use, set_platform
from passback.session import Session, pass_session
from passback.undelivered import FAIL_OPTION, ended, of_platform, remove_with

LOOKED_AT = 2000
"""Mappings of each tool that are looked through for those of a platform that is to be removed."""
PROFILES = ("canvas", "canvas-older", "moodle", "generic")


@click.group(cls=Group)
def platform() -> None:
    """Platforms: where grades go."""


platform.add_command(confirm_key)
platform.add_command(set_platform)
platform.add_command(configuration)
platform.add_command(line_items)


@platform.command()
@click.argument("name", type=PlatformName())
@click.option("--profile", required=True, type=click.Choice(PROFILES), help="What kind of platform it is.")
@click.option("--issuer", required=True, metavar="URL", help="The platform's issuer (iss).")
@click.option("--client-id", required=True, metavar="ID", help="Our client id there (Canvas: the developer key's).")
@click.option("--token-url", required=True, metavar="URL", help="Where access tokens are asked for.")
@click.option("--audience", required=True, metavar="URL", help="The audience (aud) that the token endpoint expects.")
@click.option(
    "--host",
    "hosts",
    required=True,
    multiple=True,
    metavar="HOST[:PORT]",
    help="A host that Passback may call: of the token URL and of the line items. May be given several times.",
)
@click.option("--jwks-url", metavar="URL", help="The platform's key set.")
@click.option("--auth-url", metavar="URL", help="The platform's login authorization endpoint.")
@click.option("--allow-private", is_flag=True, help="Let these hosts have private addresses (a campus platform).")
@click.option(
    "--static-key",
    is_flag=True,
    help="The platform was given our public key by hand, as `passback key show` prints it, and does not fetch our key "
    "set.",
)
@pass_session
def add(session: Session, /, name: str, hosts: tuple[str, ...], static_key: bool, **fields: Any) -> None:
    """Register a platform under a NAME of your choice."""
    local = session.services.settings.is_local
    registered = replace(_checked(name, hosts, fields, local=local), created_at=session.clock.now())
    if static_key:
        registered = replace(registered, held_kid=kid_in_use(session))
    if session.services.platforms.get(name) is not None:
        raise CommandFailed(
            "already_exists", f"There is a platform {name!r} already; remove it first, or take another name."
        )
    session.services.platforms.add(registered)
    session.output.show(
        {"platform": platform_document(registered)},
        Words(f"Platform {name} is registered. Check it with `passback doctor`.", "green"),
    )


def _checked(name: str, hosts: tuple[str, ...], fields: dict[str, Any], *, local: bool) -> Platform:
    from chalicelib.errors import HostRefused
    from chalicelib.lti13.hosts import check_url

    for field in ("issuer", "token_url", "jwks_url", "auth_url"):
        if fields[field] is not None:
            platform_url(fields[field], "--" + field.replace("_", "-"), local=local)
    for field in ("client_id", "audience"):
        if not fields[field].strip() or not fields[field].isprintable():
            raise CommandFailed("usage", f"--{field.replace('_', '-')} must have printable characters.", 2)
    registered = Platform(name=name, hosts=tuple(dict.fromkeys(host_of(host) for host in hosts)), **fields)
    try:
        check_url(registered, registered.token_url, local=local)
    except HostRefused as error:
        raise CommandFailed(
            "usage", f"The token URL could not be called: {error} Add its host with --host.", 2
        ) from None
    return registered


@platform.command(name="list")
@pass_session
def list_platforms(session: Session) -> None:
    """List the platforms."""
    platforms = sorted(session.services.platforms.list(), key=lambda each: each.name)
    session.output.show(
        {"platforms": [platform_document(each) for each in platforms]},
        Table(
            ("name", "profile", "client id", "hosts"),
            [(each.name, each.profile, each.client_id, " ".join(each.hosts)) for each in platforms],
            empty="No platform is registered yet; `passback platform add --help` says how.",
        ),
    )


@platform.command()
@click.argument("name", type=PlatformName())
@pass_session
def show(session: Session, name: str) -> None:
    """Show everything of one platform."""
    document = platform_document(session.platform(name))
    held = document["held_kid"]
    known = "from our key set" if held is None else f"by hand: {held}"
    pairs = [(key.replace("_", " "), _text(value)) for key, value in document.items() if key != "held_kid"]
    session.output.show({"platform": document}, Facts([*pairs, ("knows our key", known)]))


@platform.command()
@click.argument("name", type=PlatformName())
@FAIL_OPTION
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_session
def remove(session: Session, name: str, fail_deliveries: bool, yes: bool) -> None:
    """Remove a platform. Its mappings stay, and their outcomes fail until it is registered again.

    It is refused while deliveries to the platform are under way, unless --fail-deliveries ends them. How many mappings
    point to the platform is said before, as far as the first 2000 of each tool tell.
    """
    from chalicelib.translation import answers

    under_way = of_platform(session, name).count
    if not under_way:  # a removal that was stopped leaves deliveries without their platform
        session.platform(name)
    if fail_deliveries or not under_way:  # else it is refused, and there is nothing to ask
        agree(session, _what_goes(session, name, under_way, yes=yes), yes=yes)
    failed = remove_with(
        session,
        lambda: of_platform(session, name),
        lambda: session.services.platforms.remove(name),
        answers.platform_missing(),
        fail=fail_deliveries,
    )
    session.output.show(
        {"removed": name, "failed_deliveries": failed}, Words(f"Platform {name} is removed.{ended(failed)}")
    )


def _what_goes(session: Session, name: str, under_way: int, *, yes: bool) -> str:
    """Say what a removal leaves behind; nothing is counted for nobody to read."""
    sentence = f"Platform {name} is to be removed."
    if under_way:
        sentence += f" It ends {under_way} {'delivery' if under_way == 1 else 'deliveries'} as failed."
    return sentence if yes else f"{sentence} {_mappings_to(session, name)}"


def _mappings_to(session: Session, name: str) -> str:
    number, cut = 0, False
    for tool in session.services.tools.list():
        looked_at = list(islice(session.services.mappings.list(tool.consumer_key), LOOKED_AT + 1))
        cut = cut or len(looked_at) > LOOKED_AT
        number += sum(each.platform == name for each in looked_at[:LOOKED_AT])
    if not number:
        return (
            f"None of the first {LOOKED_AT} mappings of each tool points to it." if cut else "No mapping points to it."
        )
    least = "at least " if cut else ""
    return f"Mappings that then point nowhere: {least}{number}. Their outcomes fail until it is registered again."


def platform_document(platform: Platform) -> dict[str, Any]:
    """Return a platform as JSON-able values."""
    return {
        "name": platform.name,
        "profile": platform.profile,
        "issuer": platform.issuer,
        "client_id": platform.client_id,
        "token_url": platform.token_url,
        "audience": platform.audience,
        "hosts": list(platform.hosts),
        "jwks_url": platform.jwks_url,
        "auth_url": platform.auth_url,
        "allow_private": platform.allow_private,
        "held_kid": platform.held_kid,
        "created_at": platform.created_at.isoformat() if platform.created_at else None,
    }


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(value) if isinstance(value, list) else str(value)
