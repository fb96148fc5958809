import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import OutcomeUnsupported
from chalicelib.lti11.envelope import read_envelope
from chalicelib.lti11.messages import DataKind, Envelope, ResultData

from .documents import NAMESPACE, SOURCED, data, envelope, replace, score, submitted, total


def read(document: str) -> Envelope:
    return read_envelope(document.encode())


def unsupported(body: bytes) -> str:
    with pytest.raises(OutcomeUnsupported) as caught:
        read_envelope(body)
    return caught.value.detail


class TestWholeMessages:
    def test_replace_result_with_everything(self) -> None:
        details = (
            "<submissionDetails><submittedAt>2017-04-16</submittedAt><prioritizeNonToolGrade/>"
            "<needsAdditionalReview/></submissionDetails>"
        )
        assert read(replace(score("0.92") + total("37.5") + data("<text>Essay</text>"), details=details)) == Envelope(
            message_identifier="m-1",
            operation_name="replaceResult",
            sourcedid="s-1",
            result_score="0.92",
            total_score="37.5",
            data=ResultData(DataKind.TEXT, "Essay"),
            submitted_at="2017-04-16",
            prioritize_non_tool_grade=True,
            needs_additional_review=True,
        )

    @pytest.mark.parametrize("name", ["readResult", "deleteResult", "readPerson", "x"])
    def test_other_operations_have_a_name_and_a_sourcedid(self, name: str) -> None:
        document = envelope(f"<{name}Request><resultRecord>{SOURCED}</resultRecord></{name}Request>")
        assert read(document) == Envelope("m-1", name, "s-1")

    def test_scores_are_read_for_a_replace_result_only(self) -> None:
        document = replace(score("0.5") + data("<text>t</text>"), details=submitted("2017-04-16"))
        assert read(document.replace("replaceResult", "readResult")) == Envelope("m-1", "readResult", "s-1")

    @pytest.mark.parametrize("document", ["<a/>", envelope("").replace("m-1", ""), envelope("text only")])
    def test_no_operation_is_an_empty_name(self, document: str) -> None:
        result = read(document)
        assert (result.operation_name, result.sourcedid) == ("", None)

    def test_the_name_keeps_anything_but_a_final_request(self) -> None:
        assert read(envelope("<RequestReplaceRequestRequest/>")).operation_name == "RequestReplaceRequest"
        assert read(envelope("<replaceResult/>")).operation_name == "replaceResult"

    def test_an_operation_without_request_in_its_name_carries_no_score(self) -> None:
        document = replace(score("0.5")).replace("replaceResultRequest", "replaceResult")
        assert read(document) == Envelope("m-1", "replaceResult", "s-1")


class TestPlaces:
    @pytest.mark.parametrize(
        "attributes", ["", 'xmlns="http://www.imsglobal.org/lis/oms1p0/pox"', f'xmlns="{NAMESPACE}"', 'xmlns="urn:x"']
    )
    def test_any_default_namespace_or_none(self, attributes: str) -> None:
        document = replace(score("0.5")).replace(f'xmlns="{NAMESPACE}"', attributes)
        assert read(document) == Envelope("m-1", "replaceResult", "s-1", "0.5")

    def test_prefixed_names(self) -> None:
        document = replace(score("0.5")).replace("</", "</ns0:").replace("<", "<ns0:").replace("<ns0:/ns0:", "</ns0:")
        assert read(document.replace("xmlns=", "xmlns:ns0=")) == Envelope("m-1", "replaceResult", "s-1", "0.5")

    @pytest.mark.parametrize("parent", ["sourcedGUID", "sourceGUID"])
    def test_the_sourcedid_may_sit_at_any_depth_of_the_body(self, parent: str) -> None:
        sourced = f"<a><b><{parent}><sourcedId>deep</sourcedId></{parent}></b></a>"
        assert read(replace(sourced=sourced)).sourcedid == "deep"

    @pytest.mark.parametrize(
        "sourced", ["<sourcedId>x</sourcedId>", "<sourcedGUID><a><sourcedId>x</sourcedId></a></sourcedGUID>"]
    )
    def test_the_sourcedid_must_sit_right_inside_its_guid(self, sourced: str) -> None:
        assert read(replace(sourced=sourced)).sourcedid is None

    def test_a_sourcedid_outside_the_body_does_not_count(self) -> None:
        document = replace(sourced="").replace("<imsx_version>V1.0</imsx_version>", SOURCED)
        assert read(document).sourcedid is None

    def test_an_empty_sourcedid_is_there(self) -> None:
        assert read(replace(sourced="<sourcedGUID><sourcedId/></sourcedGUID>")).sourcedid == ""

    def test_the_message_identifier_may_sit_anywhere_in_the_header(self) -> None:
        document = envelope("").replace("imsx_POXRequestHeaderInfo", "other")
        assert read(document).message_identifier == "m-1"

    def test_a_message_identifier_in_the_body_does_not_count(self) -> None:
        body = "<imsx_messageIdentifier>body</imsx_messageIdentifier>"
        assert read(f"<e><imsx_POXBody>{body}</imsx_POXBody></e>").message_identifier == ""

    @pytest.mark.parametrize("broken", ["resultRecord", "result", "resultScore"])
    def test_a_score_anywhere_else_does_not_count(self, broken: str) -> None:
        document = replace(score("0.5"))
        document = document.replace(f"<{broken}>", f"<x><{broken}>").replace(f"</{broken}>", f"</{broken}></x>")
        assert read(document).result_score is None

    def test_submission_details_inside_the_record_do_not_count(self) -> None:
        assert read(replace(submitted("2017-04-16"))).submitted_at is None

    def test_submission_details_after_the_record_count(self) -> None:
        document = replace(score("1")).replace("</resultRecord>", f"</resultRecord>{submitted('2017-04-16')}")
        assert read(document).submitted_at == "2017-04-16"

    def test_result_data_may_come_before_the_score(self) -> None:
        result = read(replace(data("<url>u</url>") + score("1")))
        assert (result.data, result.result_score) == (ResultData(DataKind.URL, "u"), "1")


class TestRepeats:
    def test_the_first_score_wins(self) -> None:
        assert read(replace(score("0.1") + score("0.9"))).result_score == "0.1"

    def test_the_first_text_string_wins(self) -> None:
        document = replace(score("0.1")).replace("</textString>", "</textString><textString>0.9</textString>")
        assert read(document).result_score == "0.1"

    def test_a_first_score_without_a_text_hides_the_second(self) -> None:
        assert read(replace("<resultScore/>" + score("0.9"))).result_score is None

    def test_the_first_sourcedid_wins(self) -> None:
        assert read(replace(sourced=SOURCED + SOURCED.replace("s-1", "s-2"))).sourcedid == "s-1"

    def test_the_first_operation_wins(self) -> None:
        second = (
            f"<replaceResultRequest><resultRecord><result>{score('1')}</result></resultRecord></replaceResultRequest>"
        )
        result = read(envelope(f"<readResultRequest>{SOURCED}</readResultRequest>{second}"))
        assert result == Envelope("m-1", "readResult", "s-1")


class TestResultData:
    @pytest.mark.parametrize(
        ("inner", "expected"),
        [
            ("<text>t</text><url>u</url>", ResultData(DataKind.TEXT, "t")),
            ("<url>u</url><text>t</text>", ResultData(DataKind.TEXT, "t")),
            ("<text/><url>u</url>", ResultData(DataKind.TEXT, "")),
            ("<url/>", ResultData(DataKind.URL, "")),
            ("<ltiLaunchUrl>l</ltiLaunchUrl><url>u</url>", ResultData(DataKind.URL, "u")),
            ("<ltiLaunchUrl>l</ltiLaunchUrl>", ResultData(DataKind.LTI_LAUNCH_URL, "l")),
            (
                "<ltiLaunchUrl>l</ltiLaunchUrl><documentName>n</documentName><downloadUrl>d</downloadUrl>",
                ResultData(DataKind.FILE, "d", "n"),
            ),
            ("<downloadUrl/><documentName/>", ResultData(DataKind.FILE, "", "")),
            ("<downloadUrl>d</downloadUrl>", None),
            ("<documentName>n</documentName>", None),
            ("<downloadUrl>d</downloadUrl><ltiLaunchUrl>l</ltiLaunchUrl>", ResultData(DataKind.LTI_LAUNCH_URL, "l")),
            ("<other>o</other>", None),
            ("", None),
        ],
    )
    def test_precedence(self, inner: str, expected: ResultData | None) -> None:
        assert read(replace(data(inner))).data == expected


class TestText:
    @pytest.mark.parametrize(
        ("written", "text"),
        [
            ("0.<!-- 1 -->9", "0.9"),
            ("0<?pi 1?>.9", "0.9"),
            ("<![CDATA[0.]]>9", "0.9"),
            ("&#48;.&#x39;", "0.9"),
            ("<!-- 0.1 -->", ""),
            ("\n 0.9 \t", "\n 0.9 \t"),
            ("a &amp; b &lt;", "a & b <"),
            ("<![CDATA[<p>&amp;</p>]]>", "<p>&amp;</p>"),
            ("one<b>two<i>three</i></b>four", "onetwothreefour"),
            ("\r\n", "\n"),
            ("&#13;", "\r"),
        ],
    )
    def test_what_belongs_to_a_text(self, written: str, text: str) -> None:
        assert read(replace(score(written))).result_score == text

    def test_an_empty_element_is_an_empty_text(self) -> None:
        assert read(replace("<resultScore><textString/></resultScore>")).result_score == ""

    def test_an_absent_element_is_none(self) -> None:
        result = read(replace())
        assert (result.result_score, result.total_score, result.data, result.submitted_at) == (None,) * 4

    @pytest.mark.parametrize("name", ["prioritizeNonToolGrade", "needsAdditionalReview"])
    def test_a_flag_around_the_word_false_is_set(self, name: str) -> None:
        result = read(replace(details=f"<submissionDetails><{name}>false</{name}></submissionDetails>"))
        assert result.prioritize_non_tool_grade is (name == "prioritizeNonToolGrade")
        assert result.needs_additional_review is (name == "needsAdditionalReview")

    def test_html_in_cdata_may_hold_a_doctype(self) -> None:
        html = "<!DOCTYPE html><p>&nbsp;</p>"
        assert read(replace(data(f"<text><![CDATA[{html}]]></text>"))).data == ResultData(DataKind.TEXT, html)


class TestEncodings:
    DOCUMENT = replace(sourced="<sourcedGUID><sourcedId>é-1</sourcedId></sourcedGUID>")

    @pytest.mark.parametrize(
        ("declared", "codec"),
        [
            (None, "utf-8"),
            (None, "utf-8-sig"),
            (None, "utf-16"),
            ("UTF-8", "utf-8"),
            ("utf-8", "utf-8-sig"),
            ("UTF-16", "utf-16"),
            ("UTF-16", "utf-16-le"),
            ("utf-16", "utf-16-be"),
            ("UTF-16LE", "utf-16-le"),
            ("UTF-16BE", "utf-16-be"),
            ("ISO-8859-1", "latin-1"),
            ("ISO8859-1", "latin-1"),
            ("iso-8859-15", "iso-8859-15"),
            ("Windows-1252", "cp1252"),
            ("CP1252", "cp1252"),
            ("GB18030", "gb18030"),
        ],
    )
    @pytest.mark.parametrize("quote", ['"', "'"])
    def test_declared_and_shown_encodings(self, declared: str | None, codec: str, quote: str) -> None:
        encoding = f" encoding={quote}{declared}{quote}" if declared else ""
        body = f"<?xml version={quote}1.0{quote}{encoding}?>\n{self.DOCUMENT}".encode(codec)
        assert read_envelope(body).sourcedid == "é-1"

    @pytest.mark.parametrize(
        "declared", ["US-ASCII", "Shift_JIS", "EUC-JP", "EUC-KR", "GB2312", "GBK", "Big5", "KOI8-R"]
    )
    def test_other_encodings_that_canvas_knows(self, declared: str) -> None:
        body = f'<?xml version="1.0" encoding="{declared}"?>{replace(score("0.5"))}'.encode("ascii")
        assert read_envelope(body).result_score == "0.5"

    @pytest.mark.parametrize("declared", ["utf8", "UTF8", "latin1", "utf-7", "nonsense", "UCS-4", "IBM037"])
    def test_an_unknown_encoding_is_named_as_canvas_names_it(self, declared: str) -> None:
        body = f'<?xml version="1.0" encoding="{declared}"?>{self.DOCUMENT}'.encode()
        assert unsupported(body) == f"Invalid XML: unknown encoding name - {declared}"

    def test_an_unknown_encoding_is_found_behind_a_byte_order_mark(self) -> None:
        body = f'<?xml version="1.0" encoding="utf8"?>{self.DOCUMENT}'
        assert "utf8" in unsupported(body.encode("utf-8-sig"))
        assert "utf8" in unsupported(body.encode("utf-16"))
        assert "utf8" in unsupported(body.encode("utf-16-be"))

    def test_a_long_encoding_name_is_cut(self) -> None:
        assert len(unsupported(b'<?xml version="1.0" encoding="' + b"x" * 200 + b'"?><a/>')) < 100

    def test_bytes_that_are_not_of_the_encoding_are_malformed(self) -> None:
        assert unsupported(self.DOCUMENT.encode("latin-1")) == "Invalid XML: not well formed"

    def test_crlf_lines(self) -> None:
        body = replace(score("0.5")).replace("><", ">\r\n<").encode()
        assert read_envelope(b'<?xml version="1.0"?>\r\n' + body).result_score == "0.5"

    def test_blank_lines_before_the_declaration_are_overlooked(self) -> None:
        body = b"\n \r\n<?xml version='1.0' encoding='utf-8'?>" + replace(score("0.5")).encode()
        assert read_envelope(body).result_score == "0.5"


class TestDamage:
    @pytest.mark.parametrize("body", [b"", b" ", b"\n\n", b"\x00", b"\xef\xbb\xbf", b"\xff\xfe"])
    def test_an_empty_body(self, body: bytes) -> None:
        assert unsupported(body).startswith("Invalid XML: ")

    @pytest.mark.parametrize("cut", range(1, 420, 7))
    def test_a_truncated_document_gives_nothing(self, cut: int) -> None:
        assert unsupported(replace(score("0.5")).encode()[:-cut]) == "Invalid XML: not well formed"

    @pytest.mark.parametrize(
        "body", [b"<a></b>", b"<a/><b/>", b"<a>&nbsp;</a>", b"<a>&</a>", b"<a b=c/>", b"{}", b"a=b", b"<a>\x0b</a>"]
    )
    def test_malformed_documents(self, body: bytes) -> None:
        assert unsupported(body) == "Invalid XML: not well formed"

    def test_an_unescaped_sourcedid_is_malformed(self) -> None:
        """Some tools put the sourcedid into the XML as it is."""
        document = replace(sourced="<sourcedGUID><sourcedId>a&b</sourcedId></sourcedGUID>")
        assert unsupported(document.encode()) == "Invalid XML: not well formed"


_names = st.sampled_from(
    [
        "imsx_POXHeader",
        "imsx_messageIdentifier",
        "imsx_POXBody",
        "replaceResultRequest",
        "readResultRequest",
        "resultRecord",
        "sourcedGUID",
        "sourcedId",
        "result",
        "resultScore",
        "textString",
        "resultData",
        "text",
        "url",
        "submissionDetails",
        "submittedAt",
        "x:y",
        "a",
    ]
)
_texts = st.text(max_size=20).map(lambda text: text.replace("&", "&amp;").replace("<", "&lt;"))
_elements = st.recursive(
    _texts,
    lambda inner: st.builds(lambda n, parts: f"<{n}>{''.join(parts)}</{n}>", _names, st.lists(inner, max_size=4)),
)


@given(_elements)
def test_any_document_is_an_envelope_or_unsupported(document: str) -> None:
    try:
        result = read_envelope(document.encode(errors="surrogatepass"))
    except OutcomeUnsupported:
        return
    assert isinstance(result, Envelope)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_envelope_or_unsupported(body: bytes) -> None:
    for candidate in (body, b"<a>" + body + b"</a>", b'<?xml version="1.0" encoding="' + body + b'"?><a/>'):
        try:
            assert isinstance(read_envelope(candidate), Envelope)
        except OutcomeUnsupported as refused:
            assert refused.detail.startswith("Invalid XML: ")  # noqa: PT017 - either it reads, or this and nothing else


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r", exclude_categories=["Cc", "Cn"])))
def test_an_escaped_sourcedid_comes_back_unchanged(sourcedid: str) -> None:
    escaped = sourcedid.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    document = replace(sourced=f"<sourcedGUID><sourcedId>{escaped}</sourcedId></sourcedGUID>")
    assert read(document).sourcedid == sourcedid
