"""LTI 1.1 outcomes: Canvas LTI 1.1 outcomes, sections 2 to 9."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import pytest
from lxml import etree

from canvas_box.canvas_harness import OMS, Canvas, Pox, Scene, data_xml, fraction_xml, total_xml
from simulator import oauth1
from simulator.times import iso_milliseconds

UNSUPPORTED = "Request could not be handled. ¯\\_(ツ)_/¯"


# Section 2: order of checks


def test_an_unknown_tool_is_404_before_the_signature(scene: Scene) -> None:
    answer = Pox(scene.canvas.send("POST", "/api/lti/v1/tools/999/grade_passback", b""))
    assert (answer.status, answer.message) == (404, "The specified resource does not exist.")


def test_a_bad_signature_is_401_also_with_a_wrong_content_type(scene: Scene) -> None:
    answer = scene.post_xml(b"", secret="wrong", media_type="text/xml")
    assert (answer.status, answer.message) == (401, "Invalid authorization header")
    assert json.loads(answer.response.body)["error_report_id"] > 0


@pytest.mark.parametrize("media_type", ["text/xml", "", "application/json"])
def test_another_content_type_is_415(scene: Scene, media_type: str) -> None:
    answer = scene.post_xml(scene.envelope("readResult"), media_type=media_type)
    assert (answer.status, answer.message) == (415, "Content-Type must be 'application/xml'")


def test_a_charset_is_no_other_content_type(scene: Scene) -> None:
    assert scene.post_xml(scene.envelope("readResult"), media_type="application/xml; charset=utf-8").status == 200


def test_a_missing_operation_is_unsupported_before_the_sourcedid(scene: Scene) -> None:
    answer = scene.post_xml(f'<imsx_POXEnvelopeRequest xmlns="{OMS}"><imsx_POXBody/></imsx_POXEnvelopeRequest>')
    assert (answer.status, answer.text("imsx_codeMajor")) == (422, "unsupported")
    assert answer.text("imsx_operationRefIdentifier") == ""


def test_a_bad_sourcedid_fails_before_an_unknown_operation(scene: Scene) -> None:
    assert scene.outcome("readPerson", sourcedid="x").code == "sourcedid_invalid"
    answer = scene.outcome("readPerson")
    assert (answer.status, answer.code) == (422, "unsupported")
    assert answer.text("imsx_operationRefIdentifier") == "readPerson"
    assert answer.text("imsx_POXBody") == ""


# Section 8 and 7.4: timestamp and nonce


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        (-5401, "Timestamp too old or too far in the future, request has expired"),
        (5402, "Timestamp too old or too far in the future, request has expired"),
        (62, "Duplicate nonce detected"),
    ],
)
def test_the_timestamp_has_a_window(scene: Scene, seconds: int, message: str) -> None:
    stamp = str(int(scene.canvas.clock.now.timestamp()) + seconds)
    answer = scene.post_xml(scene.envelope("readResult"), oauth_timestamp=stamp)
    assert (answer.status, answer.message) == (401, message)


@pytest.mark.parametrize("seconds", [-5399, 59])
def test_a_timestamp_within_the_window_passes(scene: Scene, seconds: int) -> None:
    stamp = str(int(scene.canvas.clock.now.timestamp()) + seconds)
    assert scene.post_xml(scene.envelope("readResult"), oauth_timestamp=stamp).status == 200


def test_a_nonce_counts_once_for_a_tool_within_the_window(canvas: Canvas, scene: Scene) -> None:
    def post(which: Scene) -> Pox:
        return which.post_xml(which.envelope("readResult"), oauth_nonce="same")

    assert post(scene).status == 200
    assert post(scene).message == "Duplicate nonce detected"
    assert post(canvas.prepare(consumer_key="other")).status == 200
    canvas.clock.forward(minutes=92)
    assert post(scene).status == 200


def test_a_nonce_is_only_kept_when_the_signature_holds(scene: Scene) -> None:
    assert scene.post_xml(b"", oauth_nonce="same", secret="wrong").status == 401
    assert scene.post_xml(scene.envelope("readResult"), oauth_nonce="same").status == 200


def test_any_consumer_key_passes(scene: Scene) -> None:
    assert scene.post_xml(scene.envelope("readResult"), oauth_consumer_key="whoever").status == 200


def test_a_body_hash_is_not_checked(scene: Scene) -> None:
    assert scene.post_xml(scene.envelope("readResult"), oauth_body_hash="wrong").status == 200


# Section 3.9: XML


def test_names_match_in_any_default_namespace_or_none(scene: Scene) -> None:
    body = scene.envelope("readResult")
    assert scene.post_xml(body.replace(f' xmlns="{OMS}"', "")).status == 200
    assert scene.post_xml(body.replace(OMS, "urn:x")).status == 200


def test_a_prefixed_document_is_unsupported(scene: Scene) -> None:
    body = scene.envelope("readResult").replace("<imsx", "<o:imsx").replace("</imsx", "</o:imsx")
    body = body.replace("xmlns=", "xmlns:o=")
    assert scene.post_xml(body).code == "unsupported"


@pytest.mark.parametrize("body", [b"", b"not xml", b"\xff\xfe", b'<?xml version="1.0" encoding="UTF-8"?>'])
def test_no_xml_is_unsupported(scene: Scene, body: bytes) -> None:
    assert scene.post_xml(body).code == "unsupported"


def test_an_unknown_encoding_is_named(scene: Scene) -> None:
    answer = scene.post_xml(scene.envelope("readResult").replace("UTF-8", "utf8"))
    assert answer.code == "unsupported"
    assert "Invalid XML: unknown encoding name - utf8" in answer.text("imsx_description")


def test_another_encoding_is_read(scene: Scene) -> None:
    body = scene.envelope("replaceResult", fraction_xml("1") + data_xml(text="é")).replace("UTF-8", "ISO-8859-1")
    scene.post_xml(body.encode("latin-1"))
    assert scene.state()["body"] == "é"


def test_damaged_xml_is_read_as_far_as_it_goes(scene: Scene) -> None:
    body = scene.envelope("replaceResult", fraction_xml("0.5"))
    assert scene.post_xml(body.removesuffix("</imsx_POXEnvelopeRequest>")).status == 200
    assert scene.state()["score"] == 5


def test_the_first_of_repeated_elements_wins_and_order_does_not_matter(scene: Scene) -> None:
    scene.outcome("replaceResult", data_xml(text="a", url="x") + fraction_xml("0.5") + fraction_xml("0.7"))
    state = scene.state()
    assert (state["score"], state["body"]) == (5, "a")


def test_submission_details_may_stand_behind_the_record(scene: Scene) -> None:
    body = scene.envelope("replaceResult", fraction_xml("0.5"))
    details = "<submissionDetails><submittedAt>2026-02-01</submittedAt></submissionDetails></replaceResultRequest>"
    scene.post_xml(body.replace("</replaceResultRequest>", details))
    assert scene.state()["submitted_at"] == "2026-02-01T00:00:00.000Z"


def test_elements_elsewhere_are_not_read(scene: Scene) -> None:
    assert scene.outcome("replaceResult", details=fraction_xml("0.5")).code == "no_score"


def test_the_sourcedid_may_be_anywhere_in_the_body(scene: Scene) -> None:
    body = scene.envelope("readResult").replace("<resultRecord>", "<x>").replace("</resultRecord>", "</x>")
    assert scene.post_xml(body).status == 200


def test_entities_and_cdata_are_decoded_and_comments_left_out(scene: Scene) -> None:
    scene.replace("1", data_xml(text=" a &lt;b&gt;<![CDATA[<c>]]><!-- d --> "))
    assert scene.state()["body"] == " a <b><c> "


def test_entities_of_the_document_are_not_expanded(scene: Scene) -> None:
    body = scene.envelope("replaceResult", data_xml(text="&x;"))
    body = body.replace("<imsx_POXEnvelopeRequest", '<!DOCTYPE a [<!ENTITY x "boom">]><imsx_POXEnvelopeRequest', 1)
    scene.post_xml(body)
    assert scene.state()["body"] == ""


# Section 4.1: numbers


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("0.92", 9.2),
        (".92", 9.2),
        ("+0.5", 5),
        ("9.2e-1", 9.2),
        ("1", 10),
        ("1.0", 10),
        (" 1.0 \n", 10),
        ("0", 0),
        ("-0.0", 0),
        ("0.000_1", 0.001),
    ],
)
def test_fractions_that_are_read(scene: Scene, text: str, score: float) -> None:
    answer = scene.replace(text)
    assert (answer.status, answer.code, scene.state()["score"]) == (200, "success", score)


@pytest.mark.parametrize(
    "text", ["", " ", "0,92", "92%", "A", "NaN", "nan", "Infinity", "inf", "OHAI", "1.", "1__0", "_1", "0x", "１"]
)
def test_texts_that_are_no_numbers(scene: Scene, text: str) -> None:
    answer = scene.replace(text)
    assert (answer.status, answer.code) == (422, "no_parseable_result_score")
    assert answer.text("imsx_description").startswith(f"Unable to parse resultScore: {text}\n\n[EID_")
    answer = scene.replace(inside=total_xml(text))
    assert answer.code == "no_parseable_result_total_score"
    assert answer.text("imsx_description").startswith(f"Unable to parse resultTotalScore: {text}\n\n[EID_")
    assert scene.state()["attempt"] == 0


@pytest.mark.parametrize("text", ["-0.1", "1.0001", "1_000", "0x1A", "1e400"])
def test_fractions_out_of_range(scene: Scene, text: str) -> None:
    answer = scene.replace(text)
    assert answer.code == "bad_score"
    assert answer.text("imsx_description").startswith("Score is not between 0 and 1\n[EID_")


@pytest.mark.parametrize(
    ("text", "score"), [("37.5", 37.5), ("-7", -7), ("1_000", 1000), ("0x1A", 26), ("-0.0", 0), ("11", 11)]
)
def test_totals_are_points_without_bounds(scene: Scene, text: str, score: float) -> None:
    assert scene.replace(inside=total_xml(text)).status == 200
    assert scene.state()["score"] == score


def test_an_overflowing_total_succeeds_without_a_score(scene: Scene) -> None:
    assert scene.replace(inside=total_xml("1e400")).status == 200
    assert scene.state()["score"] is None


def test_a_very_small_fraction_stores_no_score(scene: Scene) -> None:
    assert scene.replace("0.0000009").status == 200
    assert scene.state()["score"] is None


@pytest.mark.parametrize(
    ("inside", "grade"),
    [
        (fraction_xml("1.5"), "complete"),
        (fraction_xml("0"), "incomplete"),
        (fraction_xml("-1"), "incomplete"),
        (fraction_xml("1e400"), "complete"),
        (total_xml("3"), "complete"),
        (total_xml("1e400"), "complete"),
    ],
)
def test_pass_fail_looks_at_the_sign_only(canvas: Canvas, inside: str, grade: str) -> None:
    scene = canvas.prepare(grading_type="pass_fail")
    assert scene.replace(inside=inside).status == 200
    assert scene.state()["grade"] == grade


def test_a_fraction_of_the_points_has_no_noise(canvas: Canvas) -> None:
    scene = canvas.prepare(points=Decimal("1.5"))
    scene.replace("0.92")
    assert scene.state()["score"] == 1.38


def test_zero_points_score_zero(canvas: Canvas) -> None:
    scene = canvas.prepare(points=0)
    scene.replace("0.5")
    assert scene.state()["score"] == 0


# Section 4.2: precedence


def test_the_total_beats_the_fraction(scene: Scene) -> None:
    scene.replace("0.5", total_xml("9"))
    assert scene.state()["score"] == 9


def test_a_fraction_out_of_range_does_not_matter_beside_a_total(scene: Scene) -> None:
    assert scene.replace("7", total_xml("9")).status == 200


@pytest.mark.parametrize(
    ("fraction", "total", "code"),
    [
        ("x", "9", "no_parseable_result_score"),
        ("0.5", "x", "no_parseable_result_total_score"),
        ("x", "y", "no_parseable_result_score"),
    ],
)
def test_either_score_that_does_not_parse_fails_both(scene: Scene, fraction: str, total: str, code: str) -> None:
    assert scene.replace(fraction, total_xml(total)).code == code


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"ltiLaunchUrl": "https://t.example.org/l"}, "basic_lti_launch"),
        (
            {
                "ltiLaunchUrl": "https://t.example.org/l",
                "downloadUrl": "https://t.example.org/f",
                "documentName": "f.docx",
            },
            "online_upload",
        ),
        (
            {"downloadUrl": "https://t.example.org/f", "documentName": "f", "url": "https://t.example.org/u"},
            "online_url",
        ),
        ({"url": "https://t.example.org/u", "text": "t"}, "online_text_entry"),
        ({"url": "https://t.example.org/u", "text": ""}, "online_text_entry"),
    ],
)
def test_the_first_kind_of_data_is_used(scene: Scene, data: dict[str, str], kind: str) -> None:
    assert scene.replace("0.5", data_xml(**data)).status == 200
    assert scene.state()["submission_type"] == kind


@pytest.mark.parametrize("name", ["downloadUrl", "documentName"])
def test_half_a_file_is_none(scene: Scene, name: str) -> None:
    assert scene.replace(inside=data_xml(**{name: "x"})).code == "no_score"


# Section 4.3: what is done


def test_the_first_score_hands_in_tool_work_and_the_next_does_not(canvas: Canvas, scene: Scene) -> None:
    scene.replace("0.5")
    first = scene.state()
    canvas.clock.forward(minutes=1)
    scene.replace("0.7")
    second = scene.state()
    assert (first["attempt"], first["submission_type"], first["score"]) == (1, "external_tool", 5)
    assert (second["attempt"], second["submitted_at"], second["score"]) == (1, first["submitted_at"], 7)


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"text": "t"}, "body"),
        ({"url": "https://t.example.org/u"}, "url"),
        ({"ltiLaunchUrl": "https://t.example.org/l"}, "url"),
    ],
)
def test_data_is_a_new_attempt_each_time(canvas: Canvas, data: dict[str, str], field: str) -> None:
    scene = canvas.prepare(submission_type="online_url")
    for _ in range(2):
        canvas.clock.forward(seconds=1)
        scene.replace("0.5", data_xml(**data))
    state = scene.state()
    assert (state["attempt"], state[field]) == (3, next(iter(data.values())))
    assert [version["attempt"] for version in state["history"]] == [1, 2, 3]


def test_the_same_time_twice_is_one_attempt(scene: Scene) -> None:
    details = "<submittedAt>2026-02-01T08:00:00Z</submittedAt>"
    for text in ("a", "b"):
        scene.replace("0.5", data_xml(text=text), details)
    state = scene.state()
    assert (state["attempt"], state["body"]) == (1, "b")


def test_a_file_is_attached_under_its_name(scene: Scene) -> None:
    scene.replace(inside=data_xml(downloadUrl="https://t.example.org/f", documentName="f.docx"))
    (file,) = scene.state()["attachments"]
    assert (file["url"], file["title"]) == ("https://t.example.org/f", "f.docx")


def test_data_without_score_leaves_the_grade(canvas: Canvas) -> None:
    scene = canvas.prepare(tool_score=5, submission_type="external_tool")
    assert scene.replace(inside=data_xml(text="t")).status == 200
    state = scene.state()
    assert (state["score"], state["score_matches_submission"], state["workflow_state"]) == (5, False, "submitted")


def test_there_is_no_limit_of_attempts(canvas: Canvas) -> None:
    scene = canvas.prepare(allowed_attempts=1, attempts_made=1)
    assert scene.replace("0.5", data_xml(text="t")).status == 200


def test_the_same_score_again_can_stop_before_it_saves(canvas: Canvas) -> None:
    scene = canvas.prepare(teacher_score=5, submission_type="external_tool")
    canvas.order("switch", unchanged_score_stops=True)
    scene.replace("0.5", data_xml(text="t"))
    state = scene.state()
    assert (state["graded_by"], state["workflow_state"]) == ("person", "submitted")
    canvas.order("switch", unchanged_score_stops=False)
    scene.replace("0.5")
    state = scene.state()
    assert (state["graded_by"], state["workflow_state"]) == ("tool", "graded")


# Section 4.4: submittedAt


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-16T18:54:36.736+00:00", "2026-01-16T18:54:36.736Z"),
        ("\n  2026-01-16T18:54:36.736+02:00  \n", "2026-01-16T16:54:36.736Z"),
        ("2026-01-16", "2026-01-16T00:00:00.000Z"),
        ("April 16 2017 10:00", "2017-04-16T10:00:00.000Z"),
        ("", "now"),
    ],
)
def test_submitted_at_is_read_generously(scene: Scene, text: str, moment: str) -> None:
    assert scene.replace("0.5", details=f"<submittedAt>{text}</submittedAt>").status == 200
    expected = iso_milliseconds(scene.canvas.clock.now) if moment == "now" else moment
    assert scene.state()["submitted_at"] == expected


def test_submitted_at_must_be_a_time_and_not_ahead(canvas: Canvas, scene: Scene) -> None:
    answer = scene.replace("0.5", details="<submittedAt>soon</submittedAt>")
    assert answer.code == "timestamp_not_parseable"
    assert answer.text("imsx_description").startswith("Invalid timestamp - timestamp not parseable\n[EID_")
    far = iso_milliseconds(canvas.clock.now + timedelta(seconds=61))
    assert scene.replace("0.5", details=f"<submittedAt>{far}</submittedAt>").code == "timestamp_in_future"
    assert scene.state()["attempt"] == 0
    near = iso_milliseconds(canvas.clock.now + timedelta(seconds=59))
    assert scene.replace("0.5", details=f"<submittedAt>{near}</submittedAt>").status == 200


def test_a_timestamp_failure_overwrites_a_score_failure(scene: Scene) -> None:
    assert scene.replace("x", details="<submittedAt>soon</submittedAt>").code == "timestamp_not_parseable"


def test_submitted_at_is_ignored_when_nothing_is_handed_in(canvas: Canvas) -> None:
    scene = canvas.prepare(submission_type="external_tool")
    before = scene.state()["submitted_at"]
    scene.replace("0.5", details="<submittedAt>2026-01-01</submittedAt>")
    assert scene.state()["submitted_at"] == before


@pytest.mark.parametrize("details", ["", "<submittedAt>2026-01-01</submittedAt>", "<needsAdditionalReview/>"])
def test_neither_score_nor_data_is_no_score(scene: Scene, details: str) -> None:
    answer = scene.replace(details=details)
    assert answer.code == "no_score"
    assert answer.text("imsx_description").startswith("No score given\n[EID_")


# Section 4.5: prioritizeNonToolGrade

PRIORITIZE = "<prioritizeNonToolGrade>false</prioritizeNonToolGrade>"


def test_a_persons_grade_is_kept_and_the_work_is_taken(canvas: Canvas) -> None:
    scene = canvas.prepare(teacher_score=8)
    assert scene.replace("0.5", data_xml(text="t"), PRIORITIZE).status == 200
    state = scene.state()
    assert (state["score"], state["graded_by"], state["body"]) == (8, "person", "t")


def test_a_tools_grade_is_overwritten(canvas: Canvas) -> None:
    scene = canvas.prepare(tool_score=8, submission_type="external_tool")
    scene.replace("0.5", details=PRIORITIZE)
    assert scene.state()["score"] == 5


def test_a_skipped_score_is_not_checked_but_must_parse(canvas: Canvas) -> None:
    scene = canvas.prepare(teacher_score=8)
    assert scene.replace("7", data_xml(text="t"), PRIORITIZE).status == 200
    assert scene.replace("x", data_xml(text="t"), PRIORITIZE).code == "no_parseable_result_score"


def test_a_skipped_score_without_work_is_nothing_to_do(canvas: Canvas) -> None:
    scene = canvas.prepare(teacher_score=8, submission_type="external_tool")
    answer = scene.replace("0.5", details=PRIORITIZE)
    assert answer.code == "no_submission_created"
    text = "This outcome request failed to create a new homework submission.\n[EID_"
    assert answer.text("imsx_description").startswith(text)


def test_a_skipped_score_makes_a_missing_submission(canvas: Canvas) -> None:
    scene = canvas.prepare(teacher_score=8)
    assert scene.replace("0.5", details=PRIORITIZE).status == 200
    state = scene.state()
    assert (state["submission_type"], state["score"]) == ("external_tool", 8)


# Section 4.6: needsAdditionalReview


def test_review_is_asked_for_as_documented(scene: Scene) -> None:
    scene.replace("0.5", details="<needsAdditionalReview/>")
    assert (scene.state()["needs_review"], scene.state()["score"]) == (True, 5)
    scene.replace("0.6")
    assert scene.state()["needs_review"] is False


def test_review_can_be_ignored_as_the_general_code_does(canvas: Canvas, scene: Scene) -> None:
    canvas.order("switch", needs_review_honoured=False)
    scene.replace("0.5", details="<needsAdditionalReview/>")
    assert scene.state()["needs_review"] is False


def test_a_teachers_grade_ends_the_review(scene: Scene) -> None:
    scene.replace("0.5", details="<needsAdditionalReview/>")
    scene.grade(6)
    assert scene.state()["needs_review"] is False


# Section 4.7: no points


@pytest.mark.parametrize(("inside", "grade"), [(fraction_xml("0.75"), "75%"), (total_xml("37.5"), "37.5")])
def test_blank_points_fail_and_leave_a_comment(canvas: Canvas, inside: str, grade: str) -> None:
    scene = canvas.prepare(points=None)
    answer = scene.replace(inside=inside)
    assert answer.code == "no_points_possible"
    assert answer.text("imsx_description").startswith("Assignment has no points possible.\n[EID_")
    (comment,) = scene.state()["comments"]
    assert f"as {grade}, but" in comment
    assert scene.state()["attempt"] == 0


def test_blank_points_do_not_matter_for_pass_fail_or_data_alone(canvas: Canvas) -> None:
    assert canvas.prepare(points=None, grading_type="pass_fail").replace("1").status == 200
    assert canvas.prepare(points=None).replace(inside=data_xml(text="t")).status == 200


# Section 5: readResult


@pytest.mark.parametrize(
    ("points", "score", "text"),
    [
        (10, 4, "0.4"),
        (10, 10, "1.0"),
        (10, 0, "0.0"),
        (3, 1, "0.3333"),
        (3, 2, "0.6667"),
        (10, 15, "1.5"),
        (0, 50, "0.5"),
        (None, 50, "0.5"),
    ],
)
def test_the_score_is_read_as_a_fraction(canvas: Canvas, points: Any, score: int, text: str) -> None:
    assert canvas.prepare(points=points, teacher_score=score).read() == text


def test_no_score_is_read_as_empty_text_and_success(scene: Scene) -> None:
    assert scene.read() == ""


def test_reading_after_a_late_deduction_gives_the_lower_score(canvas: Canvas) -> None:
    scene = canvas.prepare(due_at="2026-02-01T00:00:00Z", late_deduction_percent=10)
    scene.replace("0.92")
    assert scene.read() == "0.82"


# Section 6: deleteResult


def test_delete_clears_any_grade_and_keeps_the_work(canvas: Canvas) -> None:
    scene = canvas.prepare(teacher_score=8, submission_type="online_text_entry")
    answer = scene.outcome("deleteResult")
    assert (answer.status, answer.code) == (200, "success")
    assert b"<deleteResultResponse/>" in answer.response.body
    state = scene.state()
    assert (state["score"], state["graded_by"], state["attempt"], state["body"]) == (
        None,
        "tool",
        1,
        "An earlier text.",
    )
    assert state["workflow_state"] == "submitted"
    # Not mirrored in the Result (section 6).
    assert state["result_score"] == 8


def test_delete_succeeds_when_there_is_nothing(scene: Scene) -> None:
    assert scene.outcome("deleteResult").status == 200
    assert scene.state()["workflow_state"] == "unsubmitted"


# Section 7: answers


def test_the_answer_has_canvas_shape(scene: Scene) -> None:
    answer = scene.replace("0.5")
    assert answer.response.header("Content-Type") == "application/xml; charset=utf-8"
    assert answer.response.body.startswith(b"<?xml version='1.0' encoding='UTF-8'?>")
    root = etree.fromstring(answer.response.body)
    told = {str(element.tag).partition("}")[2]: element.text for element in root.iter()}
    assert told == {
        "imsx_POXEnvelopeResponse": None,
        "imsx_POXHeader": None,
        "imsx_POXResponseHeaderInfo": None,
        "imsx_version": "V1.0",
        "imsx_messageIdentifier": None,
        "imsx_statusInfo": None,
        "imsx_codeMajor": "success",
        "imsx_severity": "status",
        "imsx_description": None,
        "imsx_messageRefIdentifier": "msg-1",
        "imsx_operationRefIdentifier": "replaceResult",
        "imsx_POXBody": None,
        "replaceResultResponse": None,
    }


def test_a_failure_names_its_operation_and_keeps_the_severity(scene: Scene) -> None:
    answer = scene.replace("7")
    assert (answer.text("imsx_codeMajor"), answer.text("imsx_severity")) == ("failure", "status")
    assert b"<imsx_POXBody><replaceResultResponse/></imsx_POXBody>" in answer.response.body


def test_characters_that_xml_cannot_carry_are_left_out(scene: Scene) -> None:
    answer = scene.replace("a&#x7f;")
    assert answer.code == "no_parseable_result_score"


def test_unsupported_has_canvas_words(scene: Scene) -> None:
    assert scene.outcome("readPerson").text("imsx_description").startswith(f"{UNSUPPORTED}\n[EID_")


# Section 7.2: sourcedids


@pytest.mark.parametrize("sourcedid", ["", "x", "1-2-3-4", "1-2-3-4-abc-5", f"{'9' * 30}-2-3-4-abc"])
def test_a_strange_sourcedid_is_invalid(scene: Scene, sourcedid: str) -> None:
    answer = scene.outcome("readResult", sourcedid=sourcedid)
    assert (answer.code, answer.text("imsx_description").partition("\n")[0]) == (
        "sourcedid_invalid",
        "Invalid sourcedid",
    )


def test_a_missing_sourcedid_is_invalid(scene: Scene) -> None:
    body = scene.envelope("readResult")
    assert scene.post_xml(body.replace("sourcedGUID", "other")).code == "sourcedid_invalid"
    assert scene.post_xml(body.replace("sourcedId", "other")).code == "sourcedid_invalid"


def test_a_sourcedid_with_a_wrong_signature_is_told(scene: Scene) -> None:
    ids, _, _ = scene.told["lti11"]["sourcedid"].rpartition("-")
    answer = scene.outcome("readResult", sourcedid=f"{ids}-{'0' * 40}")
    assert (answer.code, answer.text("imsx_description").partition("\n")[0]) == (
        "signature_invalid",
        "Invalid signature",
    )


def test_another_tools_sourcedid_is_refused(canvas: Canvas, scene: Scene) -> None:
    other = canvas.prepare(consumer_key="other")
    answer = scene.outcome("readResult", sourcedid=other.told["lti11"]["sourcedid"])
    assert (answer.code, answer.text("imsx_description").partition("\n")[0]) == ("tool_invalid", "Tool is invalid")


def rewritten(scene: Scene, change: str) -> Scene:
    """Change the saved state in a way that the control door has no order for."""
    saved = json.loads(scene.canvas.simulator.dump())
    course = saved["courses"][str(scene.told["course_id"])]
    assignment = course["assignments"][str(scene.told["assignment_id"])]
    if change == "no course":
        del saved["courses"][str(scene.told["course_id"])]
    elif change == "another tool":
        assignment["legacy_tool_id"] = None
    else:
        assignment["deleted"] = True
    scene.canvas.simulator = type(scene.canvas.simulator).load(json.dumps(saved), scene.canvas.clock)
    return scene


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ("no course", "course_invalid", "Course is invalid"),
        ("deleted", "assignment_invalid", "Assignment is invalid"),
        ("another tool", "assignment_tool_mismatch", "Assignment is no longer associated with this tool"),
    ],
)
def test_what_a_sourcedid_points_to_must_be_there(scene: Scene, change: str, code: str, text: str) -> None:
    answer = rewritten(scene, change).outcome("readResult")
    assert (answer.code, answer.text("imsx_description").partition("\n")[0]) == (code, text)


@pytest.mark.parametrize("kind", ["inactive", "concluded", "teacher", "unknown", "removed"])
def test_only_active_students_have_outcomes(canvas: Canvas, kind: str) -> None:
    answer = canvas.prepare(student=kind).outcome("readResult")
    assert (answer.code, answer.text("imsx_description").partition("\n")[0]) == (
        "user_not_in_course",
        "User is no longer in course",
    )


def test_a_student_can_leave_and_come_back(canvas: Canvas, scene: Scene) -> None:
    for action, code in (("remove", "user_not_in_course"), ("restore", "success"), ("conclude", "user_not_in_course")):
        canvas.order("student", handle=scene.handle, action=action)
        assert scene.outcome("readResult").code == code


def test_the_test_students_score_is_read_back(canvas: Canvas) -> None:
    scene = canvas.prepare(student="test")
    scene.replace("0.5")
    assert scene.read() == "0.5"


# Sections 7.3 and 7.4


@pytest.mark.parametrize("operation", ["replaceResult", "deleteResult"])
def test_a_concluded_course_refuses_writes_and_allows_reads(canvas: Canvas, operation: str) -> None:
    scene = canvas.prepare(concluded=True, teacher_score=4)
    answer = scene.outcome(operation, fraction_xml("0.5"))
    assert (answer.code, answer.text("imsx_description").partition("\n")[0]) == (
        "course_not_available",
        "Course not available for student",
    )
    assert scene.read() == "0.4"


def test_a_later_section_keeps_passback_open(canvas: Canvas) -> None:
    assert canvas.prepare(concluded=True, student="later_section").replace("0.5").status == 200


def test_an_unpublished_assignment_fails_in_json_after_the_work(canvas: Canvas) -> None:
    scene = canvas.prepare(published=False)
    answer = scene.replace("0.5")
    assert (answer.status, answer.response.header("Content-Type").partition(";")[0]) == (422, "application/json")
    assert scene.state()["attempt"] == 1
    assert scene.state()["score"] is None


def test_an_invalid_url_fails_in_json(scene: Scene) -> None:
    answer = scene.replace("0.5", data_xml(url="not a url"))
    assert (answer.status, answer.message) == (422, "is not a valid URL")


# Section 9: the form-encoded door


def post_form(scene: Scene, kind: str, signed: bool = True, **fields: str) -> tuple[int, dict[str, str | None]]:
    form = {"lti_message_type": kind, "sourcedid": scene.told["lti11"]["sourcedid"], **fields}
    body = urlencode(form).encode()
    url = scene.told["lti11"]["ext_outcome_url"]
    secret = {} if signed else {"secret": "wrong"}
    answer = scene.canvas.send("POST", url, body, headers=scene.sign(body, url, media_type=oauth1.FORM_TYPE, **secret))
    if answer.status != 200:
        return answer.status, {}
    root = etree.fromstring(answer.body)
    assert root.tag == "message_response"
    return answer.status, {str(element.tag): element.text for element in root.iter() if not len(element)}


def test_a_form_updates_reads_and_deletes(scene: Scene) -> None:
    plain = {"codemajor": "Success", "severity": "Status", "codeminor": "fullsuccess"}
    assert post_form(scene, "basic-lis-readresult") == (200, plain)
    assert post_form(scene, "basic-lis-UPDATEresult", result_resultscore_textstring="0.5") == (200, plain)
    assert scene.state()["score"] == 5
    read = {"resultvaluesourcedid": "decimal", "textstring": "0.5", "language": "en-US"}
    sourcedid = scene.told["lti11"]["sourcedid"]
    assert post_form(scene, "basic-lis-readresult") == (200, {**plain, "sourcedid": sourcedid, **read})
    assert post_form(scene, "basic-lis-deleteresult") == (200, plain)
    assert scene.state()["score"] is None


def test_a_form_answers_200_whatever_happened(scene: Scene) -> None:
    status, told = post_form(scene, "basic-lis-updateresult", result_resultscore_textstring="7")
    assert (status, told["codemajor"], told["codeminor"]) == (200, "Failure", "fullsuccess")
    assert post_form(scene, "basic-lis-dance")[1]["codemajor"] == "Unsupported"
    assert post_form(scene, "basic-lis-readresult", sourcedid="x")[1]["codemajor"] == "Failure"


def test_a_form_with_a_bad_signature_is_401(scene: Scene) -> None:
    assert post_form(scene, "basic-lis-readresult", signed=False)[0] == 401
