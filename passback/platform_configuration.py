"""``passback platform configuration``: what is entered at a platform so that it knows Passback."""

import json
from typing import TYPE_CHECKING, Any

import click

from chalicelib.config import Settings
from chalicelib.lti13.token_request import SCOPES
from passback.commands import Command
from passback.failures import CommandFailed
from passback.home import Home
from passback.output import Facts, View, Words
from passback.parameters import PlainText, host_of, platform_url
from passback.session import Session, pass_session

if TYPE_CHECKING:
    from chalicelib.lti13.keys import SigningKey

# No launch is led there: Canvas and Moodle want both addresses filled in, and this version takes no launches.
_LOGIN_PATH = "/lti/login"
_LAUNCH_PATH = "/lti/launch"
_KEY_SET_PATH = "/.well-known/jwks.json"
_DESCRIPTION = "Returns the grades of LTI 1.1 tools"
_WHERE = {
    "canvas": "Paste it in Canvas: Admin, Developer Keys, + Developer Key, + LTI Key, method Paste JSON. Then turn the "
    "key on and install it by its client id (docs/canvas.md).",
    "moodle": "Enter it in Moodle: Site administration, Plugins, External tool, Manage tools, Configure a tool "
    "manually (docs/moodle.md).",
    "generic": "Enter it where the platform registers LTI 1.3 tools.",
}


@click.command(cls=Command)
@click.option("--profile", required=True, type=click.Choice(tuple(_WHERE)), help="What kind of platform it is.")
@click.option(
    "--base-url",
    metavar="URL",
    help="Where platforms reach Passback, without a path behind it. [default: the first of PASSBACK_PUBLIC_URLS]",
)
@click.option(
    "--tool-domain",
    metavar="HOST",
    help="With canvas: the old tool's host, so that Canvas moves that tool's assignments over to this key.",
)
@click.option("--title", type=PlainText(), default="Passback", show_default=True, help="The name that people see.")
@click.option(
    "--static-key",
    is_flag=True,
    help="With our public key itself in place of its address: for a platform that cannot reach Passback.",
)
@pass_session
def configuration(session: Session, /, profile: str, base_url: str | None, static_key: bool, **options: Any) -> None:
    """Print what is to be entered at a platform, before it is added here.

    For canvas the JSON to paste as an LTI key; else the fields of the form. It asks no platform and changes nothing.
    """
    tool_domain = options["tool_domain"]
    if tool_domain is not None and profile != "canvas":
        raise CommandFailed("usage", "--tool-domain is Canvas's: other platforms know no such thing.", 2)
    base, title = _base_url(session, base_url), options["title"]
    key = _key_in_use(session) if static_key else None
    views: list[View]
    if profile == "canvas":
        domain = None if tool_domain is None else host_of(tool_domain)
        document = developer_key(base, title=title, tool_domain=domain, key=key)
        views = [Words(json.dumps(document, indent=2, ensure_ascii=False))]
    else:
        pairs = (_moodle_form if profile == "moodle" else _form)(base, title, key)
        document = dict(pairs)
        one_line, pasted = [pair for pair in pairs if "\n" not in pair[1]], [text for _, text in pairs if "\n" in text]
        views = [Facts(one_line), *(Words(text.rstrip("\n")) for text in pasted)]
    session.output.show({"profile": profile, "configuration": document}, *views)
    session.output.note(_WHERE[profile])


def developer_key(
    base_url: str, *, title: str = "Passback", tool_domain: str | None = None, key: "SigningKey | None" = None
) -> dict[str, Any]:
    """Return Canvas's JSON configuration of an LTI key (Canvas AGS, section 7; Canvas, lti_dev_key_config).

    No placement: nobody is to launch Passback. With ``tool_domain``, Canvas takes it for the LTI 1.3 version of the
    tool there.
    """
    extension: dict[str, Any] = {
        "platform": "canvas.instructure.com",
        "tool_id": "passback",
        "privacy_level": "anonymous",
        "settings": {"text": title, "placements": []},
    }
    if tool_domain is not None:
        extension["domain"] = tool_domain
    return {
        "title": title,
        "description": _DESCRIPTION,
        "oidc_initiation_url": base_url + _LOGIN_PATH,
        "target_link_uri": base_url + _LAUNCH_PATH,
        "scopes": list(SCOPES),
        **({"public_jwk_url": base_url + _KEY_SET_PATH} if key is None else {"public_jwk": _jwk(key)}),
        "extensions": [extension],
    }


def _moodle_form(base_url: str, title: str, key: "SigningKey | None") -> list[tuple[str, str]]:
    """Name the fields as Moodle's form does."""
    if key is None:
        ours = [("Public key type", "Keyset URL"), ("Public keyset", base_url + _KEY_SET_PATH)]
    else:
        ours = [("Public key type", "RSA key"), ("Public key", _pem(key))]
    return [
        ("Tool name", title),
        ("Tool URL", base_url + _LAUNCH_PATH),
        ("LTI version", "LTI 1.3"),
        *ours,
        ("Initiate login URL", base_url + _LOGIN_PATH),
        ("Redirection URI(s)", base_url + _LAUNCH_PATH),
        ("IMS LTI Assignment and Grade Services", "Use this service for grade sync only"),
        ("Accept grades from the tool", "Always"),
    ]


def _form(base_url: str, title: str, key: "SigningKey | None") -> list[tuple[str, str]]:
    return [
        ("name", title),
        ("login initiation URL", base_url + _LOGIN_PATH),
        ("launch and redirect URL", base_url + _LAUNCH_PATH),
        ("key set URL", base_url + _KEY_SET_PATH) if key is None else ("public key", _pem(key)),
        ("scopes", " ".join(SCOPES)),
    ]


def _key_in_use(session: Session) -> "SigningKey":
    from chalicelib.lti13.key_rotation import signing_key

    return signing_key(session.services.signing_keys.list(), session.clock.now())


def _jwk(key: "SigningKey") -> dict[str, str]:
    from chalicelib.lti13.keys import public_jwk

    return public_jwk(key)


def _pem(key: "SigningKey") -> str:
    from chalicelib.lti13.keys import public_pem

    return public_pem(key)


def _base_url(session: Session, typed: str | None) -> str:
    public = Settings.from_environment(session.environment).public_urls
    stack = Home.from_environment(session.environment).running_stack()
    found = typed or next(iter(public), None) or (stack.base_url if stack else None)
    if found is None:
        raise CommandFailed(
            "usage", "Say where platforms reach Passback: --base-url https://..., or set PASSBACK_PUBLIC_URLS.", 2
        )
    if platform_url(found, "--base-url", local=True).query:
        raise CommandFailed("usage", "--base-url must have no query: addresses are put behind it.", 2)
    return found.rstrip("/")
