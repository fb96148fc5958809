"""A platform that is not ours, registered by commands at the served stack, takes a score."""

from urllib.parse import urlsplit

import pytest
from platforms.generic_http import serve_generic

from e2e.legacy_tool import outcome, send
from e2e.served import Served, Student

pytestmark = pytest.mark.engine

SUB = "5b1f8a2e-3c77-4e0a-9a55-0d3a0f7f6f11"


def test_a_tool_grades_at_a_platform_that_was_added_by_commands(served: Served) -> None:
    with serve_generic(served.document["key_set_url"]) as platform:
        wanted = platform.registration("elsewhere")
        number = platform.gradebook.add_item(20)
        served.command(
            *("platform", "add", wanted.name, "--profile", wanted.profile, "--issuer", wanted.issuer),
            *("--client-id", wanted.client_id, "--token-url", wanted.token_url, "--audience", wanted.audience),
            *("--host", urlsplit(platform.url).netloc),
        )
        student = Student("elsewhere-1", "", "")
        served.command(
            *("mapping", "add", "--key", served.key, "--sourcedid", student.sourcedid, "--platform", wanted.name),
            *("--line-item", platform.line_item(number), "--user-id", SUB),
        )
        send(served, student, 0.92)
        score = platform.gradebook.items[number].scores[SUB]
        assert (score["scoreGiven"], score["scoreMaximum"]) == (0.92, 1)
        assert outcome(served, student).post_read_result().score == "0.92"
        assert outcome(served, student).post_delete_result().is_success()
        assert "scoreGiven" not in platform.gradebook.items[number].scores[SUB]
