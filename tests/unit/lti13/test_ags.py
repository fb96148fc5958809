import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from chalicelib.errors import HostRefused, PlatformRefused, PlatformUnavailable, Trouble
from chalicelib.lti13.ags import AgsClient
from chalicelib.lti13.profiles import RefusalKind
from chalicelib.lti13.registrations import Platform
from chalicelib.lti13.scores import ActivityProgress, GradingProgress, LineItem, ListedLineItem, Result, Score
from chalicelib.lti13.tokens import StoredToken, TokenSource, token_key

from .builders import (
    CANVAS_SCHOOL,
    GENERIC_SCHOOL,
    LINE_ITEM,
    MOODLE_SCHOOL,
    Answer,
    MemoryTokens,
    Script,
    deadline,
    signer,
    token_answer,
    transport,
)
from .clocks import FakeClock

OLDER_SCHOOL = replace(CANVAS_SCHOOL, profile="canvas-older")
MOODLE_LINE_ITEM = "https://school.example/mod/lti/services.php/2/lineitems/5/lineitem?type_id=3"
SCORE = Score(
    user_id="5b1f8a2e-3c77-4e0a-9a55-0d3a0f7f6f11",
    timestamp=datetime(2026, 2, 3, 10, 15, 30, 123000, tzinfo=UTC),
    activity_progress=ActivityProgress.COMPLETED,
    grading_progress=GradingProgress.FULLY_GRADED,
    score_given=Decimal("0.92333333333333333333"),
    score_maximum=Decimal(1),
)


class Ags:
    """The client, with a token at hand, in front of a list of answers."""

    def __init__(self, *answers: Answer, platform: Platform = CANVAS_SCHOOL) -> None:
        self.clock = FakeClock()
        self.script = Script(*answers)
        self.platform = platform
        table = MemoryTokens()
        for known in (CANVAS_SCHOOL, OLDER_SCHOOL, MOODLE_SCHOOL, GENERIC_SCHOOL):
            table.put(token_key(known), StoredToken("token-0", 2**60, 0))
        calls = transport(self.script, self.clock)
        self.client = AgsClient(calls, TokenSource(calls, signer(self.clock), table, self.clock))

    def post(self, url: str = LINE_ITEM) -> None:
        self.client.post_score(self.platform, url, SCORE, deadline(self.clock))

    def result(self, user_id: str = "u", url: str = LINE_ITEM) -> Result | None:
        return self.client.read_result(self.platform, url, user_id, deadline(self.clock))

    def line_item(self) -> LineItem:
        return self.client.read_line_item(self.platform, LINE_ITEM, deadline(self.clock))

    @property
    def sent(self) -> httpx.Request:
        return self.script.requests[-1]


def refused(*answers: Answer, platform: Platform = CANVAS_SCHOOL) -> PlatformRefused:
    with pytest.raises(PlatformRefused) as raised:
        Ags(*answers, platform=platform).post()
    return raised.value


def unavailable(*answers: Answer, platform: Platform = CANVAS_SCHOOL) -> PlatformUnavailable:
    with pytest.raises(PlatformUnavailable) as raised:
        Ags(*answers, platform=platform).post()
    return raised.value


def said(status: int, message: str) -> httpx.Response:
    return httpx.Response(status, json={"errors": {"type": "unprocessable_entity", "message": message}})


def moodle(status: int, phrase: str = "", body: bytes = b"[]") -> httpx.Response:
    return httpx.Response(status, content=body, extensions={"reason_phrase": phrase.encode()})


def rows(*rows: dict[str, Any], link: str = "") -> httpx.Response:
    return httpx.Response(200, json=list(rows), headers=[(b"Link", link.encode())] if link else [])


def test_a_score_is_posted_with_its_exact_media_type_and_the_token() -> None:
    ags = Ags(httpx.Response(200, json={"resultUrl": "x"}))
    ags.post()
    assert (ags.sent.method, str(ags.sent.url)) == ("POST", f"{LINE_ITEM}/scores")
    assert ags.sent.headers["content-type"] == "application/vnd.ims.lis.v1.score+json"
    assert ags.sent.headers["authorization"] == "Bearer token-0"


def test_a_score_is_posted_with_all_its_digits() -> None:
    ags = Ags(httpx.Response(200))
    ags.post()
    posted = json.loads(ags.sent.content, parse_float=Decimal)
    assert posted["scoreGiven"] == Decimal("0.92333333333333333333")


def test_a_moodle_score_goes_to_the_path_before_the_query() -> None:
    ags = Ags(httpx.Response(200), platform=MOODLE_SCHOOL)
    ags.post(MOODLE_LINE_ITEM)
    assert str(ags.sent.url).endswith("/lineitem/scores?type_id=3")


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_2xx_means_that_the_score_was_taken(status: int) -> None:
    ags = Ags(httpx.Response(status))
    ags.post()
    assert len(ags.script.requests) == 1


@pytest.mark.parametrize("platform", [CANVAS_SCHOOL, GENERIC_SCHOOL])
def test_a_200_with_an_empty_list_is_taken_where_it_is_no_refusal(platform: Platform) -> None:
    ags = Ags(moodle(200), platform=platform)
    ags.post()
    assert len(ags.script.requests) == 1


def test_a_200_with_an_empty_list_is_moodles_refusal() -> None:
    refusal = refused(moodle(200, body=b"[]\n"), platform=MOODLE_SCHOOL)
    assert (refusal.kind, refusal.status) == (RefusalKind.OTHER, 200)


@pytest.mark.parametrize("body", [b"", b"null"])
def test_moodles_success_has_an_empty_body(body: bytes) -> None:
    ags = Ags(moodle(200, body=body), platform=MOODLE_SCHOOL)
    ags.post()
    assert len(ags.script.requests) == 1


def test_a_refusal_carries_kind_status_and_words() -> None:
    refusal = refused(said(422, "User not found in course or is not a student"))
    assert (refusal.kind, refusal.status) == (RefusalKind.USER_NOT_IN_COURSE, 422)
    assert refusal.words == "User not found in course or is not a student"


def test_moodles_words_are_in_the_reason_phrase() -> None:
    refusal = refused(moodle(409, "Refusing score with an earlier timestamp"), platform=MOODLE_SCHOOL)
    assert refusal.kind is RefusalKind.STALE_TIMESTAMP
    assert refusal.words == "Refusing score with an earlier timestamp"


def test_a_score_posted_to_an_unpublished_assignment_of_older_canvas_left_a_submission() -> None:
    answer = httpx.Response(
        422,
        json={
            "errors": [
                {"field": "grade", "message": "cannot be changed at this time: This assignment is still unpublished"}
            ]
        },
    )
    assert refused(answer, platform=OLDER_SCHOOL).kind is RefusalKind.UNPUBLISHED_AFTER_SUBMIT


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_5xx_and_a_408_may_have_stored_the_score(status: int) -> None:
    failure = unavailable(httpx.Response(status, text="oops"))
    assert (failure.maybe_applied, failure.status) == (True, status)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (httpx.Response(502), Trouble.UNREACHABLE),
        (httpx.Response(503, text="<html>"), Trouble.UNREACHABLE),
        (httpx.ReadTimeout("slow"), Trouble.UNREACHABLE),
        (httpx.Response(500, text="oops"), Trouble.ERROR),
        (httpx.Response(504), Trouble.ERROR),
        (httpx.Response(408), Trouble.ERROR),
        (httpx.Response(200, text="<html>Maintenance</html>"), Trouble.ERROR),
        (httpx.Response(403, text="403 Forbidden (Rate Limit Exceeded)\n"), Trouble.THROTTLED),
        (httpx.Response(429), Trouble.THROTTLED),
    ],
    ids=str,
)
def test_a_failure_for_now_tells_what_the_platform_is_like(answer: Answer, cause: Trouble) -> None:
    assert unavailable(answer).cause is cause


@pytest.mark.parametrize("token_error", [httpx.Response(500), httpx.ConnectError("refused")])
def test_a_score_that_wants_a_new_token_and_gets_none_is_token_trouble(token_error: Answer) -> None:
    assert unavailable(said(401, "Access token expired"), token_error).cause is Trouble.TOKEN


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "uploading to file service failed with 400: bad"),
        (500, "uploading to file service failed with 502: bad"),
        (504, "failed to communicate with file service"),
        (504, "file url timed out"),
    ],
)
def test_a_file_error_is_a_refusal_whatever_its_status(status: int, message: str) -> None:
    assert refused(said(status, message)).kind is RefusalKind.FILE_ERROR


def test_moodles_500_with_an_empty_list_is_final() -> None:
    refusal = refused(moodle(500, "Internal Server Error"), platform=MOODLE_SCHOOL)
    assert (refusal.kind, refusal.status) == (RefusalKind.OTHER, 500)


@pytest.mark.parametrize(("status", "body"), [(500, b"<html>"), (503, b"[]")])
def test_moodles_other_5xx_are_not(status: int, body: bytes) -> None:
    assert unavailable(moodle(status, body=body), platform=MOODLE_SCHOOL).maybe_applied


def test_a_500_with_an_empty_list_is_final_on_moodle_only() -> None:
    assert unavailable(moodle(500)).status == 500


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(403, text="403 Forbidden (Rate Limit Exceeded)\n"),
        httpx.Response(429, text="429 Too Many Requests (Rate Limit Exceeded)"),
        httpx.Response(429),
    ],
)
def test_a_throttled_score_was_surely_not_stored(answer: httpx.Response) -> None:
    failure = unavailable(answer)
    assert (failure.maybe_applied, failure.status) == (False, answer.status_code)


def test_a_403_with_an_empty_quota_header_is_a_real_one_without_the_text() -> None:
    answer = httpx.Response(403, text="forbidden", headers={"X-Rate-Limit-Remaining": "0.0"})
    assert refused(answer).status == 403


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_a_final_refusal_and_is_not_followed(status: int) -> None:
    answer = httpx.Response(status, headers={"Location": "https://elsewhere.example/scores"})
    refusal = refused(answer)
    assert refusal.kind is RefusalKind.OTHER
    assert "elsewhere.example" in refusal.words


def test_no_answer_may_have_stored_the_score() -> None:
    failure = unavailable(httpx.RemoteProtocolError("Server disconnected without sending a response."))
    assert failure.maybe_applied is True


def test_a_malformed_status_line_is_moodles_refusal() -> None:
    error = httpx.RemoteProtocolError("illegal status line: bytearray(b'HTTP/1.0 0 ')")
    refusal = refused(error, platform=MOODLE_SCHOOL)
    assert (refusal.kind, refusal.status) == (RefusalKind.OTHER, 0)


def test_a_malformed_status_line_of_another_platform_is_no_refusal() -> None:
    assert unavailable(httpx.RemoteProtocolError("illegal status line: bytearray(b'x')")).maybe_applied


def test_a_disconnection_is_no_refusal_on_moodle_either() -> None:
    error = httpx.RemoteProtocolError("Server disconnected without sending a response.")
    assert unavailable(error, platform=MOODLE_SCHOOL).maybe_applied


def test_a_401_gets_one_new_token_and_one_more_try() -> None:
    ags = Ags(said(401, "Access token expired"), token_answer("token-1"), httpx.Response(200))
    ags.post()
    assert ags.sent.headers["authorization"] == "Bearer token-1"
    assert len(ags.script.requests) == 3


def test_a_second_401_is_final() -> None:
    expired = said(401, "Access token expired")
    ags = Ags(expired, token_answer("token-1"), expired)
    with pytest.raises(PlatformRefused) as raised:
        ags.post()
    assert raised.value.kind is RefusalKind.TOOL_MISMATCH
    assert len(ags.script.requests) == 3


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Access Token not linked to a Tool associated with this Context", RefusalKind.TOOL_MISMATCH),
        ("Unknown or inactive Developer Key", RefusalKind.TOOL_MISMATCH),
        ("Invalid Developer Key", RefusalKind.TOOL_MISMATCH),
        ("Insufficient permissions", RefusalKind.SCOPE_MISSING),
    ],
)
def test_a_401_that_is_not_about_the_token_is_final_at_once(message: str, kind: RefusalKind) -> None:
    assert refused(said(401, message)).kind is kind


def test_when_there_is_no_new_token_the_score_was_surely_not_stored() -> None:
    assert unavailable(said(401, "Access token expired"), httpx.Response(503)).maybe_applied is False


def test_the_token_never_comes_back_in_an_error() -> None:
    refusal = refused(httpx.Response(400, text="bad header: token-0 was sent"))
    assert refusal.words == "bad header: [hidden] was sent"


@pytest.mark.parametrize(
    "url", ["https://evil.example/li/7", "http://school.example/li/7", "https://[bad/li/7", "li/7"]
)
def test_a_line_item_elsewhere_is_refused_and_nothing_is_sent(url: str) -> None:
    ags = Ags()
    with pytest.raises(HostRefused):
        ags.post(url)
    assert ags.script.requests == []


def test_a_result_is_asked_for_by_user_and_media_type() -> None:
    ags = Ags(rows({"userId": "u", "resultScore": 0.5, "resultMaximum": 1}))
    assert ags.result() == Result(Decimal("0.5"), Decimal(1))
    assert str(ags.sent.url) == f"{LINE_ITEM}/results?user_id=u"
    assert ags.sent.headers["accept"] == "application/vnd.ims.lis.v2.resultcontainer+json"


def test_no_row_is_no_result() -> None:
    assert Ags(rows()).result() is None


def test_the_row_of_the_user_counts_among_those_of_everybody() -> None:
    everybody = rows({"userId": "x", "resultScore": 1}, {"userId": "u", "resultScore": 0}, {"userId": "y"})
    assert Ags(everybody, platform=GENERIC_SCHOOL).result() == Result(Decimal(0), None)


def test_moodles_rows_of_everybody_are_not_the_users() -> None:
    everybody = rows({"userId": "3", "resultScore": 10}, {"userId": "4", "resultScore": 20})
    assert Ags(everybody, platform=MOODLE_SCHOOL).result("not-a-number") is None


@pytest.mark.parametrize("platform", [MOODLE_SCHOOL, GENERIC_SCHOOL])
def test_a_single_row_of_somebody_else_is_not_the_users(platform: Platform) -> None:
    assert Ags(rows({"userId": "x", "resultScore": 1}), platform=platform).result() is None


@pytest.mark.parametrize("platform", [CANVAS_SCHOOL, OLDER_SCHOOL])
def test_canvas_answers_a_numeric_id_under_the_lti_id(platform: Platform) -> None:
    answer = rows({"userId": "5b1f8a2e-3c77-4e0a-9a55-0d3a0f7f6f11", "resultScore": 1})
    assert Ags(answer, platform=platform).result("4711") == Result(Decimal(1), None)


def test_of_several_rows_under_other_ids_none_is_the_users_on_canvas_either() -> None:
    assert Ags(rows({"userId": "x", "resultScore": 1}, {"userId": "y"})).result() is None


def test_a_single_row_with_more_to_come_is_not_taken_for_the_users() -> None:
    first = rows({"userId": "x", "resultScore": 1}, link=f'<{LINE_ITEM}/results?page=2>; rel="next"')
    assert Ags(first, rows({"userId": "u", "resultScore": 2})).result() == Result(Decimal(2), None)


def test_pages_are_followed_until_the_user_is_found() -> None:
    ags = Ags(
        rows({"userId": "x"}, link=f"<{LINE_ITEM}/results?page=2>; rel=“next”"),
        rows({"userId": "u", "resultScore": 3}, link=f'<{LINE_ITEM}/results?page=3>; rel="next"'),
        platform=GENERIC_SCHOOL,
    )
    assert ags.result() == Result(Decimal(3), None)
    assert ags.script.urls[1] == f"{LINE_ITEM}/results?page=2"


def test_the_next_page_keeps_to_the_registered_hosts() -> None:
    ags = Ags(rows(link='<https://evil.example/p2>; rel="next"'))
    with pytest.raises(HostRefused):
        ags.result()
    assert len(ags.script.requests) == 1


def test_pages_without_end_are_given_up() -> None:
    ags = Ags(*[rows(link=f'<{LINE_ITEM}/results>; rel="next"') for _ in range(21)])
    with pytest.raises(PlatformUnavailable, match="20 pages"):
        ags.result()
    assert len(ags.script.requests) == 20


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>maintenance</html>"),
        httpx.Response(200, json={"userId": "u"}),
        httpx.Response(200, json=[{"userId": "u", "resultScore": "many"}]),
        httpx.Response(204),
        rows(link="<https://[bad>; rel=next"),
    ],
)
def test_results_that_cannot_be_read_may_pass(answer: httpx.Response) -> None:
    with pytest.raises(PlatformUnavailable, match="cannot be read") as raised:
        Ags(answer).result()
    assert raised.value.maybe_applied is False


@pytest.mark.parametrize("error", [httpx.Response(502), httpx.ReadTimeout("slow")])
def test_a_failed_read_changed_nothing(error: httpx.Response | Exception) -> None:
    with pytest.raises(PlatformUnavailable) as raised:
        Ags(error).result()
    assert raised.value.maybe_applied is False


def test_results_of_a_concluded_course_are_refused() -> None:
    with pytest.raises(PlatformRefused) as raised:
        Ags(said(422, "This course has concluded. AGS requests will no longer be accepted for this course.")).result()
    assert raised.value.kind is RefusalKind.COURSE_CONCLUDED


def test_a_line_item_is_read_with_its_exact_maximum() -> None:
    ags = Ags(httpx.Response(200, text='{"id": "x", "label": "Quiz", "scoreMaximum": 10.10}'))
    assert ags.line_item() == LineItem(LINE_ITEM, Decimal("10.10"), "Quiz")
    assert (ags.sent.method, str(ags.sent.url)) == ("GET", LINE_ITEM)
    assert ags.sent.headers["accept"] == "application/vnd.ims.lis.v2.lineitem+json"


def test_a_line_item_that_cannot_be_read_may_pass() -> None:
    with pytest.raises(PlatformUnavailable, match="cannot be read"):
        Ags(httpx.Response(200, text="[]")).line_item()


def test_a_line_item_that_is_gone_is_not_found() -> None:
    with pytest.raises(PlatformRefused) as raised:
        Ags(httpx.Response(404)).line_item()
    assert raised.value.kind is RefusalKind.NOT_FOUND


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><title>Maintenance</title>", b"\r\n <html>Please sign in</html>"])
def test_a_page_with_a_good_status_is_not_the_platforms_yes(body: bytes) -> None:
    with pytest.raises(PlatformUnavailable, match="page") as raised:
        Ags(httpx.Response(200, content=body)).post()
    assert raised.value.maybe_applied is True


@pytest.mark.parametrize("body", [b"", b"{}", b'{"resultUrl": "https://canvas.example.edu/r/1"}', b"OK"])
def test_what_platforms_say_to_a_score_they_took_does_not_matter(body: bytes) -> None:
    Ags(httpx.Response(200, content=body)).post()


# A course's line items


LINE_ITEMS = "https://school.example/api/lti/courses/42/line_items?limit=100"


def listed(*answers: httpx.Response, platform: Platform = CANVAS_SCHOOL) -> tuple[Ags, list[ListedLineItem]]:
    ags = Ags(*answers, platform=platform)
    return ags, ags.client.list_line_items(platform, LINE_ITEMS, deadline(ags.clock))


def test_line_items_are_listed_page_by_page_with_the_containers_media_type() -> None:
    ags, found = listed(
        rows(
            {"id": f"{LINE_ITEM}/7", "label": "Quiz", "scoreMaximum": 10.5, "resourceLinkId": "abc"},
            link='<https://school.example/api/lti/courses/42/line_items?page=2>; rel="next"',
        ),
        rows({"id": f"{LINE_ITEM}/8"}),
    )
    assert found == [
        ListedLineItem(f"{LINE_ITEM}/7", "Quiz", Decimal("10.5"), "abc"),
        ListedLineItem(f"{LINE_ITEM}/8", "", None, ""),
    ]
    assert [request.headers["accept"] for request in ags.script.requests] == [
        "application/vnd.ims.lis.v2.lineitemcontainer+json"
    ] * 2
    assert ags.script.urls[0] == LINE_ITEMS


def test_a_course_without_line_items_lists_none() -> None:
    assert listed(rows())[1] == []


@pytest.mark.parametrize(
    "answer",
    [rows({"label": "no id"}), rows({"id": 7}), rows({"id": LINE_ITEM, "scoreMaximum": "many"}), httpx.Response(200)],
)
def test_line_items_that_cannot_be_read_are_not_guessed_at(answer: httpx.Response) -> None:
    with pytest.raises(PlatformUnavailable, match="line items answer cannot be read"):
        listed(answer)


def test_line_items_without_end_are_given_up_and_twenty_pages_are_not_too_many() -> None:
    more = [rows({"id": LINE_ITEM}, link=f'<{LINE_ITEMS}>; rel="next"') for _ in range(20)]
    with pytest.raises(PlatformUnavailable, match="20 pages"):
        listed(*more)
    assert len(listed(*more[:19], rows({"id": LINE_ITEM}))[1]) == 20


def test_line_items_of_another_host_are_not_asked_for() -> None:
    with pytest.raises(HostRefused):
        listed(rows(link='<https://evil.example/p2>; rel="next"'))
