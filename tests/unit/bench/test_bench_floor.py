"""How a recorded outcome is made fresh for a replay."""

from datetime import UTC, datetime

from bench.floor import PlatformRequest, with_fresh_keys, with_fresh_time


def test_the_keys_of_items_are_marked_wherever_they_stand() -> None:
    parameters = {
        "RequestItems": {"table": {"Keys": [{"pk": {"S": "a"}}, {"pk": {"S": "b"}}], "ConsistentRead": True}},
        "TransactItems": [{"Put": {"Item": {"pk": {"S": "c"}, "n": {"N": "1"}}}}],
    }
    assert with_fresh_keys(parameters, "~7") == {
        "RequestItems": {"table": {"Keys": [{"pk": {"S": "a~7"}}, {"pk": {"S": "b~7"}}], "ConsistentRead": True}},
        "TransactItems": [{"Put": {"Item": {"pk": {"S": "c~7"}, "n": {"N": "1"}}}}],
    }


def test_names_in_conditions_are_left_alone() -> None:
    put = {"ConditionExpression": "attribute_not_exists(#pk)", "ExpressionAttributeNames": {"#pk": "pk"}}
    assert with_fresh_keys(put, "~7") == put


def test_a_recording_is_not_changed_by_its_replay() -> None:
    parameters = {"Key": {"pk": {"S": "a"}}}
    with_fresh_keys(parameters, "~7")
    assert parameters == {"Key": {"pk": {"S": "a"}}}


def test_a_score_goes_to_the_twin_now_and_keeps_its_digits() -> None:
    content = b'{"userId":"u-1","scoreGiven":0.9200,"timestamp":"2026-02-03T10:15:30.123Z"}'
    fresh = with_fresh_time(content, "u-2", datetime(2026, 2, 4, tzinfo=UTC))
    assert fresh == b'{"userId":"u-2","scoreGiven":0.9200,"timestamp":"2026-02-04T00:00:00.000Z"}'


def test_a_recorded_token_is_in_no_repr() -> None:
    post = PlatformRequest("https://canvas.example/scores", {"Authorization": "Bearer secret-token"}, b"")
    assert "secret-token" not in repr(post)
