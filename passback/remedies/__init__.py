"""Why a grade did not arrive and what to do about it: every failure that is known, as data in one place.

The first entry that fits decides: what Passback itself named, then what the platform said, from the special to the
general, then the kind of the refusal, the code that the tool was told, and the state.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from chalicelib.delivery.records import Delivery
from chalicelib.errors import OutcomeCode
from chalicelib.lti13.profiles import PROFILES, RefusalKind, classify
from passback.remedies.advice import Advice, advice_for
from passback.remedies.canvas_access import CANVAS_ACCESS
from passback.remedies.canvas_scores import CANVAS_SCORES
from passback.remedies.general import BY_CODE, BY_KIND, BY_STATE, GENERAL, WITHOUT_REMEDY
from passback.remedies.model import Remedy, Retry, Shown, Sign, is_said, is_told
from passback.remedies.moodle import MOODLE_ANSWERS
from passback.remedies.not_now import NOT_NOW
from passback.remedies.other_platforms import OTHER_ANSWERS
from passback.remedies.ours import GAVE_UP, OURS
from passback.remedies.tokens import TOKENS

__all__ = ["CHAPTERS", "Advice", "Remedy", "Retry", "Shown", "Sign", "advice_for", "remedy_for", "remedy_of"]

# Throttling before all refusals: a 403 or 429 with that text is none.
_SAID = (*NOT_NOW[:1], *TOKENS, *CANVAS_ACCESS, *CANVAS_SCORES, *MOODLE_ANSWERS, *OTHER_ANSWERS, *NOT_NOW[1:])

CHAPTERS: Mapping[str, tuple[Remedy, ...]] = MappingProxyType(
    {
        "No access token": TOKENS,
        "Canvas: the tool, its key, the course, the line item": CANVAS_ACCESS,
        "Canvas: the score, its times, the work": CANVAS_SCORES,
        "Moodle": MOODLE_ANSWERS,
        "Other platforms": OTHER_ANSWERS,
        "Not now": NOT_NOW,
        "What Passback says itself": (*OURS, *GAVE_UP),
        "When nothing more is known": GENERAL,
    }
)
"""All remedies, for the page."""


def remedy_of(delivery: Delivery, profile: str) -> Remedy | None:
    """Return the remedy for a delivery as it stands; None when it needs none.

    Parameters
    ----------
    profile
        The name of its platform's profile; empty when the platform is not registered any more.
    """
    answer = delivery.answer
    return remedy_for(
        state=delivery.state.value,
        words=delivery.platform_words,
        status=delivery.platform_status,
        error_code=None if answer is None else answer.error_code,
        profile=profile,
        told=("" if answer is None else answer.description, *delivery.warnings),
    )


def remedy_for(
    *,
    state: str,
    words: str = "",
    status: int | None = None,
    error_code: str | None = None,
    profile: str = "",
    told: Sequence[str] = (),
) -> Remedy | None:
    """Return the remedy for what a delivery or an answer shows; None for a plain success and for what just begins.

    Parameters
    ----------
    words
        What the platform said (``replies.words_of``), or the reason why it said nothing.
    told
        What the tool was told, and the warnings that it was not told.
    """
    shown = Shown(state, words, status, error_code or None, profile, tuple(filter(None, told)))
    named = _named(OURS, shown)
    if named is not None or state in WITHOUT_REMEDY:
        return named
    said = next((each for each in _SAID if is_said(each.sign, shown)), None)
    return said or _named(GAVE_UP, shown) or _general(shown)


def _named(remedies: Sequence[Remedy], shown: Shown) -> Remedy | None:
    return next((each for each in remedies if is_told(each.sign, shown)), None)


def _general(shown: Shown) -> Remedy:
    if shown.profile in PROFILES and shown.status is not None:
        kind = classify(PROFILES[shown.profile], shown.status, shown.words)
        if kind is not RefusalKind.OTHER:
            return BY_KIND[kind]
    if shown.error_code in set(OutcomeCode):
        return BY_CODE[OutcomeCode(shown.error_code)]
    return BY_STATE.get(shown.state, BY_STATE["failed"])
