"""``passback key``: our own signing keys, as platforms need to know them."""

import json

import click

from chalicelib.clock import to_iso
from passback.commands import Group
from passback.output import Facts, View, Words
from passback.session import Session, pass_session


@click.group(cls=Group)
def key() -> None:
    """Keys: what platforms check our signature with."""


@key.command()
@pass_session
def show(session: Session) -> None:
    """Print the public signing key as a JWK, for platforms that want it typed in.

    The first key is made when there is none. With --json the whole published key set is printed, as it stands at
    /.well-known/jwks.json.
    """
    from chalicelib.lti13.key_rotation import published_keys, signing_key
    from chalicelib.lti13.keys import generate_signing_key, jwks, public_jwk

    now = session.clock.now()
    keys = session.services.signing_keys.list()
    if not keys:
        session.services.signing_keys.add(generate_signing_key(now))
        keys = session.services.signing_keys.list()
        session.output.note("There was no signing key; one is made.")
    in_use = signing_key(keys, now)
    views: list[View] = [
        Facts([("key id", in_use.kid), ("made", to_iso(in_use.created_at))]),
        Words(json.dumps(public_jwk(in_use), indent=2)),
    ]
    session.output.show(jwks(published_keys(keys, now)), *views)
