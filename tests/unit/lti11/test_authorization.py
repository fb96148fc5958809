import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import RequestRefused
from chalicelib.lti11.authorization import Authorization, SignatureMethod, gather_authorization, read_authorization

COMPLETE = {
    "oauth_consumer_key": "key",
    "oauth_signature_method": "HMAC-SHA1",
    "oauth_timestamp": "1700000000",
    "oauth_nonce": "n-1",
    "oauth_signature": "c2ln",
}


def header(**changes: str | None) -> str:
    values = {name: value for name, value in (COMPLETE | changes).items() if value is not None}
    return "OAuth " + ", ".join(f'{name}="{value}"' for name, value in values.items())


def assert_refused(*headers: str, reason: str = "") -> None:
    with pytest.raises(RequestRefused) as caught:
        read_authorization(headers)
    assert (caught.value.status, caught.value.message) == (401, "Invalid authorization header")
    assert reason in caught.value.reason


def test_a_complete_header_is_read() -> None:
    assert read_authorization([header(oauth_version="1.0", oauth_body_hash="aGFzaA%3D%3D")]) == Authorization(
        consumer_key="key",
        signature_method=SignatureMethod.HMAC_SHA1,
        timestamp=1_700_000_000,
        nonce="n-1",
        signature="c2ln",
        body_hash="aGFzaA==",
        parameters=(
            ("oauth_consumer_key", "key"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "1700000000"),
            ("oauth_nonce", "n-1"),
            ("oauth_version", "1.0"),
            ("oauth_body_hash", "aGFzaA=="),
        ),
    )


def test_the_signature_stays_out_of_the_base_string_and_of_the_representation() -> None:
    authorization = read_authorization([header(oauth_signature="top%2Fsecret%3D")])
    assert authorization.signature == "top/secret="
    assert "oauth_signature" not in dict(authorization.parameters)
    assert "top/secret" not in repr(authorization)


@pytest.mark.parametrize("separator", [",", ", ", " , ", ",\t", ",,", ",\r\n "])
def test_any_blanks_may_stand_around_the_commas(separator: str) -> None:
    text = "OAuth " + separator.join(f'{name}="{value}"' for name, value in COMPLETE.items())
    assert read_authorization([text]) == read_authorization([header()])


@pytest.mark.parametrize("text", [header() + ",", "OAuth  " + header()[6:], header().replace("=", " = ")])
def test_commas_and_blanks_at_the_edges_are_fine(text: str) -> None:
    assert read_authorization([text]) == read_authorization([header()])


@pytest.mark.parametrize("realm", ["", "https://tool.example/?a=b,c", "%zz", "caf\xe9"])
def test_the_realm_is_dropped_whatever_is_in_it(realm: str) -> None:
    with_realm = header().replace("OAuth ", f'OAuth realm="{realm}", ')
    assert read_authorization([with_realm]) == read_authorization([header()])


def test_names_that_are_not_of_the_protocol_are_dropped() -> None:
    assert read_authorization([header(xoauth_requestor="me%20too")]) == read_authorization([header()])


def test_an_empty_token_takes_part_in_the_base_string() -> None:
    assert ("oauth_token", "") in read_authorization([header(oauth_token="")]).parameters


def test_unknown_protocol_parameters_take_part_in_the_base_string() -> None:
    authorization = read_authorization([header(oauth_callback="about%3Ablank")])
    assert ("oauth_callback", "about:blank") in authorization.parameters


@pytest.mark.parametrize(("sent", "read"), [("a%3ab", "a:b"), ("a%3Ab", "a:b"), ("a+b", "a+b"), ("caf%C3%A9", "café")])
def test_values_are_percent_decoded_and_a_plus_is_a_plus(sent: str, read: str) -> None:
    assert read_authorization([header(oauth_nonce=sent)]).nonce == read


def test_names_are_percent_decoded_too() -> None:
    text = header().replace("oauth_nonce", "oauth%5Fnonce")
    assert read_authorization([text]) == read_authorization([header()])


@pytest.mark.parametrize(
    "nonce", ["12345678", "1" * 18, "1" * 30, "a" * 31 + ".1", "5c3b7f0e-93a2-4a2c-8a52-2c21f1c5a3c4", "a" * 43]
)
def test_the_nonces_of_real_tools_are_taken(nonce: str) -> None:
    assert read_authorization([header(oauth_nonce=nonce)]).nonce == nonce


@pytest.mark.parametrize("key", ["k", "my key", "a:b.c@d", "x" * 255])
def test_the_consumer_keys_of_real_tools_are_taken(key: str) -> None:
    assert read_authorization([header(oauth_consumer_key=key.replace(" ", "%20"))]).consumer_key == key


@pytest.mark.parametrize("name", list(COMPLETE))
def test_a_missing_parameter_is_named(name: str) -> None:
    assert_refused(header(**{name: None}), reason=f"missing {name}")


@pytest.mark.parametrize("name", ["oauth_nonce", "oauth_signature", "oauth_body_hash", "oauth_token"])
def test_a_repeated_parameter_is_refused(name: str) -> None:
    assert_refused(header(**{name: "1"}) + f', {name}="1"', reason="repeated")


def test_a_repeated_parameter_is_refused_when_one_name_is_encoded() -> None:
    assert_refused(header() + ', oauth%5Fnonce="other"', reason="repeated")


def test_no_header_is_refused() -> None:
    assert_refused(reason="no Authorization header")


def test_two_headers_are_refused_even_when_they_agree() -> None:
    assert_refused(header(), header(), reason="several")


@pytest.mark.parametrize("text", ["", "OAuth", "OAuth ", "oauth " + header()[6:], "Bearer abc", " " + header()])
def test_another_scheme_is_refused(text: str) -> None:
    assert_refused(text)


@pytest.mark.parametrize(
    "value", ["a=b", "a==", "%zz", "%4", "%", "%e9", "caf\xe9", "a,b", "a&b", "a\x00b", "a\x7fb", "%ED%A0%80"]
)
def test_a_value_that_is_not_percent_encoded_is_refused(value: str) -> None:
    assert_refused(header(oauth_signature=value))


@pytest.mark.parametrize("version", ["1.0a", "2.0", "1", ""])
def test_another_version_is_refused(version: str) -> None:
    assert_refused(header(oauth_version=version), reason="oauth_version")


@pytest.mark.parametrize("method", ["PLAINTEXT", "RSA-SHA1", "HMAC-SHA512", "", "HMAC-MD5"])
def test_other_signature_methods_are_refused(method: str) -> None:
    assert_refused(header(oauth_signature_method=method), reason="signature method")


def test_the_signature_method_counts_in_any_case_and_is_signed_as_sent() -> None:
    authorization = read_authorization([header(oauth_signature_method="hmac-sha256")])
    assert authorization.signature_method is SignatureMethod.HMAC_SHA256
    assert ("oauth_signature_method", "hmac-sha256") in authorization.parameters


@pytest.mark.parametrize("timestamp", ["", "-1", "1.5", "1e9", "%D9%A1%D9%A2", " 1", "+1", "9" * 16])
def test_a_timestamp_must_be_a_plain_number(timestamp: str) -> None:
    assert_refused(header(oauth_timestamp=timestamp), reason="oauth_timestamp")


@pytest.mark.parametrize("name", ["oauth_nonce", "oauth_consumer_key"])
@pytest.mark.parametrize("value", ["", "a" * 256, "a%00b", "a%0Ab", "a%C2%A0b", "%E2%80%AE"])
def test_keys_and_nonces_are_printable_and_of_bounded_length(name: str, value: str) -> None:
    assert_refused(header(**{name: value}), reason=name)


@pytest.mark.parametrize("text", ["oauth_nonce=n-1", "oauth_nonce='n-1'", 'oauth_nonce="n', 'x"', 'a="b" c="d"', "="])
def test_a_malformed_list_is_refused(text: str) -> None:
    assert_refused(f"OAuth {text}, {header()[6:]}")


def test_an_oversize_header_is_refused() -> None:
    assert_refused(header(oauth_token="a" * 8192), reason="too long")


def test_a_refusal_tells_nothing_of_the_values() -> None:
    with pytest.raises(RequestRefused) as caught:
        read_authorization([header(oauth_signature="hush-hush", oauth_nonce="")])
    assert "hush" not in str(caught.value)


@given(st.text())
def test_no_header_text_raises_anything_else(text: str) -> None:
    for candidate in (text, f"OAuth {text}", header() + text, header(oauth_token=text)):
        try:
            read_authorization([candidate])
        except RequestRefused as refused:
            assert refused.status == 401  # noqa: PT017 - either it reads, or this and nothing else


@given(st.dictionaries(st.from_regex(r"oauth_[a-z]{1,8}", fullmatch=True), st.text(max_size=40)))
def test_no_gathered_parameters_raise_anything_else(extra: dict[str, str]) -> None:
    try:
        authorization = gather_authorization(list((COMPLETE | extra).items()))
    except RequestRefused:
        return
    assert set(authorization.parameters) == {p for p in (COMPLETE | extra).items() if p[0] != "oauth_signature"}
