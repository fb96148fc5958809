from chalicelib.lti11.tools import Tool


def test_a_tool_never_shows_its_secrets() -> None:
    shown = f"{Tool('key', ('hush', 'hush-old'))!r} {Tool('key', ('hush',))}"
    assert "hush" not in shown
    assert "'key'" in shown
