from chalicelib.storage.recent import Recent


def test_what_was_not_used_for_longest_is_forgotten() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.keep("a", 1)
    recent.keep("b", 2)
    assert recent.get("a") == 1
    recent.keep("c", 3)
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, None, 3)


def test_a_value_kept_again_is_replaced() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.keep("a", 1)
    recent.keep("b", 1)
    recent.keep("a", 2)
    recent.keep("c", 3)
    assert (recent.get("a"), recent.get("b")) == (2, None)


def test_what_it_keeps_is_not_shown() -> None:
    recent: Recent[str, str] = Recent(2)
    recent.keep("sealed", "secret")
    assert "secret" not in repr(recent)
