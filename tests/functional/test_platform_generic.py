"""Outcomes to an AGS 2.0 platform that is not ours, over real loopback HTTP: ``lti1p3platform`` judges them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from platforms.generic import GenericPlatform
from platforms.generic_http import serve_generic
from platforms.wires import before_over_loopback, map_to
from pox import delete_result, read_result, replace_result
from stage import Stage, ToolAnswer

from chalicelib.clock import SystemClock
from chalicelib.lti13.keys import generate_signing_key, jwks

SUB = "5b1f8a2e-3c77-4e0a-9a55-0d3a0f7f6f11"


@dataclass(frozen=True)
class Campus:
    stage: Stage
    platform: GenericPlatform
    number: str
    sourcedid: str

    def send(self, body: bytes) -> ToolAnswer:
        """Send at the present time: the library's clock is the machine's, and so is Passback's here."""
        self.stage.clock.move((datetime.now(UTC) - self.stage.clock.now()).total_seconds())
        return self.stage.send(body)

    @property
    def result(self) -> tuple[float | None, float]:
        """The score and the maximum that the platform took last."""
        score = self.platform.gradebook.items[self.number].scores[SUB]
        return score.get("scoreGiven"), score.get("scoreMaximum", 0)

    @property
    def posted(self) -> list[dict[str, Any]]:
        return self.platform.gradebook.posted

    @property
    def statuses(self) -> list[int]:
        return self.platform.gradebook.statuses


@pytest.fixture
def campus(stage: Stage, tmp_path: Path) -> Iterator[Campus]:
    with serve_generic(jwks(stage.services.signing_keys.list())) as platform:
        registration = platform.registration()
        stage.services.platforms.remove("generic")  # the stage's own, which is the simulator
        with before_over_loopback(stage, tmp_path, registration, SystemClock()):
            number = platform.gradebook.add_item(20)
            yield Campus(stage, platform, number, map_to(stage, "s-1", registration, platform.line_item(number), SUB))


def test_a_score_is_taken(campus: Campus) -> None:
    answer = campus.send(replace_result(campus.sourcedid, "0.92"))
    assert (answer.code, answer.description) == ("success", "")
    assert (campus.result, campus.statuses) == ((0.92, 1.0), [201])


def test_a_score_is_read_back(campus: Campus) -> None:
    assert campus.send(read_result(campus.sourcedid)).score == ""
    campus.send(replace_result(campus.sourcedid, "0.92"))
    assert campus.send(read_result(campus.sourcedid)).score == "0.92"


def test_points_go_out_of_the_line_items_maximum(campus: Campus) -> None:
    assert campus.send(replace_result(campus.sourcedid, total="7.5")).code == "success"
    assert campus.result == (7.5, 20.0)
    assert campus.send(read_result(campus.sourcedid)).score == "0.375"


def test_zero_is_a_score(campus: Campus) -> None:
    campus.send(replace_result(campus.sourcedid, "0"))
    assert campus.result == (0.0, 1.0)
    assert campus.send(read_result(campus.sourcedid)).score == "0.0"


def test_delete_clears(campus: Campus) -> None:
    campus.send(replace_result(campus.sourcedid, "0.5"))
    assert campus.send(delete_result(campus.sourcedid)).code == "success"
    assert campus.result[0] is None
    assert campus.send(read_result(campus.sourcedid)).score == ""


def test_scores_in_a_row_all_land_in_their_order(campus: Campus) -> None:
    for score in ("0.1", "0.2", "0.3", "0.4"):
        assert campus.send(replace_result(campus.sourcedid, score)).code == "success"
    assert (campus.result, campus.statuses) == ((0.4, 1.0), [201, 200, 200, 200])


def test_a_score_that_somebody_gave_at_the_same_moment_is_overwritten(campus: Campus) -> None:
    """As in LTI 1.1: the tool overwrites while its outcome is fresh."""
    gradebook = campus.platform.gradebook

    def somebody_grades(score: dict[str, Any]) -> None:
        gradebook.items[campus.number].scores[SUB] = {**score, "scoreGiven": 3, "scoreMaximum": 20}

    gradebook.before_next_score = somebody_grades
    assert campus.send(replace_result(campus.sourcedid, "0.5")).code == "success"
    assert (campus.result, campus.statuses) == ((0.5, 1.0), [409, 200])


def test_an_answer_that_was_lost_is_found_by_the_repeat(campus: Campus) -> None:
    campus.platform.gradebook.drop_after_scores = 1
    body = replace_result(campus.sourcedid, "0.92")
    assert campus.send(body).error == "platform_unavailable"
    assert campus.send(body).code == "success"
    assert (campus.result, campus.statuses) == ((0.92, 1.0), [201])


def test_work_with_a_score_is_graded_and_the_description_names_the_loss(campus: Campus) -> None:
    answer = campus.send(replace_result(campus.sourcedid, "0.5", data={"url": "https://tool.example.org/1"}))
    assert (answer.code, "URL was not stored" in answer.description) == ("success", True)
    assert set(campus.posted[0]) == {
        "userId", "timestamp", "activityProgress", "gradingProgress", "scoreGiven", "scoreMaximum",
    }  # fmt: skip


def test_a_submission_time_goes_in_the_standards_field(campus: Campus) -> None:
    campus.send(replace_result(campus.sourcedid, "0.5", submitted_at="2026-01-05T10:00:00+02:00"))
    assert campus.posted[0]["submission"] == {"submittedAt": "2026-01-05T08:00:00.000Z"}


def test_the_users_result_is_found_on_a_later_page_of_a_platform_that_ignores_the_filter(campus: Campus) -> None:
    campus.send(replace_result(campus.sourcedid, "0.5"))
    others = {f"0000-{number}": dict(campus.posted[0], userId=f"0000-{number}", scoreGiven=1) for number in range(5)}
    campus.platform.gradebook.items[campus.number].scores |= others
    campus.platform.gradebook.filters_results = False
    assert campus.send(read_result(campus.sourcedid)).score == "0.5"


def test_a_line_item_that_is_gone_is_no_assignment(campus: Campus) -> None:
    del campus.platform.gradebook.items[campus.number]
    assert campus.send(replace_result(campus.sourcedid, "0.5")).error == "assignment_invalid"


def test_a_key_that_the_platform_does_not_know_gets_no_token(stage: Stage, tmp_path: Path) -> None:
    stranger = jwks([generate_signing_key(datetime.now(UTC))])
    with serve_generic(stranger) as platform:
        registration = platform.registration("stranger")
        with before_over_loopback(stage, tmp_path, registration, SystemClock()):
            number = platform.gradebook.add_item()
            campus = Campus(stage, platform, number, map_to(stage, "s", registration, platform.line_item(number), SUB))
            assert campus.send(replace_result("s", "0.5")).error == "assignment_tool_mismatch"
            assert campus.posted == []
