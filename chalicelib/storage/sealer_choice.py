"""Which sealer the settings ask for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.config import Settings
from chalicelib.errors import SetupError
from chalicelib.storage.changing_key import ChangingKeySealer
from chalicelib.storage.sealing import KeyFileSealer, Sealer

if TYPE_CHECKING:
    from botocore.session import Session


def make_sealer(settings: Settings, environ: Mapping[str, str], session: "Session | None" = None) -> Sealer:
    """Choose the sealer by the settings: KMS where a KMS key is named, else the key file; with the keys before, if any.

    Parameters
    ----------
    session
        What the KMS client is made by; see ``make_client``.

    Raises
    ------
    SetupError
        If no present key is named.
    """
    kms_keys = (settings.kms_key, settings.previous_kms_key)
    kms = _kms_sealers([key for key in kms_keys if key], settings, environ, session)
    previous = kms[1:] if settings.kms_key else kms
    if settings.previous_key_file:
        previous.append(KeyFileSealer(Path(settings.previous_key_file), makes=False))
    if settings.kms_key:
        present = kms[0]
    elif settings.key_file:
        present = KeyFileSealer(Path(settings.key_file))
    else:
        raise SetupError("No key for secrets is set. Set PASSBACK_KMS_KEY, or PASSBACK_KEY_FILE outside AWS.")
    return ChangingKeySealer(present, previous) if previous else present


def _kms_sealers(
    key_ids: Sequence[str], settings: Settings, environ: Mapping[str, str], session: "Session | None"
) -> list[Sealer]:
    if not key_ids:
        return []
    from chalicelib.storage.clients import make_kms_client
    from chalicelib.storage.kms import KmsSealer

    client = make_kms_client(settings, environ, session)
    return [KmsSealer(client, key_id) for key_id in key_ids]
