"""Seals with AWS KMS. The context is KMS's encryption context, so that its audit log tells whose secret was opened."""

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from chalicelib.storage.clients import error_code, unavailable_when_refused
from chalicelib.storage.recent import Recent
from chalicelib.storage.sealing import decrypt, does_not_open, encrypt

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

DIRECT = "kms1:"
ENVELOPE = "kmsdata1:"
LONGEST_DIRECT = 4096
"""Bytes that KMS encrypts itself, and at least one (KMS API, Encrypt)."""
REMEMBERED = 64
NOT_OURS = {"InvalidCiphertextException", "IncorrectKeyException"}
"""KMS's codes for a damaged value, another context, another key (KMS API, Decrypt)."""


class KmsSealer:
    """Seals with a KMS key: short texts directly, longer ones with a data key of their own.

    Opened values are remembered in memory, so that a warm container asks KMS once for each.
    """

    def __init__(self, client: "KMSClient", key_id: str) -> None:
        self._client = client
        self._key_id = key_id
        self._opened: Recent[tuple[str, frozenset[tuple[str, str]]], str] = Recent(REMEMBERED)

    def seal(self, plain: str, context: Mapping[str, str]) -> str:
        """Encrypt a text for the owner that ``context`` names.

        Raises
        ------
        StorageUnavailable
            If KMS cannot be reached, or refuses.
        """
        if not 1 <= len(plain.encode()) <= LONGEST_DIRECT:
            return self._seal_enveloped(plain, context)
        with unavailable_when_refused("KMS Encrypt"):
            answer = self._client.encrypt(KeyId=self._key_id, Plaintext=plain.encode(), EncryptionContext=dict(context))
        return DIRECT + base64.b64encode(answer["CiphertextBlob"]).decode()

    def open(self, sealed: str, context: Mapping[str, str]) -> str:
        """Decrypt what was sealed with the same context; see ``Sealer.open``.

        Raises
        ------
        StorageUnavailable
            If KMS cannot be reached, or refuses for another reason than the value itself.
        """
        remembered = (sealed, frozenset(context.items()))
        plain = self._opened.get(remembered)
        if plain is None:
            plain = self._open(sealed, context)
            self._opened.keep(remembered, plain)
        return plain

    def resealed(self, sealed: str, context: Mapping[str, str]) -> str | None:
        """Return None once it has opened: there is one key only; see ``Sealer.resealed``."""
        self.open(sealed, context)
        return None

    def _open(self, sealed: str, context: Mapping[str, str]) -> str:
        if sealed.startswith(DIRECT):
            try:
                return self._decrypted(sealed.removeprefix(DIRECT), context).decode()
            except UnicodeDecodeError:  # never of KMS itself; a local one may decrypt with the wrong key
                raise does_not_open() from None
        if sealed.startswith(ENVELOPE):
            data_key, _, content = sealed.removeprefix(ENVELOPE).partition(":")
            return decrypt(self._decrypted(data_key, context), content, context)
        raise does_not_open()

    def _seal_enveloped(self, plain: str, context: Mapping[str, str]) -> str:
        with unavailable_when_refused("KMS GenerateDataKey"):
            answer = self._client.generate_data_key(
                KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=dict(context)
            )
        sealed_key = base64.b64encode(answer["CiphertextBlob"]).decode()
        return f"{ENVELOPE}{sealed_key}:{encrypt(answer['Plaintext'], plain, context)}"

    def _decrypted(self, encoded: str, context: Mapping[str, str]) -> bytes:
        try:
            content = base64.b64decode(encoded, validate=True)
        except ValueError:
            content = b""
        if not content:
            raise does_not_open()
        with unavailable_when_refused("KMS Decrypt"):
            try:
                answer = self._client.decrypt(
                    KeyId=self._key_id, CiphertextBlob=content, EncryptionContext=dict(context)
                )
            except ClientError as error:
                if error_code(error) in NOT_OURS:
                    raise does_not_open() from None
                raise
        return answer["Plaintext"]
