"""What ``passback doctor`` checks; each check says what to do when it fails."""

import socket
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from chalicelib.clock import Clock, Deadline
from chalicelib.errors import HostRefused, PassbackError, PlatformRefused, PlatformUnavailable, SetupError
from chalicelib.lti13.profiles import RefusalKind
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.token_request import KEY_CHANGING
from chalicelib.mapping.model import Mapping
from passback.check import Check, CheckState, failed_check, ok_check, skipped_check
from passback.key_checks import FetchKeySet, check_held_key, check_key_set, check_signing_key
from passback.new_token import ask_for_token

if TYPE_CHECKING:
    from chalicelib.services import Services

_SECONDS = 10.0
_LOOKED_AT = 2000
"""Mappings of one tool that are looked through for one of a platform."""

Resolve = Callable[[str], Sequence[str]]


def all_checks(services: "Services", base_url: str | None, resolve: Resolve, fetch: FetchKeySet) -> Iterator[Check]:
    """Make every check, in the order in which the parts depend on each other."""
    yield check_settings(services)
    table = check_table(services)
    yield table
    if table.state is CheckState.FAILED:
        return
    key = check_signing_key(services)
    yield key
    yield check_key_set(services, base_url, fetch)
    platforms = list(services.platforms.list())
    if not platforms:
        yield failed_check("platforms", "No platform is registered.", "Register one: `passback platform add --help`.")
    for platform in platforms:
        yield from check_platform(services, platform, resolve, key_found=key.state is CheckState.OK)


def check_settings(services: "Services") -> Check:
    """Say what this Passback is set to."""
    settings = services.settings
    if not settings.kms_key and not settings.key_file:
        return failed_check(
            "settings",
            f"Stage {settings.stage} has no key to keep secrets with.",
            "Set PASSBACK_KMS_KEY to a KMS key, or PASSBACK_KEY_FILE to a local key file.",
        )
    sealed_by = "a KMS key" if settings.kms_key else "a local key file"
    detail = f"Stage {settings.stage}, table {settings.table}, secrets kept with {sealed_by}."
    if settings.previous_kms_key or settings.previous_key_file:
        detail += " Those that a key before it sealed are opened too: `passback secrets reseal --check` counts them."
    return ok_check("settings", detail)


def check_table(services: "Services") -> Check:
    """Read the table once by key and once by its listing index."""
    try:
        services.table.get("doctor")
        next(iter(services.platforms.list()), None)
    except PassbackError as error:
        return failed_check(
            "table",
            str(error),
            f"Check that the table {services.settings.table} exists in this region and account, that the credentials "
            "may read it, or start the local stack with `passback serve`.",
        )
    return ok_check("table", f"{services.settings.table} answers.")


def check_platform(services: "Services", platform: Platform, resolve: Resolve, *, key_found: bool) -> Iterator[Check]:
    """Check one platform: its hosts, a token, one line item, and one result."""
    yield check_hosts(platform, resolve, local=services.settings.is_local)
    if not key_found:
        yield Check(f"{platform.name}: token", CheckState.SKIPPED, "There is no signing key to ask with.")
        return
    if platform.held_kid is not None:
        yield check_held_key(services, platform)
    token = _asked(f"{platform.name}: token", lambda: _token(services, platform))
    yield token
    if token.state is CheckState.OK:
        yield from check_line_item(services, platform)


def check_hosts(platform: Platform, resolve: Resolve, *, local: bool) -> Check:
    """Resolve every registered host, and check that its addresses may be called."""
    import httpx

    from chalicelib.lti13.hosts import check_addresses

    name = f"{platform.name}: hosts"
    for host in platform.hosts:
        url = httpx.URL(f"{'http' if platform.token_url.startswith('http:') else 'https'}://{host}/")
        try:
            check_addresses(platform, url, resolve(url.host), local=local)
        except OSError:
            return failed_check(
                name, f"The name {host} is not known.", "Check the --host it was registered with, and DNS."
            )
        except HostRefused as error:
            return failed_check(
                name, str(error), "If that is meant (a campus platform), register it with --allow-private."
            )
    return ok_check(name, ", ".join(platform.hosts))


def check_line_item(services: "Services", platform: Platform) -> Iterator[Check]:
    """Read the line item of some mapping to the platform, and its student's result: each needs a scope of its own."""
    name = f"{platform.name}: line item"
    mapping = _some_mapping(services, platform)
    if mapping is None:
        yield skipped_check(
            name,
            f"None of the first {_LOOKED_AT} mappings of each tool points to this platform.",
            "Bring mappings in: `passback mapping import`.",
        )
        return

    def read() -> str:
        item = services.ags.read_line_item(platform, mapping.line_item, _deadline(services.clock))
        return f"{mapping.line_item} has a maximum of {item.score_maximum}."

    yield _asked(name, read)

    def read_result() -> str:
        services.ags.read_result(platform, mapping.line_item, mapping.user_id, _deadline(services.clock))
        return "The result of a mapped student can be read."

    yield _asked(f"{platform.name}: result", read_result)


def _some_mapping(services: "Services", platform: Platform) -> Mapping | None:
    for tool in services.tools.list():
        for mapping in islice(services.mappings.list(tool.consumer_key), _LOOKED_AT):
            if mapping.platform == platform.name:
                return mapping
    return None


def _token(services: "Services", platform: Platform) -> str:
    ask_for_token(services, platform, _deadline(services.clock))
    return "Asked for a new access token, it gave one."


def _deadline(clock: Clock) -> Deadline:
    return Deadline.after(clock, _SECONDS)


def _asked(name: str, ask: Callable[[], str]) -> Check:
    try:
        return ok_check(name, ask())
    except PlatformRefused as error:
        return failed_check(
            name, f"Refused ({error.status}): {error.words.rstrip('.')}.", _REMEDIES.get(error.kind, _OTHER_REMEDY)
        )
    except PlatformUnavailable as error:
        remedy = "Is the platform up, and does its name lead to it? Try again in a minute."
        if KEY_CHANGING in error.reason:
            remedy = "Our signing key is being changed: `passback key list` says which one the platform has to have."
        return failed_check(name, f"{str(error).rstrip('.')}.", remedy)
    except HostRefused as error:
        return failed_check(name, str(error), "Register the platform again with the right --host values.")
    except SetupError as error:
        return failed_check(name, str(error), "")
    except PassbackError as error:
        return failed_check(name, str(error), _OTHER_REMEDY)


_OTHER_REMEDY = "Compare the registration with the platform's: `passback platform show NAME`."
_REMEDIES = {
    RefusalKind.SCOPE_MISSING: "Let the platform's registration (Canvas: the developer key) have the AGS scopes score, "
    "result.readonly, lineitem.readonly.",
    RefusalKind.TOOL_MISMATCH: "Check client id, audience and our key set at the platform; is the key on, and is "
    "the tool installed in the course?",
    RefusalKind.NOT_FOUND: "The line item or its course is gone: import its mappings anew.",
    RefusalKind.COURSE_CONCLUDED: "The course is over; try with another course's mapping.",
}


def system_resolve(host: str) -> list[str]:
    """Resolve a name as this machine does.

    Raises
    ------
    OSError
        If the name is not known.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return sorted({str(entry[4][0]) for entry in found})


def fetch_json(url: str) -> Any:
    """Fetch a JSON document as a platform does.

    Raises
    ------
    OSError, ValueError
        If there is none.
    """
    import httpx

    try:
        response = httpx.get(url, timeout=_SECONDS, trust_env="127.0.0.1" not in url)
        response.raise_for_status()
    except httpx.HTTPError as error:
        raise ConnectionError(type(error).__name__) from None
    return response.json()
