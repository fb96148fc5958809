import pytest
from botocore.stub import Stubber

from chalicelib.config import Settings
from chalicelib.errors import StorageUnavailable, StorageUnreadable
from chalicelib.storage.clients import make_kms_client
from chalicelib.storage.kms import KmsSealer

ENVIRONMENT = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


def opened_after(code: str) -> None:
    client = make_kms_client(Settings(), ENVIRONMENT)
    with Stubber(client) as answers:
        answers.add_client_error("decrypt", code)
        KmsSealer(client, "key").open("kms1:AAAA", {"kind": "tool"})


@pytest.mark.parametrize("code", ["DisabledException", "ThrottlingException", "AccessDeniedException"])
def test_a_key_that_cannot_be_used_now_is_unavailable(code: str) -> None:
    with pytest.raises(StorageUnavailable, match=code):
        opened_after(code)


@pytest.mark.parametrize("code", ["InvalidCiphertextException", "IncorrectKeyException"])
def test_a_value_that_is_not_ours_does_not_open(code: str) -> None:
    with pytest.raises(StorageUnreadable, match="does not open"):
        opened_after(code)


def test_what_is_no_text_was_opened_with_the_wrong_key() -> None:
    client = make_kms_client(Settings(), ENVIRONMENT)
    with Stubber(client) as answers:
        answers.add_response("decrypt", {"Plaintext": b"\xe9\x00"})
        with pytest.raises(StorageUnreadable, match="does not open"):
            KmsSealer(client, "key").open("kms1:AAAA", {"kind": "tool"})
