"""Encrypts secrets before they are stored: with AWS KMS, or outside AWS with a key file.

What is sealed is bound to a context (whose secret it is): a sealed value copied to another item does not open there.
"""

import base64
import hashlib
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from chalicelib.errors import SetupError, StorageUnreadable
from chalicelib.storage.keys import length_prefixed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
"""AES-256-GCM with its usual nonce (NIST SP 800-38D, 8.2)."""


class Sealer(Protocol):
    """Encrypts texts for their owner."""

    def seal(self, plain: str, context: Mapping[str, str]) -> str:
        """Encrypt a text for the owner that ``context`` names; the result is printable ASCII."""

    def open(self, sealed: str, context: Mapping[str, str]) -> str:
        """Decrypt what was sealed with the same context.

        Raises
        ------
        StorageUnreadable
            If it was damaged, or sealed with another context or key.
        """

    def resealed(self, sealed: str, context: Mapping[str, str]) -> str | None:
        """Seal anew what a key before the present one sealed; None: it is sealed with the present one.

        Raises
        ------
        StorageUnreadable
            If it does not open.
        """


class KeyFileSealer:
    """Seals with AES-256-GCM and a key from a file, which is made when it is first needed and missing.

    Without ``makes`` a missing file is an error: a key of before cannot be made up.
    """

    def __init__(self, path: Path, *, makes: bool = True) -> None:
        self._path = path
        self._makes = makes
        self._key: bytes | None = None

    def seal(self, plain: str, context: Mapping[str, str]) -> str:
        """Encrypt a text for the owner that ``context`` names."""
        key = self._loaded_key()
        return f"{_prefix(key)}{encrypt(key, plain, context)}"

    def open(self, sealed: str, context: Mapping[str, str]) -> str:
        """Decrypt what was sealed with the same context; see ``Sealer.open``."""
        key = self._loaded_key()
        if not sealed.startswith(_prefix(key)):
            raise StorageUnreadable(
                f"A secret was not sealed with the key in {self._path}. If that key is new, name the one before it in "
                "PASSBACK_PREVIOUS_KEY_FILE."
            )
        return decrypt(key, sealed.removeprefix(_prefix(key)), context)

    def resealed(self, sealed: str, context: Mapping[str, str]) -> str | None:
        """Return None once it has opened: there is one key only; see ``Sealer.resealed``."""
        self.open(sealed, context)
        return None

    def _loaded_key(self) -> bytes:
        if self._key is None:
            try:
                self._key = _read_key(self._path)
            except FileNotFoundError:
                if not self._makes:
                    raise SetupError(f"There is no key file {self._path}, which is set as the key before.") from None
                _make_key(self._path)
                self._key = _read_key(self._path)
        return self._key


def encrypt(key: bytes, plain: str, context: Mapping[str, str]) -> str:
    """Encrypt with AES-256-GCM; the context is authenticated with it. Gives base64 of nonce and ciphertext."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return base64.b64encode(nonce + _cipher(key).encrypt(nonce, plain.encode(), canonical(context))).decode()


def decrypt(key: bytes, sealed: str, context: Mapping[str, str]) -> str:
    """Undo ``encrypt``.

    Raises
    ------
    StorageUnreadable
        If the text was damaged, or key or context are not those it was encrypted with.
    """
    from cryptography.exceptions import InvalidTag

    try:
        content = base64.b64decode(sealed, validate=True)
        return _cipher(key).decrypt(content[:NONCE_BYTES], content[NONCE_BYTES:], canonical(context)).decode()
    except (ValueError, InvalidTag):
        raise does_not_open() from None


def canonical(context: Mapping[str, str]) -> bytes:
    """Write a context as bytes, the same for the same pairs in any order."""
    return length_prefixed(text for pair in sorted(context.items()) for text in pair)


def does_not_open() -> StorageUnreadable:
    """Make the error for a sealed value that does not open."""
    return StorageUnreadable("A stored secret does not open: it is damaged, or was sealed for another owner or key.")


def _cipher(key: bytes) -> "AESGCM":
    # Imported here: a container that opens no secret does not pay for it at its start.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _prefix(key: bytes) -> str:
    """Name form and key of a sealed value, so that another key file is told apart from damage."""
    return f"file1:{hashlib.sha256(key).hexdigest()[:8]}:"


def _read_key(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise SetupError(f"Others can read the key file {path}. Run: chmod 600 {path}")
    with suppress(ValueError):
        key = base64.b64decode(path.read_text("ascii").strip(), validate=True)
        if len(key) == KEY_BYTES:
            return key
    raise SetupError(f"{path} is not a key file of Passback: it must hold {KEY_BYTES} bytes in base64.")


def _make_key(path: Path) -> None:
    """Write a new key beside its place, then link it there: whoever comes second keeps the first one's key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
