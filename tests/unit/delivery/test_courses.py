import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.delivery.courses import LONGEST_NAME, course_of, message_group, shard_of

CANVAS = "https://school.example/api/lti/courses/42"
MOODLE = "https://campus.example/mod/lti/services.php/2"
LETTERS = frozenset(string.ascii_letters + string.digits + string.punctuation)  # SQS, SendMessage, MessageGroupId


@pytest.mark.parametrize(
    ("line_item", "course"),
    [
        (f"{CANVAS}/line_items/7", CANVAS),
        (f"{CANVAS}/line_items/7/", CANVAS),
        (f"{MOODLE}/lineitems/5/lineitem?type_id=3", MOODLE),
        (f"{MOODLE}/lineitems?type_id=3", MOODLE),
        (
            "https://d2l.example/d2l/api/lti/ags/2.0/deployment/x-1/orgunits/6606/lineitems/1",
            "https://d2l.example/d2l/api/lti/ags/2.0/deployment/x-1/orgunits/6606",
        ),
        (
            "https://bb.example/learn/api/v1/lti/courses/_1_1/lineItems/_2_1",
            "https://bb.example/learn/api/v1/lti/courses/_1_1",
        ),
        (
            "https://edx.example/api/lti_consumer/v1/lti/9/lti-ags/4",
            "https://edx.example/api/lti_consumer/v1/lti/9/lti-ags/4",
        ),
        ("https://other.example/x?next=/line_items/7", "https://other.example/x?next=/line_items/7"),
        ("https://other.example/line_itemsets/7", "https://other.example/line_itemsets/7"),
        ("", ""),
    ],
)
def test_a_course_is_the_url_up_to_its_line_items_or_the_line_item_itself(line_item: str, course: str) -> None:
    assert course_of(line_item) == course


def test_the_mappings_context_names_the_course() -> None:
    assert course_of(f"{CANVAS}/line_items/7", "course 1") == "course 1"


def test_a_long_name_is_kept_short_and_its_own() -> None:
    one, other = course_of("x", "a" * LONGEST_NAME + "1"), course_of("x", "a" * LONGEST_NAME + "2")
    assert one != other
    assert len(one) == 64
    assert len(course_of("x", "a" * LONGEST_NAME)) == LONGEST_NAME


def test_line_items_of_one_course_share_a_shard_and_courses_spread_over_all() -> None:
    assert len({shard_of(f"{CANVAS}/line_items/{number}", 4) for number in range(50)}) == 1
    assert {shard_of(f"https://h/courses/{number}/line_items/1", 4) for number in range(50)} == {0, 1, 2, 3}


def test_a_shard_is_the_same_in_every_process() -> None:
    # Written down: Python's own hash of a text differs from process to process.
    assert [shard_of(f"{CANVAS}/line_items/7", shards) for shards in (1, 4, 7)] == [0, 3, 1]


@pytest.mark.parametrize("platform", ["school", "a.b_c-D9", "x" * 100])
def test_a_readable_platform_is_named_in_its_group(platform: str) -> None:
    assert message_group(platform, 3) == f"{platform}.3"


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 10_000))
def test_any_platform_gives_a_group_that_the_queue_takes(platform: str, shard: int) -> None:
    group = message_group(platform, shard)
    assert 1 <= len(group) <= 128
    assert LETTERS.issuperset(group)


@given(st.tuples(st.text(max_size=3), st.integers(0, 20)), st.tuples(st.text(max_size=3), st.integers(0, 20)))
def test_two_shards_never_share_a_group(one: tuple[str, int], other: tuple[str, int]) -> None:
    assert (message_group(*one) == message_group(*other)) is (one == other)
