"""What a remedy is, and by which signs an ended delivery shows that it is the right one."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

from chalicelib.lti13.profiles import PROFILES

CANVAS = frozenset({"canvas", "canvas-older"})
MOODLE = frozenset({"moodle"})


class Retry(StrEnum):
    """What to do with the delivery itself once the cause is put right; the value is the sentence for people."""

    RETRY = (
        "Then `passback delivery retry ID`. When its content is not kept any more, let the tool send the grade again."
    )
    RESEND = (
        "Let the tool send the grade again: a delivery keeps the line item and the user that it was accepted for, so "
        "a retry would go to the old place."
    )
    FORCE = "Only if the tool's grade is the right one: `passback delivery retry --force ID`."
    WAIT = (
        "While it is queued or waiting, Passback tries again by itself. Once it has failed: `passback delivery retry "
        "ID`, or `passback delivery retry --all-failed` for all of them."
    )
    NONE = "Nothing more: a retry would end the same way."


@dataclass(frozen=True, slots=True)
class Shown:
    """What an ended delivery shows of its cause. Unknown parts are empty or None."""

    state: str
    words: str = ""
    status: int | None = None
    error_code: str | None = None
    profile: str = ""
    told: tuple[str, ...] = ()
    """What the tool was told, then the delivery's warnings."""


@dataclass(frozen=True, slots=True)
class Sign:
    """By what a cause is known. Parts that are empty fit anything; of what is given, all must fit.

    ``says`` are pieces of the platform's words, ``told`` beginnings of Passback's own; ``...`` in them stands for
    anything, and case does not matter. One of them must fit.
    """

    says: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    statuses: frozenset[int] = frozenset()
    wordless: bool = False
    """The answer has no words of its own: nothing, or what its status is called."""
    any_words: bool = False
    """Whatever the answer says: its status alone decides, so it must be known."""
    profiles: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Remedy:
    """Why a grade did not arrive, and what an administrator does about it."""

    name: str
    sign: Sign
    cause: str
    remedy: str
    retry: Retry
    source: str


def sign(
    *says: str,
    told: tuple[str, ...] = (),
    statuses: tuple[int, ...] = (),
    wordless: bool = False,
    any_words: bool = False,
    profiles: frozenset[str] = frozenset(),
    codes: tuple[str, ...] = (),
) -> Sign:
    """Make a sign."""
    return Sign(says, told, frozenset(statuses), wordless, any_words, profiles, frozenset(codes))


def is_told(sign: Sign, shown: Shown) -> bool:
    """Tell whether Passback itself named this cause, to the tool or in a warning."""
    return any(contains(text, pattern, at_start=True) for text in shown.told for pattern in sign.told)


def is_said(sign: Sign, shown: Shown) -> bool:
    """Tell whether the platform's answer, or what came in its place, shows this cause."""
    return _may_be(sign, shown) and _fits(sign, shown)


def _may_be(sign: Sign, shown: Shown) -> bool:
    """Tell whether nothing that is known of the delivery speaks against the sign."""
    platform_known = shown.profile in PROFILES
    return (
        (not sign.profiles or not platform_known or shown.profile in sign.profiles)
        and (not sign.statuses or shown.status is None or shown.status in sign.statuses)
        and (not sign.codes or shown.error_code is None or shown.error_code in sign.codes)
    )


def _fits(sign: Sign, shown: Shown) -> bool:
    if any(contains(shown.words, pattern) for pattern in sign.says):
        return True
    if sign.any_words and shown.status in sign.statuses:
        return True
    return sign.wordless and _names_only(shown, sign.statuses)


def _names_only(shown: Shown, statuses: frozenset[int]) -> bool:
    """Tell whether the words are nothing, or only name one of the statuses (``replies.words_of``)."""
    if not shown.words:
        return shown.status in statuses
    names = {name for status in statuses for name in (f"http {status}", HTTPStatus(status).phrase.casefold())}
    return shown.words.casefold() in names


def contains(text: str, pattern: str, *, at_start: bool = False) -> bool:
    """Tell whether the pattern is part of the text, in any case; ``...`` stands for anything."""
    said, position = text.casefold(), 0
    for number, piece in enumerate(pattern.casefold().split("...")):
        found = said.find(piece, position)
        if found < 0 or (at_start and number == 0 and found > 0):
            return False
        position = found + len(piece)
    return True
