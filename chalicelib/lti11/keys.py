"""Short names for long or private things: the digest of a request, the key of its receipt, a sourcedid for logs."""

import hashlib


def request_digest(url: str, body: bytes) -> str:
    """Return the SHA-256 (hexadecimal) of a request's content: the URL it was signed for, and its body."""
    return _digest(url.encode(errors="surrogatepass"), body)


def receipt_key(consumer_key: str, timestamp: int, nonce: str) -> str:
    """Return the SHA-256 (hexadecimal) of what makes a signed request unique (RFC 5849 3.3)."""
    return _digest(consumer_key.encode(), str(timestamp).encode(), nonce.encode())


def sourcedid_digest(text: str) -> str:
    """Return 16 hexadecimal digits by which a sourcedid can be recognised in logs without being shown."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def _digest(*parts: bytes) -> str:
    """Hash the parts, each behind its length, so that no two different lists of parts read the same."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
