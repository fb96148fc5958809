from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from oauthlib.oauth1 import SIGNATURE_TYPE_BODY, Client

from chalicelib.errors import OutcomeCode, OutcomeFailure, OutcomeUnsupported, RequestRefused
from chalicelib.lti11.form import (
    Fields,
    read_form,
    read_form_authorization,
    read_form_envelope,
    write_form_answer,
)
from chalicelib.lti11.messages import Answer, CodeMajor, DeleteResult, ReadResult, ReplaceResult, ScoreScale, ToolScore
from chalicelib.lti11.outcome import read_outcome
from chalicelib.lti11.signature import verify_signature

from .signing import SECRET, URL, Signer

NOW = datetime(2026, 3, 1, tzinfo=UTC)
UPDATE = {
    "lti_message_type": "basic-lis-updateresult",
    "sourcedid": "s+1 & ü",
    "result_resultscore_textstring": "0.92",
}


def fields(**changes: str | None) -> Fields:
    return tuple((name, value) for name, value in (UPDATE | changes).items() if value is not None)


class TestDecoding:
    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b"", ()),
            (b"a=1&b=2", (("a", "1"), ("b", "2"))),
            (b"a=1+2%2B3%20", (("a", "1 2+3 "),)),
            (b"a&b=&=c", (("a", ""), ("b", ""), ("", "c"))),
            (b"&&a=1&", (("a", "1"),)),
            (b"a=b=c", (("a", "b=c"),)),
            (b"a=1&a=0", (("a", "1"), ("a", "0"))),
            (b"%C3%BC=%e2%82%ac", (("ü", "€"),)),
            (b"a=%2526", (("a", "%26"),)),
        ],
    )
    def test_exactly_as_written(self, body: bytes, expected: Fields) -> None:
        assert read_form(body) == expected

    @pytest.mark.parametrize("body", [b"a=%", b"a=%4", b"a=%zz", b"%=a", b"a=%ff", b"a=\xff", b"a=%ED%A0%80"])
    def test_broken_encodings_are_refused(self, body: bytes) -> None:
        with pytest.raises(RequestRefused) as caught:
            read_form(body)
        assert (caught.value.status, caught.value.message) == (401, "Invalid authorization header")

    @pytest.mark.parametrize("body", [b"a" * (256 * 1024 + 1), b"&".join([b"a=1"] * 201)])
    def test_too_much_is_refused(self, body: bytes) -> None:
        with pytest.raises(RequestRefused) as caught:
            read_form(body)
        assert caught.value.status == 413

    @given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=10))
    def test_what_python_encodes_comes_back(self, pairs: list[tuple[str, str]]) -> None:
        assert read_form(urlencode(pairs).encode()) == tuple(pairs)

    @given(st.binary())
    def test_any_bytes_are_fields_or_refused(self, body: bytes) -> None:
        try:
            decoded = read_form(body)
        except RequestRefused:
            return
        assert all(isinstance(name, str) and isinstance(value, str) for name, value in decoded)


class TestAuthorization:
    def verified(self, headers: list[str], body: bytes, url: str = URL) -> str | None:
        authorization, signed = read_form_authorization(headers, read_form(body))
        return verify_signature("POST", [url], authorization, signed, [SECRET])

    def test_parameters_in_the_header(self) -> None:
        signer = Signer(fields=fields(), hash_digest=None)
        assert self.verified([signer.header()], urlencode(fields()).encode()) == URL

    def test_parameters_in_the_form(self) -> None:
        signer = Signer(fields=fields(), hash_digest=None)
        assert self.verified([], urlencode([*fields(), *signer.parameters(b"")]).encode()) == URL

    def test_a_header_of_another_scheme_does_not_hide_the_form(self) -> None:
        signer = Signer(fields=fields(), hash_digest=None)
        assert self.verified(["Basic eDp5"], urlencode([*fields(), *signer.parameters(b"")]).encode()) == URL

    @pytest.mark.parametrize("url", [URL, f"{URL}?a=b%20c&a=1"])
    def test_signed_by_oauthlib_in_header_and_in_form(self, url: str) -> None:
        form_type = {"Content-Type": "application/x-www-form-urlencoded"}
        _, headers, body = Client("k", client_secret=SECRET).sign(url, "POST", urlencode(fields()), form_type)
        assert self.verified([headers["Authorization"]], body.encode(), url) == url
        in_body = Client("k", client_secret=SECRET, signature_type=SIGNATURE_TYPE_BODY)
        _, _, body = in_body.sign(url, "POST", urlencode(fields()), form_type)
        assert self.verified([], body.encode(), url) == url

    @pytest.mark.parametrize("changed", [fields(sourcedid="other"), fields(added="1"), fields(sourcedid=None)])
    def test_every_field_is_signed(self, changed: Fields) -> None:
        signer = Signer(fields=fields(), hash_digest=None)
        assert self.verified([signer.header()], urlencode(changed).encode()) is None
        assert self.verified([], urlencode([*changed, *signer.parameters(b"")]).encode()) is None

    @pytest.mark.parametrize("name", ["oauth_nonce", "oauth_signature", "oauth_consumer_key"])
    def test_a_parameter_in_header_and_form_is_refused(self, name: str) -> None:
        signer = Signer(fields=fields(), hash_digest=None)
        with pytest.raises(RequestRefused, match="repeated in the form"):
            self.verified([signer.header()], urlencode([*fields(), (name, "x")]).encode())

    def test_a_parameter_twice_in_the_form_is_refused(self) -> None:
        signer = Signer(fields=fields(), hash_digest=None)
        with pytest.raises(RequestRefused, match="repeated"):
            self.verified([], urlencode([*signer.parameters(b""), ("oauth_nonce", "2")]).encode())

    def test_no_parameters_at_all_are_refused(self) -> None:
        with pytest.raises(RequestRefused, match="missing"):
            self.verified([], urlencode(fields()).encode())

    def test_two_headers_are_refused(self) -> None:
        signer = Signer(hash_digest=None)
        with pytest.raises(RequestRefused, match="several"):
            self.verified(["Basic eDp5", signer.header()], b"")


class TestOutcome:
    @pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
    @pytest.mark.parametrize(
        ("message", "expected"),
        [
            ("basic-lis-updateresult", ReplaceResult(ToolScore(ScoreScale.FRACTION, Decimal("0.92")))),
            ("basic-lis-readresult", ReadResult()),
            ("basic-lis-deleteresult", DeleteResult()),
        ],
    )
    def test_message_types_in_any_case(self, message: str, expected: object, case: Callable[[str], str]) -> None:
        assert read_outcome(read_form_envelope(fields(lti_message_type=case(message))), NOW) == expected

    @pytest.mark.parametrize("message", [None, "", "basic-lis-readmembershipsforcontext", "replaceResult"])
    def test_other_message_types_are_unsupported(self, message: str | None) -> None:
        with pytest.raises(OutcomeUnsupported):
            read_outcome(read_form_envelope(fields(lti_message_type=message)), NOW)

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"sourcedid": None}, OutcomeCode.SOURCEDID_INVALID),
            ({"sourcedid": ""}, OutcomeCode.SOURCEDID_INVALID),
            ({"result_resultscore_textstring": None}, OutcomeCode.NO_SCORE),
            ({"result_resultscore_textstring": ""}, OutcomeCode.NO_PARSEABLE_RESULT_SCORE),
            ({"result_resultscore_textstring": "0,92"}, OutcomeCode.NO_PARSEABLE_RESULT_SCORE),
            ({"result_resultscore_textstring": "1.1"}, OutcomeCode.BAD_SCORE),
        ],
    )
    def test_failures(self, changes: dict[str, str | None], code: OutcomeCode) -> None:
        with pytest.raises(OutcomeFailure) as caught:
            read_outcome(read_form_envelope(fields(**changes)), NOW)
        assert caught.value.code is code

    def test_the_sourcedid_is_as_sent(self) -> None:
        assert read_form_envelope(fields(sourcedid=" s ")).sourcedid == " s "

    def test_the_last_of_a_repeated_field_counts(self) -> None:
        assert read_form_envelope((*fields(), ("sourcedid", "last"))).sourcedid == "last"


class TestAnswer:
    def read(self, answer: Answer, sourcedid: str = "s-1") -> dict[str, str]:
        root = etree.fromstring(write_form_answer(answer, sourcedid=sourcedid).encode())
        assert root.tag == "message_response"
        tree = root.getroottree()
        return {tree.getpath(leaf): leaf.text or "" for leaf in root.iter() if len(leaf) == 0}

    @pytest.mark.parametrize(
        ("code", "word"),
        [(CodeMajor.SUCCESS, "Success"), (CodeMajor.FAILURE, "Failure"), (CodeMajor.UNSUPPORTED, "Unsupported")],
    )
    @pytest.mark.parametrize("score", [None, ""])
    def test_without_a_score(self, code: CodeMajor, word: str, score: str | None) -> None:
        assert self.read(Answer(code, "why", score_text=score)) == {
            "/message_response/statusinfo/codemajor": word,
            "/message_response/statusinfo/severity": "Status",
            "/message_response/statusinfo/codeminor": "fullsuccess",
        }

    @pytest.mark.parametrize("score", ["0.4", "0.0", "1.0"])
    def test_with_a_score(self, score: str) -> None:
        result = self.read(Answer(CodeMajor.SUCCESS, score_text=score), "a & <b>\x00")
        assert {path: text for path, text in result.items() if "/result/" in path} == {
            "/message_response/result/sourcedid": "a & <b>\ufffd",
            "/message_response/result/resultscore/resultvaluesourcedid": "decimal",
            "/message_response/result/resultscore/textstring": score,
            "/message_response/result/resultscore/language": "en-US",
        }

    def test_a_failure_shows_no_score(self) -> None:
        assert "result" not in "".join(self.read(Answer(CodeMajor.FAILURE, score_text="0.5")))
