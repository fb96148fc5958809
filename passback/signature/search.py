"""Signs a captured request again with every mistake, alone and together, until its signature comes out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from passback.signature.mistakes import Change, Key, Mistake, Varied
from passback.signature.signing import METHODS, ReceivedSignature, Signing, mac

MOST_MISTAKES = 3
"""Made at once; more explain anything, and nothing."""
MOST_WITH_ANOTHERS_SECRET = 1


_DIGESTS = (("sha1", 20), ("sha256", 32), ("sha512", 64))


@dataclass(frozen=True, slots=True)
class Found:
    """How the signature that came was made: with these mistakes, none when it is right."""

    mistakes: tuple[Mistake, ...]
    signing: Signing


def search(
    received: ReceivedSignature,
    method: str,
    urls: Iterable[Varied],
    parameters: Iterable[tuple[Mistake | None, Change]],
    keys: Iterable[Key],
) -> Found | None:
    """Return how the signature was made, with as few mistakes as possible; None when nothing explains it.

    A match is a proof: nobody comes upon a MAC by chance.
    """
    changes, all_keys = list(parameters), list(keys)
    signings = [_varied(url, change) for url in urls for change in changes]
    signings.sort(key=lambda each: len(each[0]))
    best: Found | None = None
    for mistakes, signing in signings:
        base = signing.base_string
        for key in all_keys:
            another = key.mistake is not None and key.mistake.name == "secret_of_another"
            if another and len(mistakes) > MOST_WITH_ANOTHERS_SECRET:
                continue
            found = _made(received, method, signing, base, mistakes, key)
            if found is not None and (best is None or len(found.mistakes) < len(best.mistakes)):
                best = found
        if best is not None and len(best.mistakes) <= len(mistakes):
            return best
    return best if best is not None and len(best.mistakes) <= MOST_MISTAKES else None


def _made(
    received: ReceivedSignature, method: str, signing: Signing, base: str, mistakes: Sequence[Mistake], key: Key
) -> Found | None:
    for digest, length in _DIGESTS:
        if length not in received.lengths:
            continue
        written = received.made_as(mac(digest, key.octets, base))
        if written is None:
            continue
        made = [*mistakes, *([key.mistake] if key.mistake else ())]
        if METHODS.get(method) != digest:
            made.append(_other_digest(method, digest))
        if written:
            made.append(Mistake("signature_encoding", f"and wrote the signature {written}", "Write it in base64."))
        return Found(tuple(made), signing)
    return None


def _other_digest(method: str, digest: str) -> Mistake:
    return Mistake(
        "digest",
        f"with HMAC-{digest.upper()} while it says {method}",
        "Let oauth_signature_method say what is used: HMAC-SHA1, or HMAC-SHA256 where the tool makes that one.",
    )


def _varied(url: Varied, change: tuple[Mistake | None, Change]) -> tuple[tuple[Mistake, ...], Signing]:
    mistakes = tuple(each for each in (url[0], change[0]) if each is not None)
    return mistakes, change[1](url[1])
