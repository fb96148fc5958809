"""A platform's answer, and what it says in words: for the rules, for the tool and for whoever looks for the cause."""

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NoReturn
from urllib.parse import urlsplit

from chalicelib.errors import PlatformUnavailable

LONGEST_WORDS = 300
LOOKED_AT = 65_536
"""Characters of an answer in which words are looked for."""
DEEPEST = 6
"""Levels of lists and objects in which messages are looked for."""
HIDDEN = "[hidden]"
# Part of an Authorization header, or (the beginning of) a JWT: always the base64url of a JSON object.
_CREDENTIAL = re.compile(r"(?i:bearer)\s+[\w.~+/=-]{8,}|eyJ[\w-]{8,}(?:\.[\w-]*)*")
_BETWEEN_ADDRESSES = re.compile(r"""([\s"'<>]+)""")
_SCHEME_END = re.compile(r"://|:\\/\\/|%3a%2f%2f", re.IGNORECASE)  # also as JSON may escape it, and percent-encoded
_QUERY_MARK = re.compile(r"[?#]|%3f|%23", re.IGNORECASE)
_USER = re.compile(r"(?:(?<=//)|(?<=/\\/))[^/\\@]+(?=@)")


class MalformedAnswer(PlatformUnavailable):
    """What came back is not HTTP: it began with no status line. On some platforms that is their way to refuse."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer. Header names are lower case; a header that came several times is joined with ``, ``."""

    status: int
    reason_phrase: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """The body as UTF-8, whatever its charset says: JSON is UTF-8 (RFC 8259, section 8.1)."""
        return self.body.decode("utf-8", "replace")

    @property
    def is_success(self) -> bool:
        """Tell whether the status is any 2xx: platforms answer a score with 200, 201 or 204 (AGS 2.0, section 3.4)."""
        return 200 <= self.status <= 299

    def json(self) -> object:
        """Read the body as JSON, every number as an exact Decimal.

        Raises
        ------
        ValueError
            If it is not JSON, or JSON that nobody sends: nested without end, numbers beyond any size.
        """
        try:
            parsed: object = json.loads(
                self.text, parse_float=Decimal, parse_int=Decimal, parse_constant=_refuse_constant
            )
        except (ArithmeticError, RecursionError) as failure:
            raise ValueError("JSON out of all proportion") from failure
        return parsed


def is_throttled(reply: Reply) -> bool:
    """Tell whether the call was refused as one too many, and had no effect.

    Canvas says so with 403 or 429; a 403 is a real one unless its text says otherwise, whatever the quota header says
    (Canvas AGS, section 9).
    """
    return reply.status == 429 or (reply.status == 403 and contains(reply.text, ["Rate Limit Exceeded"]))


def contains(words: str, texts: Iterable[str]) -> bool:
    """Tell whether one of the texts is part of the words, in any case."""
    said = words.casefold()
    return any(text.casefold() in said for text in texts)


def words_of(reply: Reply, *secrets: str) -> str:
    """Return what a platform said, as one line of at most 300 characters that holds no credential.

    Of an address the path stays and the query goes: Canvas may name the file it could not get (Canvas AGS, 3.8).

    Reads both of Canvas's error shapes (Canvas AGS, section 6), OAuth errors, plain text, the title of an HTML page,
    and else the reason phrase, where Moodle puts its messages (Moodle 4.5, Scores). A redirect names where it leads.

    Parameters
    ----------
    secrets
        What was sent and must not come back: the token, the assertion.
    """
    return _clean(_said(reply), secrets) or _clean(reply.reason_phrase, secrets) or f"HTTP {reply.status}"


def _clean(said: str, secrets: Iterable[str]) -> str:
    said = said[:LOOKED_AT]
    for secret in filter(None, secrets):
        said = said.replace(secret, HIDDEN)
    said = _CREDENTIAL.sub(HIDDEN, said)
    said = "".join(map(_closed, _BETWEEN_ADDRESSES.split(said)))
    printable = "".join(character if character.isprintable() else " " for character in said)
    return " ".join(printable.split())[:LONGEST_WORDS]


def _closed(piece: str) -> str:
    """Hide the query, fragment and user of an address: a signed one, as files have, opens to whoever reads it."""
    mark = _QUERY_MARK.search(piece)
    if mark is None:
        address, query = piece, ""
    else:
        address, query = piece[: mark.end()], piece[mark.end() :]
    if query and (_SCHEME_END.search(address) or "=" in query or "%3d" in query.lower()):
        query = HIDDEN
    return _USER.sub(HIDDEN, address) + query


def _said(reply: Reply) -> str:
    if 300 <= reply.status <= 399:
        return _redirect(reply)
    text = reply.text.strip()
    if text.startswith("<"):
        return _title(text)
    try:
        parsed = reply.json()
    except ValueError:
        return text
    if parsed is None or parsed in ([], {}, ""):
        return ""
    return "; ".join(_messages(_errors_in(parsed))) or text


def _redirect(reply: Reply) -> str:
    """Name the host: Moodle redirects calls to another name than its own there (Moodle 4.5, Auth and hosts)."""
    try:
        host = urlsplit(reply.headers.get("location", "")).hostname
    except ValueError:
        host = None
    return f"redirected to {host or 'another address'}; redirects are not followed"


def _errors_in(parsed: object) -> object:
    """Find the part of a JSON answer that tells the error."""
    if not isinstance(parsed, dict):
        return parsed
    if "errors" in parsed:
        return parsed["errors"]
    if "error" in parsed:  # RFC 6749 5.2, and Canvas's line items
        return [": ".join(_messages([parsed["error"], parsed.get("error_description")]))]
    for name in ("message", "detail", "title"):  # Blackboard; RFC 9457
        if isinstance(parsed.get(name), str):
            return parsed[name]
    return None


def _messages(node: object, depth: int = 0) -> Iterator[str]:
    if isinstance(node, str) and node:
        yield node
    elif depth < DEEPEST and isinstance(node, list):
        for item in node:
            yield from _messages(item, depth + 1)
    elif depth < DEEPEST and isinstance(node, dict):
        message, about = node.get("message"), node.get("field")
        if isinstance(message, str):
            yield f"{about} {message}" if isinstance(about, str) and about else message
        else:
            yield from _messages(list(node.values()), depth + 1)


def _title(page: str) -> str:
    # By hand and in one pass: a lazy pattern is quadratic on a page full of "<title".
    beginning = page[:LOOKED_AT].lower()
    opened = beginning.find("<title")
    start = beginning.find(">", opened) + 1
    end = beginning.find("</title", start)
    return html.unescape(page[start:end]).strip() if opened >= 0 and start > 0 and end >= 0 else ""


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
