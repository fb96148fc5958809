"""An operator asks which line items a course has for us."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from stage import Stage

from passback.cli import cli
from passback.session import Session

Ask = Callable[..., Result]


@pytest.fixture
def ask(stage: Stage) -> Ask:
    def run(*words: str) -> Result:
        session = Session(environment={}, clock=stage.clock, _services=stage.services)
        result = CliRunner().invoke(cli, ["platform", "line-items", *words], obj=session)
        assert "Traceback" not in result.output
        return result

    return run


def failure(result: Result) -> dict[str, Any]:
    assert result.exit_code != 0
    error: dict[str, Any] = json.loads(result.stdout)["error"]
    return error


def test_a_course_is_listed_with_what_a_mapping_needs(stage: Stage, ask: Ask) -> None:
    seat = stage.seat(points=12.5)
    (listed,) = json.loads(ask("canvas", seat.prepared["line_items"], "--json").stdout)["line_items"]
    assert listed == {
        "line_item": seat.prepared["line_item"],
        "label": "Week 1 quiz",
        "maximum": "12.5",
        "resource_link": seat.prepared["resource_link_id"],
    }
    words = ask("canvas", seat.prepared["line_items"]).stdout
    assert seat.prepared["line_item"] in words
    assert "Week 1 quiz" in words


def test_one_resource_link_is_picked_out(stage: Stage, ask: Ask) -> None:
    seat = stage.seat()
    url, link = seat.prepared["line_items"], seat.prepared["resource_link_id"]
    assert len(json.loads(ask("canvas", url, "--resource-link", link, "--json").stdout)["line_items"]) == 1
    assert json.loads(ask("canvas", url, "--resource-link", "another", "--json").stdout) == {"line_items": []}


def test_an_assignment_that_has_not_moved_yet_is_explained(stage: Stage, ask: Ask) -> None:
    prepared = stage.control("prepare", adopted=False)
    assert "first LTI 1.3 launch" in " ".join(ask("canvas", prepared["line_items"]).stdout.split())


def test_it_asks_only_the_platforms_own_hosts(stage: Stage, ask: Ask) -> None:
    error = failure(ask("canvas", "https://elsewhere.example/api/lti/courses/1/line_items", "--json"))
    assert error["code"] == "host_refused"
    assert [call for call in stage.calls if call[0] == "GET"] == []


def test_what_the_platform_says_is_told(stage: Stage, ask: Ask) -> None:
    foreign = stage.control("prepare", client_id="10000000000077")
    error = failure(ask("canvas", foreign["line_items"], "--json"))
    assert (error["code"], "not linked to a Tool" in error["message"]) == ("platform_refused", True)
    stage.control("switch", down=True)
    assert failure(ask("canvas", foreign["line_items"], "--json"))["code"] == "platform_unavailable"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("nowhere", "https://canvas.example.edu/api/lti/courses/1/line_items"), "not_found"),
        (("canvas", "7"), "usage"),
        (("canvas", "http://canvas.example.edu/api/lti/courses/1/line_items"), "usage"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(ask: Ask, words: tuple[str, ...], code: str) -> None:
    assert failure(ask(*words, "--json"))["code"] == code
