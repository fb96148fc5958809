"""Which sealer the settings ask for."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.config import Settings
from chalicelib.errors import SetupError
from chalicelib.storage.sealing import KeyFileSealer, Sealer

if TYPE_CHECKING:
    from botocore.session import Session


def make_sealer(settings: Settings, environ: Mapping[str, str], session: "Session | None" = None) -> Sealer:
    """Choose the sealer by the settings: KMS where a KMS key is named, else the key file.

    Parameters
    ----------
    session
        What the KMS client is made by; see ``make_client``.

    Raises
    ------
    SetupError
        If neither is named.
    """
    if settings.kms_key:
        from chalicelib.storage.clients import make_kms_client
        from chalicelib.storage.kms import KmsSealer

        return KmsSealer(make_kms_client(settings, environ, session), settings.kms_key)
    if settings.key_file:
        return KeyFileSealer(Path(settings.key_file))
    raise SetupError("No key for secrets is set. Set PASSBACK_KMS_KEY, or PASSBACK_KEY_FILE outside AWS.")
