import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from chalicelib.errors import OutcomeCode, OutcomeFailure, OutcomeUnsupported
from chalicelib.lti11.answers import (
    answer_failure,
    answer_unsupported,
    failure_status,
    write_pox,
    write_transport_failure,
)
from chalicelib.lti11.messages import Answer, CodeMajor

NAMESPACES = {"p": "http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0"}
SUCCESS = Answer(CodeMajor.SUCCESS)
BAD_SCORE = Answer(CodeMajor.FAILURE, "Score is not between 0 and 1", OutcomeCode.BAD_SCORE)
SHRUG = "Request could not be handled. ¯\\_(ツ)_/¯"


def write(answer: Answer, operation: str = "replaceResult", message_ref: str = "msg-0001") -> str:
    return write_pox(answer, message_ref=message_ref, operation=operation, reference="12345")


def read(document: str, name: str) -> str | None:
    """Return the text of an element, None when it is absent."""
    found = etree.fromstring(document.encode()).find(f".//p:{name}", NAMESPACES)
    return None if found is None else found.text or ""


def body_of(document: str) -> list[str]:
    body = etree.fromstring(document.encode()).find("p:imsx_POXBody", NAMESPACES)
    assert body is not None
    return [etree.QName(child).localname for child in body]


class TestShape:
    def test_a_failure_to_the_letter(self) -> None:
        assert write(BAD_SCORE) == (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<imsx_POXEnvelopeResponse xmlns="http://www.imsglobal.org/services/ltiv1p1/xsd/imsoms_v1p0">'
            "<imsx_POXHeader><imsx_POXResponseHeaderInfo><imsx_version>V1.0</imsx_version>"
            "<imsx_messageIdentifier></imsx_messageIdentifier><imsx_statusInfo>"
            "<imsx_codeMajor>failure</imsx_codeMajor><imsx_severity>status</imsx_severity>"
            "<imsx_description>Score is not between 0 and 1\n[EID_12345]</imsx_description>"
            "<imsx_messageRefIdentifier>msg-0001</imsx_messageRefIdentifier>"
            "<imsx_operationRefIdentifier>replaceResult</imsx_operationRefIdentifier>"
            "<ext_canvas_error_code>bad_score</ext_canvas_error_code>"
            "</imsx_statusInfo></imsx_POXResponseHeaderInfo></imsx_POXHeader>"
            "<imsx_POXBody><replaceResultResponse/></imsx_POXBody></imsx_POXEnvelopeResponse>"
        )

    @pytest.mark.parametrize("answer", [SUCCESS, BAD_SCORE, Answer(CodeMajor.UNSUPPORTED)])
    def test_the_severity_is_always_status_and_the_identifier_empty(self, answer: Answer) -> None:
        document = write(answer)
        assert read(document, "imsx_severity") == "status"
        assert read(document, "imsx_messageIdentifier") == ""


class TestSuccess:
    @pytest.mark.parametrize("operation", ["replaceResult", "deleteResult"])
    def test_a_write(self, operation: str) -> None:
        document = write(SUCCESS, operation)
        assert read(document, "imsx_codeMajor") == "success"
        assert read(document, "imsx_description") == ""
        assert read(document, "ext_canvas_error_code") is None
        assert f"<imsx_POXBody><{operation}Response/></imsx_POXBody>" in document

    @pytest.mark.parametrize("score", ["0.4", "0.0", "1.0", ""])
    def test_a_read(self, score: str) -> None:
        document = write(Answer(CodeMajor.SUCCESS, score_text=score), "readResult")
        assert (
            "<imsx_POXBody><readResultResponse><result><resultScore><language>en</language>"
            f"<textString>{score}</textString></resultScore></result></readResultResponse></imsx_POXBody>"
        ) in document

    def test_a_description_stays_plain_without_a_reference(self) -> None:
        document = write(Answer(CodeMajor.SUCCESS, "queued for delivery"))
        assert read(document, "imsx_description") == "queued for delivery"

    def test_echoes_are_as_sent(self) -> None:
        assert read(write(SUCCESS, message_ref="success & <1>"), "imsx_messageRefIdentifier") == "success & <1>"


class TestFailure:
    def test_a_parse_failure_has_a_blank_line_before_the_reference(self) -> None:
        failure = OutcomeFailure(OutcomeCode.NO_PARSEABLE_RESULT_SCORE, "Unable to parse resultScore: x\n")
        document = write(answer_failure(failure))
        assert read(document, "imsx_description") == "Unable to parse resultScore: x\n\n[EID_12345]"
        assert read(document, "ext_canvas_error_code") == "no_parseable_result_score"

    def test_an_unknown_operation_is_named_in_the_body(self) -> None:
        assert body_of(write(BAD_SCORE, "readPerson")) == ["readPersonResponse"]

    def test_a_failed_read_carries_no_score(self) -> None:
        answer = Answer(CodeMajor.FAILURE, "x", OutcomeCode.PLATFORM_UNAVAILABLE, score_text="0.5")
        assert "<imsx_POXBody><readResultResponse/></imsx_POXBody>" in write(answer, "readResult")

    @pytest.mark.parametrize("operation", ["", "a b", "1x", "<x/>", "a:b"])
    def test_a_name_that_xml_cannot_hold_leaves_the_body_empty(self, operation: str) -> None:
        assert body_of(write(BAD_SCORE, operation)) == []

    def test_without_a_reference_there_is_no_empty_one(self) -> None:
        document = write_pox(BAD_SCORE, message_ref="", operation="", reference=None)
        assert read(document, "imsx_description") == "Score is not between 0 and 1"


class TestUnsupported:
    def test_canvas_text_and_an_empty_body(self) -> None:
        document = write(answer_unsupported(OutcomeUnsupported()), "readPerson")
        assert read(document, "imsx_codeMajor") == "unsupported"
        assert read(document, "imsx_description") == f"{SHRUG}\n[EID_12345]"
        assert read(document, "imsx_operationRefIdentifier") == "readPerson"
        assert read(document, "ext_canvas_error_code") is None
        assert body_of(document) == []

    def test_the_detail_follows(self) -> None:
        unsupported = OutcomeUnsupported("Invalid XML: unknown encoding name - utf8")
        document = write(answer_unsupported(unsupported), "")
        assert read(document, "imsx_description") == f"{SHRUG}\nInvalid XML: unknown encoding name - utf8\n[EID_12345]"

    def test_a_code_is_not_shown(self) -> None:
        assert read(write(Answer(CodeMajor.UNSUPPORTED, error_code="x")), "ext_canvas_error_code") is None


class TestTheWordSuccess:
    @pytest.mark.parametrize("word", ["success", "SUCCESS", "Success", "unsuccessful", "ſuccess", "sucsuccesscess"])
    @pytest.mark.parametrize("code", [CodeMajor.FAILURE, CodeMajor.UNSUPPORTED])
    def test_it_is_nowhere_in_an_answer_that_is_none(self, word: str, code: CodeMajor) -> None:
        document = write(Answer(code, f"no {word}"), operation=word, message_ref=f"id-{word}")
        assert "success" not in document.lower()
        assert "SUCCESS" not in document.upper()

    def test_it_stays_readable(self) -> None:
        document = write(Answer(CodeMajor.FAILURE, "Unsuccessful"), "success", "a-Success")
        assert read(document, "imsx_description") == "Uns-ccessful\n[EID_12345]"
        assert read(document, "imsx_messageRefIdentifier") == "a-S-ccess"
        assert body_of(document) == ["s-ccessResponse"]

    def test_it_is_nowhere_in_a_transport_failure(self) -> None:
        assert "success" not in write_transport_failure("no success", "1")

    def test_a_character_that_xml_cannot_hold_does_not_hide_it(self) -> None:
        assert "success" not in write(Answer(CodeMajor.FAILURE, "suc\x00cess success\x01"))


class TestEchoes:
    @pytest.mark.parametrize("answer", [SUCCESS, BAD_SCORE])
    def test_long_ones_are_cut(self, answer: Answer) -> None:
        document = write(answer, operation="o" * 1000, message_ref="m" * 1000)
        assert read(document, "imsx_messageRefIdentifier") == "m" * 255
        assert read(document, "imsx_operationRefIdentifier") == "o" * 255

    @pytest.mark.parametrize("answer", [SUCCESS, BAD_SCORE])
    def test_characters_that_xml_cannot_hold_are_replaced(self, answer: Answer) -> None:
        document = write(answer, message_ref="a\x00b\x1f\ud800\ufffe\U0001f600")
        assert read(document, "imsx_messageRefIdentifier") == "a\ufffdb\ufffd\ufffd\ufffd\U0001f600"

    def test_markup_is_escaped(self) -> None:
        evil = "</imsx_messageRefIdentifier><imsx_codeMajor>x</imsx_codeMajor>]]>&lt;"
        document = write(BAD_SCORE, message_ref=evil)
        assert read(document, "imsx_messageRefIdentifier") == evil
        assert document.count("<imsx_codeMajor>") == 1


class TestTransport:
    def test_its_shape(self) -> None:
        document = write_transport_failure("Invalid authorization header", "77")
        assert read(document, "imsx_codeMajor") == "failure"
        assert read(document, "imsx_severity") == "status"
        assert read(document, "imsx_description") == "Invalid authorization header\n[EID_77]"
        assert read(document, "imsx_messageRefIdentifier") == ""
        assert read(document, "imsx_operationRefIdentifier") == ""
        assert read(document, "ext_canvas_error_code") is None
        assert body_of(document) == []


@pytest.mark.parametrize("chosen", [422, 200])
def test_the_status_of_a_failure_is_the_tools_choice(chosen: int) -> None:
    assert failure_status(BAD_SCORE, chosen) == chosen
    assert failure_status(Answer(CodeMajor.UNSUPPORTED), chosen) == chosen
    assert failure_status(SUCCESS, chosen) == 200


@given(
    st.sampled_from(CodeMajor),
    st.text(),
    st.text(),
    st.text(),
    st.none() | st.text(),
    st.none() | st.sampled_from(OutcomeCode),
)
def test_anything_can_be_written_and_read_back(
    code: CodeMajor, description: str, message_ref: str, operation: str, score: str | None, error: OutcomeCode | None
) -> None:
    document = write_pox(
        Answer(code, description, error, score), message_ref=message_ref, operation=operation, reference="1"
    )
    assert read(document, "imsx_codeMajor") == code
    if code is not CodeMajor.SUCCESS:
        assert re.search("success", document, re.IGNORECASE) is None
