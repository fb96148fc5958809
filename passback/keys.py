"""``passback key``: our own signing keys, as platforms need to know them, and their rotation."""

import json
from typing import TYPE_CHECKING, Any

import click

from chalicelib.clock import to_iso
from passback.asking import agree
from passback.commands import Group
from passback.failures import CommandFailed
from passback.output import Facts, View, Words
from passback.session import Session, pass_session

if TYPE_CHECKING:
    from chalicelib.lti13.keys import SigningKey
    from passback.key_standing import Standing

KID_HELP = "A key's id (kid), as `passback key list` shows it."


@click.group(cls=Group)
def key() -> None:
    """Keys: what platforms check our signature with."""


@key.command()
@click.option("--kid", metavar="KID", help="Another key than the one in use, by its id.")
@click.option("--pem", is_flag=True, help="Print PEM instead of a JWK; Moodle wants it so.")
@pass_session
def show(session: Session, kid: str | None, pem: bool) -> None:
    """Print the public signing key as a JWK, for platforms that want it typed in.

    The first key is made when there is none. With --json alone the whole published key set is printed, as it stands
    at /.well-known/jwks.json.
    """
    from chalicelib.lti13.key_rotation import published_keys, signing_key
    from chalicelib.lti13.keys import generate_signing_key, jwks, public_jwk, public_pem

    now = session.clock.now()
    keys = session.services.signing_keys.list()
    if not keys and kid is None:
        session.services.signing_keys.add(generate_signing_key(now))
        keys = session.services.signing_keys.list()
        session.output.note("There was no signing key; one is made.")
    shown = signing_key(keys, now) if kid is None else found(keys, kid)
    views: list[View] = [
        Facts([("key id", shown.kid), ("made", to_iso(shown.created_at))]),
        Words(public_pem(shown).rstrip() if pem else json.dumps(public_jwk(shown), indent=2)),
    ]
    document: dict[str, Any] = jwks(published_keys(keys, now) if kid is None else [shown])
    session.output.show({"kid": shown.kid, "pem": public_pem(shown)} if pem else document, *views)


@key.command(name="list")
@pass_session
def list_keys(session: Session) -> None:
    """List our signing keys, and which platform is signed for with which.

    A key is `coming` (published, not used yet), `in use`, `replaced` (published for one more day), `retired`, or
    `withdrawn` (taken out of the key set at once). A platform that was given our key by hand is signed for with that
    one until it is confirmed that it has another.
    """
    from passback.key_standing import standing_document, standing_tables

    state = _standing(session)
    session.output.show(standing_document(state), *standing_tables(state))


@key.command()
@click.option(
    "--now",
    "at_once",
    is_flag=True,
    help="For a key that somebody else may have: the new key signs at once, and the others leave the key set.",
)
@click.option("--yes", is_flag=True, help="Do not ask before --now.")
@pass_session
def rotate(session: Session, at_once: bool, yes: bool) -> None:
    """Make a new signing key; it is published at once and signs a day later, by itself.

    The key before it stays published for one more day. Platforms that were given our key by hand go on with theirs
    until `passback platform confirm-key NAME`.
    """
    from chalicelib.lti13.key_rotation import replaced_at_once, rotated
    from chalicelib.lti13.keys import generate_signing_key, public_jwk

    _standing(session)  # without a key there is nothing to rotate, and nobody to be asked
    if at_once:
        agree(
            session,
            "The new key is to sign at once. A platform that has cached our key set gives no token until it fetches "
            "it again; what cannot be delivered meanwhile waits in the queue.",
            yes=yes,
        )
    now = session.clock.now()
    new = generate_signing_key(now)
    held = {each.held_kid for each in session.services.platforms.list() if each.held_kid is not None}

    def with_new(keys: "tuple[SigningKey, ...]") -> "tuple[SigningKey, ...]":
        if at_once:
            return replaced_at_once(keys, new, now, held)
        _refuse_second(keys, session)
        return rotated(keys, new, now, held)

    session.services.signing_keys.change(with_new)
    _tell_rotated(session, _standing(session), public_jwk(new))


@key.command()
@click.option("--kid", metavar="KID", required=True, help=KID_HELP)
@pass_session
def remove(session: Session, kid: str) -> None:
    """Delete a key that signs for nobody: a retired one, or one that is only coming.

    A key that is replaced can be removed too, before its day is over.
    """
    platforms = list(session.services.platforms.list())

    def without(keys: "tuple[SigningKey, ...]") -> "tuple[SigningKey, ...]":
        from passback.key_standing import standing

        found(keys, kid)
        state = standing(keys, platforms, session.clock.now())
        names = state.signed_with(kid)
        if kid == state.in_use.kid or names:
            who = f" It signs for {', '.join(names)}." if names else ""
            raise CommandFailed(
                "in_use", f"Key {kid} is in use.{who} `passback key rotate` puts another in its place first."
            )
        return tuple(each for each in keys if each.kid != kid)

    session.services.signing_keys.change(without)
    session.output.show({"removed": kid}, Words(f"Key {kid} is removed."))


def found(keys: "tuple[SigningKey, ...]", kid: str) -> "SigningKey":
    """Return the key of this id.

    Raises
    ------
    CommandFailed
        If there is none.
    """
    for each in keys:
        if each.kid == kid:
            return each
    raise CommandFailed("not_found", f"There is no signing key {kid!r}; `passback key list` names them.")


def _standing(session: Session) -> "Standing":
    from passback.key_standing import standing

    keys, platforms = session.services.signing_keys.list(), list(session.services.platforms.list())
    return standing(keys, platforms, session.clock.now())


def _refuse_second(keys: "tuple[SigningKey, ...]", session: Session) -> None:
    from chalicelib.lti13.key_rotation import signs_from
    from passback.key_standing import standing

    coming = standing(keys, (), session.clock.now()).coming
    if coming is not None:
        raise CommandFailed(
            "rotation_under_way",
            f"Key {coming.kid} is published already and signs from {to_iso(signs_from(coming))}. Wait for that, or "
            f"take it back with `passback key remove --kid {coming.kid}`.",
        )


def _tell_rotated(session: Session, state: "Standing", jwk: dict[str, str]) -> None:
    from passback.key_standing import key_document

    new = state.keys[0]
    document = key_document(new, state)
    when = document["signs_from"] or "now"
    views = [Words(f"Key {new.kid} is published, and signs from {when} on; nothing more needs to be done.", "green")]
    names = [each.platform.name for each in state.awaiting]
    if names:
        views = [
            Words(f"Key {new.kid} is published, and signs from {when} on for platforms that fetch our key set."),
            Words(
                f"Given our key by hand, and signed for with the old one until it is confirmed: {', '.join(names)}. "
                f"Give each the new key (`passback key show --kid {new.kid}`), then `passback platform confirm-key "
                "NAME`.",
                "yellow",
            ),
        ]
    session.output.show({"key": document, "jwk": jwk, "awaiting": names}, *views)
