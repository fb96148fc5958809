import sys
from decimal import Decimal

import pytest

from chalicelib.lti13.replies import Reply
from chalicelib.lti13.results import (
    MOST_DIGITS,
    belongs_to,
    next_page,
    read_line_item_reply,
    read_row,
    results_url,
    rows_of,
    service_url,
)
from chalicelib.lti13.scores import LineItem, Result

PAGE = "https://m.example/results?user_id=3"


def reply(body: str = "[]", **headers: str) -> Reply:
    return Reply(200, "OK", headers, body.encode())


@pytest.mark.parametrize(
    ("line_item", "scores"),
    [  # AGS 2.0, sections 3.3.1 and 3.4.1
        ("https://m.example/a/7/lineitem?type_id=3", "https://m.example/a/7/lineitem/scores?type_id=3"),
        (
            "https://c.example/api/lti/courses/5/line_items/9",
            "https://c.example/api/lti/courses/5/line_items/9/scores",
        ),
        ("https://x.example/li/9/", "https://x.example/li/9/scores"),
        ("https://x.example/li/9/?a=b/", "https://x.example/li/9/scores?a=b/"),
        ("https://x.example/li/9?next=https://y/?q", "https://x.example/li/9/scores?next=https://y/?q"),
    ],
)
def test_the_service_is_added_to_the_path_before_the_query(line_item: str, scores: str) -> None:
    assert service_url(line_item, "scores") == scores


def test_only_one_trailing_slash_is_dropped() -> None:
    assert service_url("https://x.example/li//", "scores") == "https://x.example/li//scores"


def test_the_user_is_asked_for_in_the_query() -> None:
    assert (
        results_url("https://x.example/li/9", "a b&c/é") == "https://x.example/li/9/results?user_id=a%20b%26c%2F%C3%A9"
    )


def test_the_user_is_added_to_a_query_that_is_there() -> None:
    assert results_url("https://m.example/l?type_id=3", "4") == "https://m.example/l/results?type_id=3&user_id=4"


@pytest.mark.parametrize(
    "header",
    [
        '<https://m.example/p2>; rel="next"',
        "<https://m.example/p2>; rel=next",
        "<https://m.example/p2>;rel = 'next'",
        "<https://m.example/p2>; rel=“next”",
        "<https://m.example/p2>; rel=\xe2\x80\x9cnext\xe2\x80\x9d",  # the same, decoded as Latin-1
        '<https://m.example/p2>; REL="NEXT"; title="a, b"',
        '<https://m.example/p2>; rel="last next"',
        '<https://m.example/p1>; rel="first", <https://m.example/p2>; rel="next"',
        "</p2>; rel=next",
        "<p2>; rel=next",
    ],
)
def test_the_next_page_is_found_however_its_relation_is_written(header: str) -> None:
    assert next_page(reply(link=header), PAGE) == "https://m.example/p2"


@pytest.mark.parametrize(
    "header", ["", '<https://m.example/p2>; rel="prev"', "<https://m.example/next>; rel=last", "rel=next", "<next"]
)
def test_without_a_next_relation_there_is_no_next_page(header: str) -> None:
    assert next_page(reply(link=header), PAGE) is None


def test_a_link_that_is_no_url_is_an_error() -> None:
    with pytest.raises(ValueError, match="Invalid"):
        next_page(reply(link="<https://[bad/p2>; rel=next"), PAGE)


def test_a_row_of_canvas_is_read_exactly() -> None:
    body = (
        '[{"userId": "u", "resultScore": 0.92333333333333333333, "resultMaximum": 1.0, '
        '"https://canvas.instructure.com/lti/submission": '
        '{"submission_type": "online_url", "submitted_at": "2026-01-01T00:00:00Z"}}]'
    )
    assert read_row(rows_of(reply(body))[0]) == Result(
        Decimal("0.92333333333333333333"), Decimal("1.0"), "online_url", "2026-01-01T00:00:00Z"
    )


def test_zero_is_a_score() -> None:
    assert read_row({"resultScore": Decimal(0), "resultMaximum": Decimal(10)}) == Result(Decimal(0), Decimal(10))


@pytest.mark.parametrize("row", [{}, {"resultScore": None, "resultMaximum": None}])
def test_a_number_that_is_null_or_left_out_is_none(row: dict[str, object]) -> None:
    assert read_row(row) == Result(None, None)


def test_a_numeric_text_is_a_number() -> None:
    assert read_row({"resultScore": "0.5"}).score == Decimal("0.5")


@pytest.mark.parametrize("value", [True, "five", "NaN", [], {}])
def test_anything_else_in_place_of_a_number_is_an_error(value: object) -> None:
    with pytest.raises(ValueError, match="not a number"):
        read_row({"resultScore": value})


@pytest.mark.parametrize("digits", ["7" * MOST_DIGITS, "0." + "7" * MOST_DIGITS, "-" + "7" * MOST_DIGITS, "1e-9999"])
def test_a_number_may_be_as_long_as_any_score(digits: str) -> None:
    assert read_row({"resultScore": Decimal(digits)}).score == Decimal(digits)


@pytest.mark.parametrize("digits", ["7" * (MOST_DIGITS + 1), "0." + "7" * (MOST_DIGITS + 1), "7" * 300_000])
@pytest.mark.parametrize("field", ["resultScore", "resultMaximum"])
def test_a_number_that_would_not_fit_into_a_cell_is_an_error(field: str, digits: str) -> None:
    for value in (Decimal(digits), digits):
        with pytest.raises(ValueError, match="not a number"):
            read_row({field: value})
    with pytest.raises(ValueError, match="not a number"):
        read_line_item_reply(reply(f'{{"scoreMaximum": {digits}}}'), "u")


def test_the_longest_number_is_longer_than_any_double_and_fits_into_a_cell() -> None:
    assert len(str(Decimal(sys.float_info.max).to_integral_value())) == 309 < MOST_DIGITS
    assert MOST_DIGITS * 100 < 400_000


def test_a_null_time_in_the_extension_is_none() -> None:
    row = {"https://canvas.instructure.com/lti/submission": {"submitted_at": None}}
    assert read_row(row).submitted_at is None


@pytest.mark.parametrize("body", ["{}", "[1]", "null", "<html>", "", "[NaN]", "[1e99999999999999999999]", "[" * 9999])
def test_what_is_not_a_list_of_rows_is_an_error(body: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        rows_of(reply(body))


@pytest.mark.parametrize(
    ("found", "is_theirs"),
    [("3", True), (Decimal(3), True), ("03", False), ("33", False), (None, False), (True, False)],
)
def test_a_row_belongs_to_the_user_that_it_names(found: object, is_theirs: bool) -> None:
    assert belongs_to({"userId": found}, "3") is is_theirs


def test_a_line_item_keeps_the_url_that_was_asked() -> None:
    body = '{"id": "https://canonical.example/7", "scoreMaximum": 10.0, "label": "Week 1 quiz"}'
    assert read_line_item_reply(reply(body), "https://asked.example/7") == LineItem(
        "https://asked.example/7", Decimal("10.0"), "Week 1 quiz"
    )


def test_a_line_item_without_a_maximum_has_none() -> None:
    assert read_line_item_reply(reply('{"label": null}'), "u") == LineItem("u", None, "")


def test_a_list_is_not_a_line_item() -> None:
    with pytest.raises(ValueError, match="object"):
        read_line_item_reply(reply("[]"), "u")
