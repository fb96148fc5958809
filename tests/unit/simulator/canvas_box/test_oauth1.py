"""OAuth 1.0a by hand: RFC 5849 and Canvas LTI 1.1 outcomes, section 8."""

import pytest

from simulator import oauth1
from simulator.exchange import Request

BODY = b""


def test_the_base_string_of_the_rfc() -> None:
    """RFC 5849 3.4.1.1."""
    parameters = [
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
        ("c2", ""),
        ("a3", "2 q"),
    ]
    expected = (
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26"
        "c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26"
        "oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    )
    assert oauth1.base_string("post", "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", parameters) == (
        expected
    )


def test_the_photos_example() -> None:
    """RFC 5849 1.2, the signed request for the photograph."""
    parameters = [
        ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
        ("oauth_token", "nnch734d00sl2jdk"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131202"),
        ("oauth_nonce", "chapoH"),
    ]
    url = "http://photos.example.net/photos?file=vacation.jpg&size=original"
    text = oauth1.base_string("GET", url, parameters)
    assert oauth1.sign("HMAC-SHA1", text, "kd94hf93k423kf44", "pfkkdhi9sl3r4s00") == "MdpQcU8iPSUjWoN/UDMsK2sui9I="


def test_a_worked_example_with_query_port_and_blank() -> None:
    parameters = [
        ("oauth_body_hash", "e6Fx1wf4PpYUSA3hpV97ti4um4c="),
        ("oauth_consumer_key", "demo key"),
        ("oauth_nonce", "n-77"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "1700000000"),
        ("oauth_version", "1.0"),
    ]
    text = oauth1.base_string("POST", "https://Proxy.example:443/lti/outcomes?tenant=a%20b&x", parameters)
    assert oauth1.sign("HMAC-SHA1", text, "se&cret") == "r1gsJz5HBQedBQe6OejEHtuFcTg="


def test_an_empty_path_is_a_slash_and_another_port_stays() -> None:
    """RFC 5849 3.4.1.2."""
    assert (
        oauth1.base_string("GET", "https://www.example.net:8080", []) == "GET&https%3A%2F%2Fwww.example.net%3A8080%2F&"
    )


def test_realm_and_signature_take_no_part() -> None:
    """RFC 5849 3.4.1.3.1."""
    with_them = oauth1.base_string("GET", "http://a.b/", [("realm", "x"), ("oauth_signature", "y"), ("z", "1")])
    assert with_them == oauth1.base_string("GET", "http://a.b/", [("z", "1")])


def signed(authorization: str = "", query: str = "", body: bytes = b"", media_type: str = "application/xml") -> Request:
    headers = {"host": "a.b", "authorization": authorization, "content-type": media_type}
    return Request("POST", "/o", query, headers, body)


def header(
    method: str = "HMAC-SHA1", secret: str | None = None, form: oauth1.Parameters | None = None, query: str = ""
) -> str:
    parameters = [("oauth_signature_method", method), ("oauth_nonce", "n"), ("oauth_timestamp", "17")]
    url = "http://a.b/o" + (f"?{query}" if query else "")
    text = oauth1.base_string("POST", url, [*parameters, *(form or [])])
    signature = oauth1.escape(oauth1.sign(method, text, secret or "s"))
    return (
        f'OAuth realm="x", oauth_signature_method="{method}",oauth_nonce="n" , oauth_timestamp="17", '
        f'oauth_signature="{signature}"'
    )


@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256", "PLAINTEXT"])
def test_the_methods_of_canvas_verify(method: str) -> None:
    assert oauth1.verify(signed(header(method)), "s") == oauth1.SignedRequest("n", 17)


def test_query_parameters_are_signed() -> None:
    assert oauth1.verify(signed(header(query="a=b%20c"), "a=b%20c"), "s").nonce == "n"
    with pytest.raises(oauth1.SignatureError):
        oauth1.verify(signed(header(query="a=b%20c"), "a=b"), "s")


def test_form_fields_are_signed_and_other_bodies_are_not() -> None:
    authorization = header(form=[("a", "b")])
    assert oauth1.verify(signed(authorization, body=b"a=b", media_type=oauth1.FORM_TYPE), "s").nonce == "n"
    with pytest.raises(oauth1.SignatureError):
        oauth1.verify(signed(authorization, body=b"a=c", media_type=oauth1.FORM_TYPE), "s")
    assert oauth1.verify(signed(header(), body=b"a=c"), "s").nonce == "n"


def test_the_parameters_may_be_in_the_query() -> None:
    query = "oauth_signature_method=HMAC-SHA1&oauth_nonce=n&oauth_timestamp=17"
    signature = oauth1.sign("HMAC-SHA1", oauth1.base_string("POST", f"http://a.b/o?{query}", []), "s")
    request = signed(query=f"{query}&oauth_signature={oauth1.escape(signature)}")
    assert oauth1.verify(request, "s").timestamp == 17


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer x",
        header().replace("OAuth ", "oauth "),
        header(secret="other"),
        header("HMAC-SHA1").replace("HMAC-SHA1", "RSA-SHA1"),
        header().replace("%3D", "="),
        header() + ', oauth_nonce="n"',
        'OAuth oauth_nonce="n"',
    ],
)
def test_what_is_not_signed_as_it_should_be_is_refused(authorization: str) -> None:
    with pytest.raises(oauth1.SignatureError):
        oauth1.verify(signed(authorization), "s")


def test_a_parameter_in_header_and_query_is_refused() -> None:
    """RFC 5849 3.1."""
    with pytest.raises(oauth1.SignatureError):
        oauth1.verify(signed(header(query="oauth_nonce=n"), "oauth_nonce=n"), "s")


@pytest.mark.parametrize("timestamp", ["", "x", "-5", "9" * 20])
def test_a_strange_timestamp_is_long_ago(timestamp: str) -> None:
    parameters = [("oauth_signature_method", "PLAINTEXT"), ("oauth_timestamp", timestamp)]
    pairs = ",".join(f'{name}="{value}"' for name, value in parameters)
    assert oauth1.verify(signed(f'OAuth {pairs},oauth_signature="s%26"'), "s").timestamp == 0
