"""The mistakes that tools, proxies and people make when requests are signed; each can be made again on purpose."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote, urlsplit

from passback.signature.signing import Pairs, Signing, encoded, query_text, signing_key

_PORTS = {"https": "443", "http": "80"}
_HASH = "oauth_body_hash"


@dataclass(frozen=True, slots=True)
class Mistake:
    """One cause. ``name`` is for scripts, ``said`` finishes "The tool signed ...", ``remedy`` says what to do."""

    name: str
    said: str
    remedy: str


Varied = tuple[Mistake | None, Signing]
Change = Callable[[Signing], Signing]

_PUBLIC_URLS = (
    "Give the tool the URL exactly as it reaches Passback, or add the URL that it signs to PASSBACK_PUBLIC_URLS."
)
_LIBRARY = "Use another OAuth 1.0a library in the tool, or repair its signing (RFC 5849, section 3.4)."
_ENTERED = (
    "Enter the secret in the tool again, exactly as it is registered; or give both a new one: `passback tool rotate`."
)


def url_mistakes(right: Sequence[Signing], other_hosts: Iterable[str]) -> Iterator[Varied]:
    """Give the signings for every URL that the tool may have taken for its own, the right ones first."""
    seen: set[tuple[str, Pairs]] = set()
    for varied in _urls(right, list(other_hosts)):
        key = varied[1].uri, varied[1].query
        if key not in seen:
            seen.add(key)
            yield varied


def _urls(right: Sequence[Signing], other_hosts: Sequence[str]) -> Iterator[Varied]:
    for signing in right:
        yield None, signing
    for signing in right:
        yield from _schemes_and_ports(signing)
        yield from _paths(signing)
        yield from _queries(signing)
    for signing in right:
        yield from _hosts(signing, other_hosts)


def _schemes_and_ports(signing: Signing) -> Iterator[Varied]:
    scheme, host, path = _parts(signing.uri)
    other = "http" if scheme == "https" else "https"
    bare = host.partition(":")[0]
    yield (
        Mistake("scheme", f"{other} instead of {scheme}", f"Give the tool the URL with {scheme}. {_PUBLIC_URLS}"),
        replace(signing, uri=f"{other}://{host}{path}"),
    )
    for port_scheme in (scheme, other):
        for port in dict.fromkeys((_PORTS[scheme], _PORTS[other], "8443", "8080")):
            name = "port" if port_scheme == scheme else "scheme_and_port"
            yield (
                Mistake(name, f"{port_scheme} with the port :{port} in the URL", f"Leave the port out. {_PUBLIC_URLS}"),
                replace(signing, uri=f"{port_scheme}://{bare}:{port}{path}"),
            )
    if bare != host:
        yield (
            Mistake("port_missing", "the URL without its port", _PUBLIC_URLS),
            replace(signing, uri=f"{scheme}://{bare}{path}"),
        )
    yield (
        Mistake("host_case", "the host in capital letters", f"Write the host in small letters. {_LIBRARY}"),
        replace(signing, uri=f"{scheme}://{host.upper()}{path}"),
    )


def _paths(signing: Signing) -> Iterator[Varied]:
    scheme, host, path = _parts(signing.uri)
    for name, said, changed in _changed_paths(path):
        yield Mistake(name, said, _PUBLIC_URLS), replace(signing, uri=f"{scheme}://{host}{changed}")


def _changed_paths(path: str) -> Iterator[tuple[str, str, str]]:
    first, _, rest = path.lstrip("/").partition("/")
    if path.endswith("/") and path != "/":
        yield "trailing_slash", "the path without the slash at its end", path.rstrip("/")
    else:
        yield "trailing_slash", "the path with a slash at its end", f"{path}/"
    if rest:
        yield "stage_missing", f"the path without the stage or base path /{first}", f"/{rest}"
    yield "stage_doubled", f"the path with the stage or base path /{first} twice", f"/{first}{path}"
    for stage in ("api", "prod", "dev", "v1", "passback"):
        yield "stage_added", f"the path with /{stage} in front", f"/{stage}{path}"
    yield "double_slash", "two slashes at the beginning of the path", f"/{path}"
    yield "path_case", "the path in small letters", path.lower()
    yield "path_encoding", "the path percent-encoded once more", quote(path, safe="/~")
    yield "path_encoding", "the path decoded", unquote(path)
    yield "path_missing", "the host alone, without a path", ""
    yield "path_missing", "the root instead of the path", "/"


def _queries(signing: Signing) -> Iterator[Varied]:
    if not signing.query:
        return
    text, advice = query_text(signing.query), f"Leave the query out of the tool's outcome URL. {_LIBRARY}"
    twice_decoded = tuple((name, unquote(value)) for name, value in signing.query)
    yield Mistake("query_missing", "the URL without its query", advice), replace(signing, query=())
    yield (
        Mistake("query_twice", "the query twice: in the URL and among the parameters", advice),
        replace(signing, uri=f"{signing.uri}?{text}"),
    )
    yield (
        Mistake("query_twice", "each parameter of the query twice", advice),
        replace(signing, query=(*signing.query, *signing.query)),
    )
    yield (
        Mistake("query_in_url", "the query as a part of the URL, not as parameters", advice),
        replace(signing, uri=f"{signing.uri}?{text}", query=()),
    )
    yield Mistake("query_decoded", "the query decoded once more", advice), replace(signing, query=twice_decoded)


def _hosts(signing: Signing, others: Sequence[str]) -> Iterator[Varied]:
    scheme, host, path = _parts(signing.uri)
    for other in dict.fromkeys(each.lower() for each in others):
        if other in ("", host):
            continue
        mistake = Mistake("host", f"the host {other} instead of {host}", _PUBLIC_URLS)
        changed = replace(signing, uri=f"{scheme}://{other}{path}")
        yield mistake, changed
        for name, said, changed_path in _changed_paths(path):
            if name in ("stage_missing", "trailing_slash"):
                both = Mistake("host_and_path", f"the host {other} instead of {host}, and {said}", _PUBLIC_URLS)
                yield both, replace(changed, uri=f"{scheme}://{other}{changed_path}")


def parameter_mistakes(body: bytes, *, is_form: bool) -> Iterator[tuple[Mistake | None, Change]]:
    """Give the ways in which tools gather, encode and sort parameters, the right one first."""
    yield None, lambda signing: signing
    yield (
        Mistake("double_encoding", "its parameters percent-encoded twice", _LIBRARY),
        lambda signing: replace(signing, double=True),
    )
    yield (
        Mistake("not_sorted", "its parameters in the order of the header, not sorted", _LIBRARY),
        lambda signing: replace(signing, ordered=False),
    )
    for method in ("GET", "PUT", "post"):
        yield (
            Mistake(
                "method", f"{method} instead of POST", "Let the tool sign the method that it sends, in capital letters."
            ),
            lambda signing, method=method: replace(signing, method=method),  # type: ignore[misc]  # a default binds it
        )
    yield (
        Mistake("body_hash_not_signed", "the request without oauth_body_hash", "Add the body hash before signing."),
        lambda signing: replace(signing, oauth=_without(signing.oauth, _HASH)),
    )
    yield (
        Mistake("version_not_signed", "the request without oauth_version", "Sign every oauth_ parameter that is sent."),
        lambda signing: replace(signing, oauth=_without(signing.oauth, "oauth_version")),
    )
    yield (
        Mistake(
            "version_signed", "an oauth_version that it did not send", "Send every oauth_ parameter that is signed."
        ),
        lambda signing: replace(signing, oauth=(*signing.oauth, ("oauth_version", "1.0"))),
    )
    yield (
        Mistake("token_signed", "an empty oauth_token that it did not send", "Send no token and sign none."),
        lambda signing: replace(signing, oauth=(*signing.oauth, ("oauth_token", ""))),
    )
    yield (
        Mistake("callback_signed", "an oauth_callback that it did not send", "Sign an outcome, not a launch."),
        lambda signing: replace(signing, oauth=(*signing.oauth, ("oauth_callback", "about:blank"))),
    )
    yield from _body_mistakes(body, is_form=is_form)


def _body_mistakes(body: bytes, *, is_form: bool) -> Iterator[tuple[Mistake | None, Change]]:
    if is_form:
        yield (
            Mistake("fields_not_signed", "the request without its form fields", "Sign the fields of the form as well."),
            lambda signing: replace(signing, fields=()),
        )
        return
    text = body.decode("utf-8", "replace")
    yield (
        Mistake("body_signed", "the XML as if it were a parameter", "The body is covered by oauth_body_hash alone."),
        lambda signing: replace(signing, fields=((text, ""),)),
    )


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the MAC, with what would be wrong with it. The key is never shown."""

    mistake: Mistake | None
    octets: bytes

    def __repr__(self) -> str:
        """Name the mistake and not the key."""
        return f"Key({self.mistake!r})"


def key_mistakes(consumer_key: str, secrets: Sequence[str], others: Iterable[tuple[str, str]]) -> Iterator[Key]:
    """Give the keys that a tool may have signed with, the right ones first; ``others`` are (whose, secret)."""
    for secret in secrets:
        yield Key(None, signing_key(secret))
    for secret in secrets:
        for name, said, octets in _spoilt(secret):
            yield Key(Mistake(name, said, _ENTERED), octets)
    yield Key(Mistake("secret_is_key", "with the consumer key for the secret", _ENTERED), signing_key(consumer_key))
    yield Key(Mistake("secret_empty", "with an empty secret", _ENTERED), signing_key(""))
    for whose, secret in others:
        yield Key(Mistake("secret_of_another", f"with the secret of {whose}", _ENTERED), signing_key(secret))


def _spoilt(secret: str) -> Iterator[tuple[str, str, bytes]]:
    blanks = (
        f" {secret}",
        f"{secret} ",
        f"{secret}\n",
        f"{secret}\r\n",
        f"{secret}\t",
        f" {secret} ",
        f"\ufeff{secret}",
    )
    for text in (*blanks, secret.strip()):
        yield "secret_blank", "with blanks, or a line end, too many or too few around the secret", signing_key(text)
    for text in (encoded(secret), unquote(secret), quote(secret), secret.replace(" ", "+")):
        yield "secret_encoded", "with the secret percent-encoded once too often or too little", signing_key(text)
    yield "secret_encoded", "with the secret not percent-encoded before the &", f"{secret}&".encode()
    yield "secret_without_ampersand", "with the secret without the & behind it", encoded(secret).encode()
    yield "secret_twice", "with the secret on both sides of the &", f"{encoded(secret)}&{encoded(secret)}".encode()
    for text in (secret.lower(), secret.upper()):
        yield "secret_case", "with the secret in other capital and small letters", signing_key(text)
    for quoted in (f'"{secret}"', f"'{secret}'"):
        yield "secret_quoted", "with quotation marks around the secret", signing_key(quoted)


def _without(pairs: Pairs, name: str) -> Pairs:
    return tuple(pair for pair in pairs if pair[0] != name)


def _parts(uri: str) -> tuple[str, str, str]:
    parts = urlsplit(uri)
    return parts.scheme, parts.netloc, parts.path
