"""Documents that attack the XML reader: each is refused by name, quickly, and touches neither file nor network."""

import socket
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib.errors import OutcomeUnsupported
from chalicelib.lti11.envelope import DEEPEST_NESTING, read_envelope

NO_DOCTYPE = "Invalid XML: a document type is not allowed"
MALFORMED = "Invalid XML: not well formed"


def document(text_string: str = "0.5", prolog: str = "", sourcedid: str = "s-1") -> bytes:
    return (
        f"{prolog}<imsx_POXEnvelopeRequest><imsx_POXHeader/><imsx_POXBody><replaceResultRequest><resultRecord>"
        f"<sourcedGUID><sourcedId>{sourcedid}</sourcedId></sourcedGUID><result><resultScore>"
        f"<textString>{text_string}</textString></resultScore></result></resultRecord></replaceResultRequest>"
        "</imsx_POXBody></imsx_POXEnvelopeRequest>"
    ).encode()


def refusal(body: bytes) -> str:
    with pytest.raises(OutcomeUnsupported) as caught:
        read_envelope(body)
    return caught.value.detail


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*_: object) -> None:
        pytest.fail("an XML document opened a connection")

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A real port for what libxml2 would open by itself, below Python's sockets."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        yield listening


class TestDocumentTypes:
    @pytest.mark.parametrize(
        "prolog",
        [
            "<!DOCTYPE imsx_POXEnvelopeRequest>",
            "<!DOCTYPE imsx_POXEnvelopeRequest []>",
            '<!DOCTYPE e SYSTEM "e.dtd">',
            '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://127.0.0.1:9/xhtml1-strict.dtd">',
            '<?xml version="1.0" standalone="yes"?><!-- first --><!DOCTYPE e [<!ELEMENT e ANY>]>',
            '<?xml version="1.0"?>\n<?pi?>\n<!DOCTYPE e [<!ATTLIST textString x CDATA "0.9">]>',
        ],
    )
    def test_any_doctype_is_refused(self, prolog: str) -> None:
        assert refusal(document(prolog=prolog)) == NO_DOCTYPE

    @pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
    def test_an_encoding_does_not_hide_a_doctype(self, codec: str) -> None:
        text = document(prolog="<!DOCTYPE e>").decode()
        declaration = '<?xml version="1.0" encoding="UTF-16"?>' if "16" in codec else ""
        assert refusal((declaration + text).encode(codec)) == NO_DOCTYPE

    def test_external_entities_read_no_file(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("0.9")
        prolog = f'<!DOCTYPE e [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
        assert refusal(document("&x;", prolog)) == NO_DOCTYPE

    @pytest.mark.parametrize(
        "prolog",
        [
            '<!DOCTYPE e SYSTEM "http://127.0.0.1:{port}/e.dtd">',
            '<!DOCTYPE e [<!ENTITY % p SYSTEM "http://127.0.0.1:{port}/p"> %p;]>',
            '<!DOCTYPE e [<!ENTITY x SYSTEM "http://127.0.0.1:{port}/x">]>',
        ],
    )
    def test_external_documents_are_not_fetched(self, prolog: str, listener: socket.socket) -> None:
        port = listener.getsockname()[1]
        assert refusal(document("&x;", prolog.replace("{port}", str(port)))) == NO_DOCTYPE
        with pytest.raises(BlockingIOError):
            listener.accept()

    def test_xinclude_and_schema_hints_are_only_elements(self, listener: socket.socket) -> None:
        port = listener.getsockname()[1]
        include = f'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="http://127.0.0.1:{port}/" parse="text"/>'
        assert read_envelope(document(include)).result_score == ""
        with pytest.raises(BlockingIOError):
            listener.accept()

    @pytest.mark.parametrize(
        "prolog",
        [
            "<!DOCTYPE e [<!ENTITY a0 'ha'>"
            + "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 12))
            + "]>",
            f"<!DOCTYPE e [<!ENTITY a11 '{'x' * 100_000}'>]>",
            "<!DOCTYPE e [<!ENTITY % p '<!ENTITY a11 \"0.9\">'> %p;]>",
            "<!DOCTYPE e [<!ENTITY a11 '&a11;'>]>",
        ],
        ids=["billion laughs", "quadratic", "parameter entity", "recursive"],
    )
    def test_entities_are_not_expanded(self, prolog: str) -> None:
        body = document("&a11;" * 1000, prolog)
        tracemalloc.start()
        try:
            assert refusal(body) == NO_DOCTYPE
            assert tracemalloc.get_traced_memory()[1] < 1_000_000
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize("entity", ["&nbsp;", "&x;", "&#0;", "&#xD800;", "&#xFFFFFFFFFF;"])
    def test_undeclared_entities_and_impossible_characters_are_malformed(self, entity: str) -> None:
        assert refusal(document(entity)) == MALFORMED


class TestSize:
    @pytest.mark.parametrize("depth", [DEEPEST_NESTING, 5_000, 30_000])
    def test_deep_nesting_is_refused(self, depth: int) -> None:
        assert refusal(b"<a>" * depth + b"<b/>" + b"</a>" * depth) in {"Invalid XML: nested too deeply", MALFORMED}

    def test_deep_nesting_that_never_closes_is_refused(self) -> None:
        assert refusal(b"<a>" * 80_000).startswith("Invalid XML: ")

    def test_the_deepest_nesting_is_read(self) -> None:
        depth = DEEPEST_NESTING - 20
        assert read_envelope(document("<a>" * depth + "1" + "</a>" * depth)).result_score == "1"

    @pytest.mark.parametrize(
        "body",
        [
            b"<a " + b" ".join(b"a%d=''" % n for n in range(20_000)) + b"/>",
            b"<a " + b" ".join(b"xmlns:a%d='u%d'" % (n, n) for n in range(10_000)) + b"/>",
            b"<a>" + b"<b/>" * 60_000 + b"</a>",
            b"<a>" + b"<!---->" * 35_000 + b"</a>",
            b"<a>" + b"".join(b"<b%d/>" % n for n in range(25_000)) + b"</a>",
            b"<imsx_POXHeader>" * 200 + b"<b/>" * 30_000 + b"</imsx_POXHeader>" * 200,
        ],
        ids=["attributes", "namespaces", "elements", "comments", "names", "nested headers"],
    )
    def test_many_small_things_are_read_and_mean_nothing(self, body: bytes) -> None:
        assert read_envelope(body).operation_name == ""


class TestMeaning:
    @pytest.mark.parametrize(
        ("text_string", "read"),
        [
            ("0.<!-- -->1", "0.1"),
            ("<!--0.-->1", "1"),
            ("0<?php echo 9 ?>.1", "0.1"),
            ("0<![CDATA[.1]]>", "0.1"),
            ("1<!--\n-->0", "10"),
            ("<x>0.1</x>", "0.1"),
        ],
    )
    def test_a_split_number_reads_as_a_whole(self, text_string: str, read: str) -> None:
        assert read_envelope(document(text_string)).result_score == read

    def test_a_split_sourcedid_reads_as_a_whole(self) -> None:
        """A reader that stops at the comment would look up another student's sourcedid."""
        assert read_envelope(document(sourcedid="victim<!-- -->-no")).sourcedid == "victim-no"

    def test_a_score_wrapped_beside_the_body_does_not_count(self) -> None:
        wrapped = document("1.0").decode().replace("imsx_POXBody", "wrapper")
        real = document("0.1").decode()
        result = read_envelope(real.replace("</imsx_POXBody>", f"</imsx_POXBody>{wrapped}").encode())
        assert result.result_score == "0.1"

    def test_a_second_body_does_not_count(self) -> None:
        second = "<imsx_POXBody><deleteResultRequest/></imsx_POXBody>"
        result = read_envelope(document().replace(b"</imsx_POXBody>", b"</imsx_POXBody>" + second.encode()))
        assert (result.operation_name, result.result_score) == ("replaceResult", "0.5")

    def test_operation_and_score_never_come_from_two_operations(self) -> None:
        body = document().replace(b"<imsx_POXBody>", b"<imsx_POXBody><readResultRequest/>")
        result = read_envelope(body)
        assert (result.operation_name, result.result_score) == ("readResult", None)

    def test_an_attribute_is_never_a_value(self) -> None:
        body = document("").replace(b"<textString>", b'<textString value="0.9">')
        assert read_envelope(body).result_score == ""

    def test_case_matters(self) -> None:
        assert read_envelope(document().replace(b"resultScore", b"ResultScore")).result_score is None


class TestBytes:
    @pytest.mark.parametrize("byte", [0, 1, 8, 11, 12, 14, 27, 31])
    def test_control_bytes_are_malformed(self, byte: int) -> None:
        assert refusal(document("0.5").replace(b"0.5", b"0." + bytes([byte]) + b"5")) == MALFORMED

    @pytest.mark.parametrize("tail", [b"\x00", b"x", b"<", b"<a/>", b"&"])
    def test_trailing_garbage_is_malformed(self, tail: bytes) -> None:
        assert refusal(document() + tail) == MALFORMED

    @pytest.mark.parametrize("bad", [b"\xc0\xaf", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xff", b"\x80", b"\xe2\x82"])
    def test_invalid_utf_8_is_malformed(self, bad: bytes) -> None:
        assert refusal(document().replace(b"s-1", b"s" + bad)) == MALFORMED

    @pytest.mark.parametrize("name", ["utf-7", "UTF-32", "IBM037", "hz-gb-2312", "utf8", "", " "])
    def test_odd_encodings_are_unknown(self, name: str) -> None:
        assert "unknown encoding name" in refusal(document(prolog=f'<?xml version="1.0" encoding="{name}"?>'))

    def test_a_declaration_without_end_is_refused(self) -> None:
        assert refusal(document(prolog=f'<?xml version="1.0" encoding="{"a" * 10_000}"?>')).startswith("Invalid XML: ")

    @pytest.mark.parametrize("codec", ["utf-32", "utf-32-le", "utf-32-be", "cp037", "utf-7"])
    def test_odd_families_never_give_a_score(self, codec: str) -> None:
        body = document().decode().encode(codec)
        try:
            result = read_envelope(body)
        except OutcomeUnsupported:
            return
        assert result.result_score in {None, "0.5"}
