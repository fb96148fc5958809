import pytest

from chalicelib.lti11.keys import receipt_key, request_digest, sourcedid_digest


def test_a_receipt_key_is_the_same_every_time() -> None:
    assert receipt_key("key", 1_700_000_000, "nonce") == receipt_key("key", 1_700_000_000, "nonce")
    assert len(receipt_key("key", 1_700_000_000, "nonce")) == 64


@pytest.mark.parametrize("other", [("key2", 1, "n"), ("key", 2, "n"), ("key", 1, "m")])
def test_a_receipt_key_changes_with_each_part(other: tuple[str, int, str]) -> None:
    assert receipt_key("key", 1, "n") != receipt_key(*other)


def test_parts_cannot_run_into_each_other() -> None:
    assert receipt_key("a1", 2, "b") != receipt_key("a", 12, "b")
    assert receipt_key("a", 1, "2b") != receipt_key("a", 12, "b")
    assert request_digest("https://h/a", b"b") != request_digest("https://h/", b"ab")


def test_a_request_digest_changes_with_url_and_body() -> None:
    digests = {request_digest(url, body) for url in ("https://h/", "https://h/?a") for body in (b"", b"a", b"\xff")}
    assert len(digests) == 6


def test_a_sourcedid_digest_is_short_and_does_not_show_the_sourcedid() -> None:
    digest = sourcedid_digest("course-1-student-7")
    assert len(digest) == 16
    assert "student" not in digest
    assert digest != sourcedid_digest("course-1-student-8")


def test_digests_take_any_text() -> None:
    assert sourcedid_digest("\ud800") != request_digest("\ud800", b"")
