"""Scenes that build on each other."""

from canvas_box.canvas_harness import Canvas


def test_a_student_can_join_another_ones_assignment(canvas: Canvas) -> None:
    first = canvas.prepare(points=20)
    second = canvas.prepare(beside=first.handle)
    assert second.line_item == first.line_item
    assert second.told["user_id"] != first.told["user_id"]
    second.posted()
    assert canvas.order("state", handle=first.handle)["score"] is None
    assert canvas.order("state", handle=second.handle)["score"] is not None


def test_nobody_joins_a_scene_that_is_not_there(canvas: Canvas) -> None:
    assert canvas.refused_order("prepare", beside="h999999") == "No such handle."


def test_a_reset_keeps_the_developer_keys(canvas: Canvas) -> None:
    canvas.prepare().posted()
    canvas.order("reset")
    assert canvas.ask_token().status == 200
