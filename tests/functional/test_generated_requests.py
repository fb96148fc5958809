"""Whatever comes: no answer is a 500, every answer is well-formed XML, and nothing hangs."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from oauthlib.oauth1 import SIGNATURE_TYPE_BODY, Client
from pox import NAMESPACE, envelope, replace_result, signed_headers
from stage import CONSUMER_KEY, OUTCOME_URL, SECRET, Stage, ToolAnswer, gateway_event, open_stage

from chalicelib.web.outcomes import METHODS

from .doors import CANVAS_URL, FORM_URL, HOST_URL, hand_over

GENERATED = settings(
    max_examples=120, deadline=timedelta(seconds=4), suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
STATUSES = {200, 401, 404, 405, 413, 415, 422}
SOURCEDID = "student-17"

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
header_text = st.one_of(text, st.text(st.characters(max_codepoint=255), max_size=200))
url = st.sampled_from([OUTCOME_URL, CANVAS_URL, FORM_URL, f"{OUTCOME_URL}/", f"{HOST_URL}/x/y", f"{HOST_URL}/"])
xml_door = st.sampled_from([OUTCOME_URL, CANVAS_URL])
oauth_name = st.sampled_from(
    [
        "oauth_consumer_key",
        "oauth_signature_method",
        "oauth_timestamp",
        "oauth_nonce",
        "oauth_signature",
        "oauth_body_hash",
        "oauth_version",
        "oauth_token",
        "realm",
        "",
    ]
)
oauth_value = st.one_of(
    text, st.sampled_from([CONSUMER_KEY, "legacy%20tool", "HMAC-SHA1", "HMAC-SHA256", "PLAINTEXT", "1770113730", "1.0"])
)
authorization = st.one_of(
    header_text,
    header_text.map("OAuth ".__add__),
    st.lists(st.tuples(oauth_name, oauth_value), max_size=9).map(
        lambda pairs: "OAuth " + ", ".join(f'{name}="{value}"' for name, value in pairs)
    ),
)
content_type = st.one_of(
    header_text, st.sampled_from(["application/xml", "text/xml", "application/x-www-form-urlencoded", ";", "a/b; c=d"])
)
number_text = st.one_of(
    text,
    st.floats().map(str),
    st.decimals().map(str),
    st.integers().map(str),
    st.from_regex(r"[+-]?(0x)?[0-9_]{0,30}\.?[0-9_]{0,30}([ep][+-]?[0-9]{0,12})?", fullmatch=True),
)
time_text = st.one_of(
    text,
    st.datetimes().map(str),
    st.datetimes().map(lambda moment: moment.strftime("%a, %d %b %Y %H:%M:%S +2359")),
    st.from_regex(r"[0-9]{1,5}-[0-9]{1,3}-[0-9]{1,3}T?[0-9:.,]{0,15}(Z|[+-][0-9:]{0,6})?", fullmatch=True),
)
element_name = st.sampled_from(
    [
        "imsx_POXEnvelopeRequest",
        "imsx_POXHeader",
        "imsx_POXBody",
        "imsx_messageIdentifier",
        "replaceResultRequest",
        "readResultRequest",
        "deleteResultRequest",
        "somethingRequest",
        "Request",
        "resultRecord",
        "sourcedGUID",
        "sourcedId",
        "result",
        "resultScore",
        "resultTotalScore",
        "textString",
        "resultData",
        "text",
        "url",
        "ltiLaunchUrl",
        "downloadUrl",
        "documentName",
        "submissionDetails",
        "submittedAt",
        "prioritizeNonToolGrade",
        "x:y",
    ]
)
content = st.one_of(
    st.sampled_from(
        [SOURCEDID, "0.5", "A", "<!-- c -->", "<?p i?>", "<![CDATA[<]]>", "&lt;", "&#0;", "&e;", "&#x10FFFF;"]
    ),
    text,
)
tree = st.recursive(
    content,
    lambda inside: st.tuples(element_name, st.lists(inside, max_size=4)).map(
        lambda part: f"<{part[0]}>{''.join(part[1])}</{part[0]}>"
    ),
    max_leaves=25,
)
prolog = st.sampled_from(
    [
        "",
        '<?xml version="1.0"?>',
        '<?xml version="1.1" encoding="utf-8"?>',
        "<?xml version='1.0' encoding='utf-16'?>",
        '<?xml version="1.0" encoding="koi8-r"?>',
        '<!DOCTYPE a [<!ENTITY e "x">]>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
        "\ufeff",
        "\n\n",
    ]
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One stage for all examples: making one for each would be most of the time."""
    with open_stage(tmp_path_factory.mktemp("stage")) as stage:
        stage.seat(points=10, sourcedid=SOURCEDID)
        yield stage


def assert_readable(answer: ToolAnswer) -> None:
    assert answer.status in STATUSES, answer.text
    assert answer.headers["Content-Type"] == "application/xml; charset=utf-8"
    root = etree.fromstring(answer.text.encode())
    assert root.tag in (f"{{{NAMESPACE}}}imsx_POXEnvelopeResponse", "message_response")
    if answer.status != 200:
        assert "success" not in answer.text.lower()


def event(
    stage: Stage, url: str, headers: dict[str, list[str]], body: bytes, *, method: str = "POST", **more: Any
) -> dict[str, Any]:
    made = gateway_event(url, {}, b"", stage.clock.now(), method)
    many = {**made["multiValueHeaders"], **headers}
    return {
        **made,
        "headers": {name: values[-1] for name, values in many.items() if values},
        "multiValueHeaders": many,
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
        **more,
    }


def send_signed(stage: Stage, url: str, body: bytes) -> ToolAnswer:
    stage.clock.move(0.01)
    timestamp = int(stage.clock.now().timestamp())
    signed = signed_headers(url, body, CONSUMER_KEY, SECRET, timestamp=timestamp)
    answer = hand_over(event(stage, url, {name: [value] for name, value in signed.items()}, body))
    assert answer.status in (200, 422), answer.text
    return answer


@GENERATED
@given(
    url=url,
    method=st.sampled_from([*METHODS, *["POST"] * 20]),
    body=st.binary(max_size=300),
    authorizations=st.lists(authorization, max_size=2),
    content_types=st.lists(content_type, max_size=2),
    others=st.dictionaries(header_text, st.lists(header_text, min_size=1, max_size=2), max_size=3),
    query=st.one_of(st.none(), st.dictionaries(text, st.lists(text, min_size=1, max_size=3), max_size=4)),
)
def test_any_request_is_answered(
    shared: Stage,
    url: str,
    method: str,
    body: bytes,
    authorizations: list[str],
    content_types: list[str],
    others: dict[str, list[str]],
    query: dict[str, list[str]] | None,
) -> None:
    headers = {**others, "Authorization": authorizations, "Content-Type": content_types}
    plain = None if query is None else {name: values[-1] for name, values in query.items()}
    made = event(shared, url, headers, body, method=method)
    made |= {"multiValueQueryStringParameters": query, "queryStringParameters": plain}
    assert_readable(hand_over(made))


@GENERATED
@given(url=url, position=st.integers(0, 600), replacement=header_text, body=st.binary(max_size=60))
def test_a_signed_request_that_was_damaged_is_answered(
    shared: Stage, url: str, position: int, replacement: str, body: bytes
) -> None:
    right = replace_result(SOURCEDID, "0.5", message_identifier="m")
    timestamp = int(shared.clock.now().timestamp())
    headers = signed_headers(url, right, CONSUMER_KEY, SECRET, timestamp=timestamp)
    signed = headers["Authorization"]
    cut = min(position, len(signed))
    damaged = signed[:cut] + replacement + signed[cut + len(replacement) :]
    arriving = right[:position] + body + right[position + len(body) :]
    for authorization, content in ((damaged, right), (signed, arriving)):
        made = event(shared, url, {"Authorization": [authorization], "Content-Type": ["application/xml"]}, content)
        assert_readable(hand_over(made))


@GENERATED
@given(url=xml_door, body=st.binary(max_size=400))
def test_any_signed_bytes_are_answered(shared: Stage, url: str, body: bytes) -> None:
    assert_readable(send_signed(shared, url, body))


@GENERATED
@given(url=xml_door, start=prolog, body=tree, encoding=st.sampled_from(["utf-8", "utf-16", "utf-32", "koi8-r"]))
def test_any_signed_xml_is_answered(shared: Stage, url: str, start: str, body: str, encoding: str) -> None:
    assert_readable(send_signed(shared, url, f"{start}{body}".encode(encoding, "replace")))


@GENERATED
@given(operation=tree)
def test_any_operation_in_an_envelope_is_answered(shared: Stage, operation: str) -> None:
    assert_readable(send_signed(shared, OUTCOME_URL, envelope(operation)))


@GENERATED
@given(name=st.sampled_from(["replaceResult", "deleteResult", "readResult", "other"]), before=tree, inside=tree)
def test_any_content_of_an_operation_is_answered(shared: Stage, name: str, before: str, inside: str) -> None:
    record = f"<sourcedGUID><sourcedId>{SOURCEDID}</sourcedId></sourcedGUID><result>{inside}</result>"
    operation = f"<{name}Request>{before}<resultRecord>{record}</resultRecord></{name}Request>"
    assert_readable(send_signed(shared, OUTCOME_URL, envelope(operation)))


@GENERATED
@given(
    score=st.one_of(st.none(), number_text),
    total=st.one_of(st.none(), number_text),
    submitted_at=st.one_of(st.none(), time_text),
    data=st.one_of(
        st.none(),
        st.dictionaries(st.sampled_from(["text", "url", "ltiLaunchUrl", "downloadUrl", "documentName"]), text),
    ),
    flag=st.booleans(),
    review=st.booleans(),
    sourcedid=st.one_of(st.just(SOURCEDID), text),
    message_identifier=text,
)
def test_any_values_are_answered(shared: Stage, sourcedid: str, **values: Any) -> None:
    values["prioritize_non_tool_grade"] = values.pop("flag")
    values["needs_additional_review"] = values.pop("review")
    assert_readable(send_signed(shared, OUTCOME_URL, replace_result(sourcedid, values.pop("score"), **values)))


@GENERATED
@given(timestamp=st.one_of(st.integers(), st.integers(1770100000, 1770130000)), nonce=st.text("aZ0-. ü", max_size=300))
def test_any_time_and_nonce_are_answered(shared: Stage, timestamp: int, nonce: str) -> None:
    body = replace_result(SOURCEDID, "0.5")
    signed = signed_headers(OUTCOME_URL, body, CONSUMER_KEY, SECRET, timestamp=timestamp, nonce=nonce or None)
    assert_readable(hand_over(event(shared, OUTCOME_URL, {name: [value] for name, value in signed.items()}, body)))


@GENERATED
@given(
    fields=st.lists(
        st.tuples(
            st.one_of(
                st.sampled_from(["lti_message_type", "sourcedid", "result_resultscore_textstring", "oauth_nonce"]), text
            ),
            st.one_of(
                st.sampled_from(["basic-lis-updateresult", "basic-lis-readresult", SOURCEDID]), number_text, text
            ),
        ),
        max_size=6,
    )
)
def test_any_signed_form_is_answered(shared: Stage, fields: list[tuple[str, str]]) -> None:
    shared.clock.move(0.01)
    client = Client(
        CONSUMER_KEY,
        client_secret=SECRET,
        signature_type=SIGNATURE_TYPE_BODY,
        timestamp=str(int(shared.clock.now().timestamp())),
    )
    type_ = {"Content-Type": "application/x-www-form-urlencoded"}
    _, _, body = client.sign(FORM_URL, "POST", body=fields, headers=type_)
    assert isinstance(body, str)
    answer = hand_over(event(shared, FORM_URL, {name: [value] for name, value in type_.items()}, body.encode()))
    assert_readable(answer)
    assert answer.status == (401 if any(name.startswith("oauth_") for name, _ in fields) else 200)


@GENERATED
@given(status=st.integers(200, 599), body=text, path=st.sampled_from(["score", "result", "token", "line_item"]))
def test_any_platform_answer_is_told_in_xml(shared: Stage, status: int, body: str, path: str) -> None:
    shared.clock.move(4000)
    shared.faults({"path": path, "kind": "status", "status": status, "body": body, "count": 1})
    values: dict[str, Any] = {"prioritize_non_tool_grade": True, "data": {"text": "essay"}}
    answer = send_signed(shared, OUTCOME_URL, replace_result(SOURCEDID, total="5", **values))
    shared.faults()
    assert_readable(answer)
