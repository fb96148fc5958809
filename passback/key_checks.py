"""What ``passback doctor`` checks of our signing keys: that they open, are published, and are where they must be."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.clock import to_iso
from chalicelib.errors import PassbackError
from chalicelib.lti13.key_rotation import awaited_key, published_keys, signs_from
from chalicelib.lti13.registrations import Platform
from passback.check import Check, CheckState, failed_check, ok_check
from passback.key_standing import standing

if TYPE_CHECKING:
    from chalicelib.services import Services

KEY_SET_PATH = "/.well-known/jwks.json"
CONFIRMED_WITHIN = timedelta(days=7)
"""How long a platform may be without the newest key before it is a failure: somebody has to give it by hand."""

FetchKeySet = Callable[[str], Any]


def check_signing_key(services: "Services") -> Check:
    """Open the signing keys."""
    try:
        keys = services.signing_keys.list()
    except PassbackError as error:
        return failed_check(
            "signing key", str(error), "Check PASSBACK_KMS_KEY or PASSBACK_KEY_FILE: it must be the key that sealed it."
        )
    if not keys:
        return failed_check("signing key", "There is none.", "Make the first one: `passback key show`.")
    state = standing(keys, (), services.clock.now())
    detail = f"{len(keys)} there; in use is {state.in_use.kid}."
    if state.coming is not None:
        detail += f" {state.coming.kid} signs from {to_iso(signs_from(state.coming))}."
    return ok_check("signing key", detail)


def check_key_set(services: "Services", base_url: str | None, fetch: FetchKeySet) -> Check:
    """Fetch the published key set as a platform does, and look for our keys in it."""
    if base_url is None:
        return Check(
            "key set", CheckState.SKIPPED, "No public URL is known.", "Set PASSBACK_PUBLIC_URLS to have it checked."
        )
    url = base_url + KEY_SET_PATH
    try:
        published = {key["kid"] for key in fetch(url)["keys"]}
    except (OSError, ValueError, TypeError, KeyError) as error:
        return failed_check(
            "key set",
            f"{url} gives no key set ({type(error).__name__}).",
            "Check the public URL, and that the service is deployed.",
        )
    keys = services.signing_keys.list()
    ours = {key.kid for key in published_keys(keys, services.clock.now())}
    if ours - published:
        return failed_check(
            "key set",
            f"{url} lacks {', '.join(sorted(ours - published))}.",
            "Does the URL belong to this table's service? What stands before it may keep the key set for 5 minutes at "
            "most.",
        )
    withdrawn = sorted(key.kid for key in keys if key.withdrawn and key.kid in published)
    if withdrawn:
        return failed_check(
            "key set",
            f"{url} still gives {', '.join(withdrawn)}, which was withdrawn.",
            "What stands before the service keeps the key set for too long: empty its cache.",
        )
    return ok_check("key set", f"{url} publishes {len(published)}.")


def check_held_key(services: "Services", platform: Platform) -> Check:
    """See whether a platform that was given our key by hand has the newest, or is overdue to be given it."""
    name, keys, now = f"{platform.name}: key", services.signing_keys.list(), services.clock.now()
    awaited = awaited_key(keys, platform)
    if awaited is None:
        return ok_check(name, f"It was given {platform.held_kid} by hand, our newest.")
    remedy = (
        f"Give it the new key: `passback key show --kid {awaited.kid}`, then `passback platform confirm-key "
        f"{platform.name}`."
    )
    if all(key.kid != platform.held_kid for key in keys):
        return failed_check(name, f"It was given {platform.held_kid} by hand, a key that is not there.", remedy)
    waited = now - awaited.created_at
    if any(key.kid == platform.held_kid and key.withdrawn for key in keys):
        return failed_check(name, "It was given a key by hand that somebody else may have.", remedy)
    if waited > CONFIRMED_WITHIN:
        return failed_check(name, f"It still has to be given {awaited.kid}, made {waited.days} days ago.", remedy)
    return Check(name, CheckState.OK, f"It holds the key before; {awaited.kid} is still to be given.", remedy)
