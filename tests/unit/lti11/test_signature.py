import base64
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.errors import RequestRefused
from chalicelib.lti11 import signature
from chalicelib.lti11.authorization import Authorization, SignatureMethod, read_authorization
from chalicelib.lti11.signature import DUMMY_SECRET, check_body_hash, check_timestamp, verify_signature
from chalicelib.lti11.tools import BodyHashRule

from .signing import KEY, SECRET, TIMESTAMP, URL, Signer, base_string, body_hash, header_of, hmac_of, percent_lower

BODY = b"<imsx_POXEnvelopeRequest/>"


def verified(header: str, *urls: str, secrets: tuple[str, ...] = (SECRET,)) -> str | None:
    return verify_signature("POST", urls or (URL,), read_authorization([header]), (), secrets)


def signed_by_base_string(base: str, parameters: list[tuple[str, str]], secret: str) -> Authorization:
    """Sign a published base string, so that verifying proves that ours is the same, byte for byte."""
    return read_authorization([header_of([*parameters, ("oauth_signature", hmac_of(base, secret))])])


class TestPublishedVectors:
    def test_rfc_5849_section_3_4_1_1(self) -> None:
        parameters = [
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
        ]
        base = (
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D"
            "%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1"
            "%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
        )
        authorization = signed_by_base_string(base, parameters, "j49sk3j29djd")
        url = "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b"
        form = [("c2", ""), ("a3", "2 q")]
        assert verify_signature("POST", [url], authorization, form, ["j49sk3j29djd"]) == url

    def test_oauth_core_photo_example(self) -> None:
        parameters = [
            ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
            ("oauth_token", "nnch734d00sl2jdk"),
            ("oauth_nonce", "kllo9940pd9333jh"),
            ("oauth_timestamp", "1191242096"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_version", "1.0"),
        ]
        base = (
            "GET&http%3A%2F%2Fphotos.example.net%2Fphotos&file%3Dvacation.jpg%26oauth_consumer_key%3Ddpf43f3p2l4k3l03"
            "%26oauth_nonce%3Dkllo9940pd9333jh%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D1191242096"
            "%26oauth_token%3Dnnch734d00sl2jdk%26oauth_version%3D1.0%26size%3Doriginal"
        )
        authorization = signed_by_base_string(base, parameters, "kd94hf93k423kf44")
        url = "http://photos.example.net/photos?file=vacation.jpg&size=original"
        assert verify_signature("GET", [url], authorization, (), ["kd94hf93k423kf44"]) == url

    def test_the_worked_example_of_the_standards_notes(self) -> None:
        """LTI standards, section 1.4."""
        url = "https://Proxy.example:443/lti/outcomes?tenant=a%20b&x"
        body = (
            b'<?xml version="1.0" encoding="UTF-8"?>'
            b'<imsx_POXEnvelopeRequest xmlns="http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0"/>'
        )
        assert body_hash(body) == "e6Fx1wf4PpYUSA3hpV97ti4um4c="
        parameters = [
            ("oauth_body_hash", "e6Fx1wf4PpYUSA3hpV97ti4um4c="),
            ("oauth_consumer_key", "demo key"),
            ("oauth_nonce", "n-77"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "1700000000"),
            ("oauth_version", "1.0"),
            ("oauth_signature", "r1gsJz5HBQedBQe6OejEHtuFcTg="),
        ]
        authorization = read_authorization([header_of(parameters)])
        assert verify_signature("POST", [url], authorization, (), ["se&cret"]) == url
        check_body_hash(authorization, body, BodyHashRule.REQUIRED)
        base = (
            "POST&https%3A%2F%2Fproxy.example%2Flti%2Foutcomes&oauth_body_hash%3De6Fx1wf4PpYUSA3hpV97ti4um4c%253D%26"
            "oauth_consumer_key%3Ddemo%2520key%26oauth_nonce%3Dn-77%26oauth_signature_method%3DHMAC-SHA1%26"
            "oauth_timestamp%3D1700000000%26oauth_version%3D1.0%26tenant%3Da%2520b%26x%3D"
        )
        assert hmac_of(base, "se&cret") == "r1gsJz5HBQedBQe6OejEHtuFcTg="

    def test_the_body_hash_draft(self) -> None:
        header = Signer().header(b"Hello World!")
        assert "Lve95gjOVATpfV8EL5X4nxwjKHE%3D" in header
        check_body_hash(read_authorization([header]), b"Hello World!", BodyHashRule.REQUIRED)


class TestHabitsOfTools:
    @pytest.mark.parametrize(
        "signer",
        [
            Signer(),
            Signer(separator=","),
            Signer(ordered=False),
            Signer(realm=""),
            Signer(realm="https://proxy.example/"),
            Signer(hash_digest=None),
            Signer(version=False),
            Signer(encode=percent_lower),
            Signer(method="HMAC-SHA256"),
            Signer(key="a:b.c@d"),
            Signer(nonce="5c3b7f0e-93a2-4a2c-8a52-2c21f1c5a3c4"),
            Signer(nonce="a+/=b"),
            Signer(secret="gr\xfc\xdf & %41"),
        ],
        ids=repr,
    )
    def test_every_habit_verifies(self, signer: Signer) -> None:
        assert verified(signer.header(BODY), secrets=(signer.secret,)) == URL

    @pytest.mark.parametrize(
        "query", ["a=1", "a=b%20c", "a=b+c", "b=2&a=1&b=1", "empty", "a=", "%C3%BC=%E2%82%AC", "a=%26&b=%3D", "a=x%2By"]
    )
    def test_a_query_string_is_signed_with_the_url(self, query: str) -> None:
        url = f"{URL}?{query}"
        assert verified(Signer(url=url).header(BODY), url) == url

    def test_a_query_may_have_been_decoded_twice(self) -> None:
        url = f"{URL}?next=x%2520y&other=1"
        once = Signer(url=url)
        parameters = [*once.parameters(BODY)]
        signed = [pair for pair in parameters if pair[0] != "oauth_signature"]
        base = base_string("POST", URL, [*signed, ("next", "x y"), ("other", "1")])
        header = header_of([*signed, ("oauth_signature", hmac_of(base, SECRET))])
        assert verified(header, url) == url

    @pytest.mark.parametrize("url", ["https://PROXY.example/outcomes", "https://proxy.example:443/outcomes"])
    def test_host_case_and_default_ports_do_not_matter(self, url: str) -> None:
        assert verified(Signer().header(BODY), url) == url

    def test_another_port_is_part_of_the_url(self) -> None:
        url = "https://proxy.example:8443/outcomes"
        assert verified(Signer(url=url).header(BODY), url) == url
        assert verified(Signer(url=url).header(BODY), URL) is None

    def test_a_trailing_slash_is_signed_as_sent(self) -> None:
        header = Signer(url=f"{URL}/").header(BODY)
        assert verified(header, f"{URL}/") == f"{URL}/"
        assert verified(header, URL) is None

    def test_the_method_counts_in_capitals(self) -> None:
        authorization = read_authorization([Signer().header(BODY)])
        assert verify_signature("post", [URL], authorization, (), [SECRET]) == URL
        assert verify_signature("PUT", [URL], authorization, (), [SECRET]) is None


class TestTampering:
    @pytest.mark.parametrize("name", ["oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_body_hash"])
    def test_a_changed_parameter_breaks_the_signature(self, name: str) -> None:
        parameters = [(n, "1" if n == name else v) for n, v in Signer().parameters(BODY)]
        assert verified(header_of(parameters)) is None

    def test_an_added_parameter_breaks_the_signature(self) -> None:
        assert verified(header_of([*Signer().parameters(BODY), ("oauth_token", "")])) is None

    @pytest.mark.parametrize("changed", ["", "x", "=", "ä", "\n"])
    def test_a_changed_signature_does_not_verify(self, changed: str) -> None:
        parameters = dict(Signer().parameters(BODY))
        wrong = parameters["oauth_signature"][:-2] + changed
        assert verified(header_of(list((parameters | {"oauth_signature": wrong}).items()))) is None

    def test_a_signature_of_one_method_is_not_taken_for_another(self) -> None:
        parameters = dict(Signer().parameters(BODY)) | {"oauth_signature_method": "HMAC-SHA256"}
        assert verified(header_of(list(parameters.items()))) is None

    def test_an_added_query_breaks_the_signature(self) -> None:
        assert verified(Signer().header(BODY), f"{URL}?a=1") is None

    @pytest.mark.parametrize("name", ["oauth_nonce", "oauth_signature"])
    def test_a_parameter_repeated_in_the_query_is_refused(self, name: str) -> None:
        url = f"{URL}?{name}=1"
        with pytest.raises(RequestRefused, match="query string"):
            verified(Signer(url=url).header(BODY), url)

    def test_form_fields_are_part_of_the_signature(self) -> None:
        authorization = read_authorization([Signer(fields=[("a", "1")]).header()])
        assert verify_signature("POST", [URL], authorization, [("a", "1")], [SECRET]) == URL
        assert verify_signature("POST", [URL], authorization, [("a", "2")], [SECRET]) is None

    @pytest.mark.parametrize(
        "url", ["", "outcomes", "//", "https://", "https://h:99999/", "https://[::1", "https://h/\ud800"]
    )
    def test_what_is_no_url_matches_nothing_and_disturbs_nothing(self, url: str) -> None:
        assert verified(Signer().header(BODY), url) is None
        assert verified(Signer().header(BODY), url, URL) == URL


class TestSecretsAndUrls:
    @pytest.mark.parametrize("secret", ["old", "new"])
    def test_both_live_secrets_verify(self, secret: str) -> None:
        assert verified(Signer(secret=secret).header(BODY), secrets=("new", "old")) == URL

    def test_the_url_that_matched_is_returned(self) -> None:
        urls = ("https://a.example/outcomes", URL, "https://proxy.example/api/outcomes")
        assert verified(Signer().header(BODY), *urls) == URL

    def test_no_url_no_match(self) -> None:
        assert verify_signature("POST", [], read_authorization([Signer().header(BODY)]), (), [SECRET]) is None

    @pytest.mark.parametrize("secrets", [(), ("",), (DUMMY_SECRET,), ("", DUMMY_SECRET)])
    @pytest.mark.parametrize("signed_with", ["", DUMMY_SECRET])
    def test_the_dummy_and_the_empty_secret_never_verify(self, secrets: tuple[str, ...], signed_with: str) -> None:
        assert verified(Signer(secret=signed_with).header(BODY), secrets=secrets) is None

    @pytest.mark.parametrize("secrets", [(), (SECRET,), (SECRET, "old")])
    @pytest.mark.parametrize("url", [URL, "https://proxy.example/elsewhere"])
    def test_every_key_costs_the_same_macs(
        self, secrets: tuple[str, ...], url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[str] = []
        sign = signature._sign

        def counting(method: SignatureMethod, base: str, secret: str) -> str:
            made.append(secret)
            return sign(method, base, secret)

        monkeypatch.setattr(signature, "_sign", counting)
        verified(Signer(url=url).header(BODY), URL, "https://other.example/outcomes", secrets=secrets)
        assert len(made) == 4


class TestBodyHash:
    def check(self, header: str, body: bytes = BODY, rule: BodyHashRule = BodyHashRule.REQUIRED) -> None:
        check_body_hash(read_authorization([header]), body, rule)

    def with_hash(self, value: str, method: str = "HMAC-SHA1") -> str:
        pairs = dict(Signer(method=method).parameters(BODY)) | {"oauth_body_hash": value}
        return header_of(list(pairs.items()))

    @pytest.mark.parametrize("rule", list(BodyHashRule))
    @pytest.mark.parametrize("position", range(len(BODY)))
    def test_one_flipped_bit_anywhere_is_refused(self, position: int, rule: BodyHashRule) -> None:
        changed = BODY[:position] + bytes([BODY[position] ^ 1]) + BODY[position + 1 :]
        with pytest.raises(RequestRefused, match="Invalid authorization header"):
            self.check(Signer().header(BODY), changed, rule)

    @pytest.mark.parametrize("rule", list(BodyHashRule))
    def test_the_right_hash_passes_under_either_rule(self, rule: BodyHashRule) -> None:
        self.check(Signer().header(BODY), rule=rule)

    def test_a_missing_hash_is_refused_where_it_is_required(self) -> None:
        with pytest.raises(RequestRefused, match="missing") as caught:
            self.check(Signer(hash_digest=None).header(BODY))
        assert (caught.value.status, caught.value.message) == (401, "Invalid authorization header")

    def test_a_missing_hash_passes_where_it_is_not_required(self) -> None:
        self.check(Signer(hash_digest=None).header(BODY), rule=BodyHashRule.IF_PRESENT)

    @pytest.mark.parametrize(
        "value",
        [
            "",
            base64.b64decode(body_hash(BODY)).hex(),
            base64.b64encode(base64.b64decode(body_hash(BODY)).hex().encode()).decode(),
            body_hash(BODY).rstrip("="),
            body_hash(BODY) + "\n",
            body_hash(b""),
            body_hash(BODY, "sha256"),
            "\u00e9",
        ],
    )
    @pytest.mark.parametrize("rule", list(BodyHashRule))
    def test_any_other_hash_is_refused(self, value: str, rule: BodyHashRule) -> None:
        with pytest.raises(RequestRefused, match="does not match"):
            self.check(self.with_hash(value), rule=rule)

    @pytest.mark.parametrize("digest", ["sha1", "sha256"])
    def test_both_digests_pass_under_hmac_sha256(self, digest: str) -> None:
        self.check(Signer(method="HMAC-SHA256", hash_digest=digest).header(BODY))

    def test_the_hash_of_a_body_cut_off_in_transit_is_refused(self) -> None:
        """One library counts its Content-Length in characters, so non-ASCII bodies arrive shortened."""
        body = "<text>naïve</text>".encode()
        with pytest.raises(RequestRefused):
            self.check(Signer().header(body), body[:-1])


class TestTimestamp:
    NOW = datetime.fromtimestamp(TIMESTAMP, UTC)

    def check(self, now: datetime) -> None:
        check_timestamp(read_authorization([Signer().header(BODY)]), now, past=5400, future=300)

    @pytest.mark.parametrize("age", [0, 5400, -300, 60])
    def test_inside_the_window_passes(self, age: int) -> None:
        self.check(self.NOW + timedelta(seconds=age))

    @pytest.mark.parametrize("age", [5401, -301, 10**8])
    def test_outside_the_window_is_refused_with_canvas_text(self, age: int) -> None:
        with pytest.raises(RequestRefused) as caught:
            self.check(self.NOW + timedelta(seconds=age))
        assert caught.value.status == 401
        assert caught.value.message == "Timestamp too old or too far in the future, request has expired"

    def test_the_edge_is_exact_to_the_millisecond(self) -> None:
        with pytest.raises(RequestRefused):
            self.check(self.NOW + timedelta(seconds=5400, milliseconds=1))

    def test_a_timestamp_beyond_any_calendar_is_refused(self) -> None:
        authorization = read_authorization([Signer(timestamp=10**14, key=KEY).header(BODY)])
        with pytest.raises(RequestRefused):
            check_timestamp(authorization, self.NOW, past=5400, future=300)
