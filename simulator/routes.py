"""Which address is what: the AGS and membership routes, with the ids in their paths."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from simulator.access import AgsCall
from simulator.exchange import Response
from simulator.key_rotation import update_public_jwk
from simulator.line_items import (
    create_line_item,
    delete_line_item,
    list_line_items,
    show_line_item,
    update_line_item,
)
from simulator.memberships import list_members
from simulator.outcome_doors import OutcomeCall, take_form, take_xml
from simulator.results import list_results, show_progress, show_result
from simulator.scores import post_score

_COURSE = r"/api/lti/courses/(?P<course>[0-9]{1,18})"
_ITEM = rf"{_COURSE}/line_items/(?P<item>[0-9]{{1,18}})"


@dataclass(frozen=True, slots=True)
class Route:
    """An address of AGS or the membership service. ``fault_path`` is its name among the faults."""

    method: str
    pattern: re.Pattern[str]
    fault_path: str
    operation: Callable[[AgsCall], Response]


@dataclass(frozen=True, slots=True)
class Found:
    """The route of a request and the ids of its path."""

    route: Route
    course_id: int
    line_item_id: int
    record_id: int


def _route(method: str, pattern: str, fault_path: str, operation: Callable[[AgsCall], Response]) -> Route:
    return Route(method, re.compile(pattern), fault_path, operation)


_ROUTES = (
    _route("POST", rf"{_ITEM}/scores", "score", post_score),
    _route("GET", rf"{_ITEM}/results", "result", list_results),
    _route("GET", rf"{_ITEM}/results/(?P<record>[0-9]{{1,18}})", "result", show_result),
    _route("GET", rf"{_COURSE}/line_items", "line_item", list_line_items),
    _route("POST", rf"{_COURSE}/line_items", "line_item", create_line_item),
    _route("GET", _ITEM, "line_item", show_line_item),
    _route("PUT", _ITEM, "line_item", update_line_item),
    _route("DELETE", _ITEM, "line_item", delete_line_item),
    _route("GET", rf"{_COURSE}/progress/(?P<record>[0-9]{{1,18}})", "other", show_progress),
    _route("GET", rf"{_COURSE}/names_and_roles", "other", list_members),
    _route("PUT", r"/api/lti/developer_key/update_public_jwk", "other", update_public_jwk),
)
_OUTCOMES = re.compile(r"/api/lti/v1/tools/(?P<tool>[0-9]{1,18})/(?P<door>grade_passback|ext_grade_passback)")
_GRADEBOOK = re.compile(r"/gradebook(?:/(?P<course>[0-9]{1,18}))?(?:/(?P<form>grade|faults))?/?")


def find_service(method: str, path: str) -> Found | None:
    """Find the AGS or membership route of a request."""
    for route in _ROUTES:
        found = route.pattern.fullmatch(path)
        if found and route.method == method:
            ids = {name: int(text) for name, text in found.groupdict().items()}
            return Found(route, ids.get("course", 0), ids.get("item", 0), ids.get("record", 0))
    return None


def find_outcomes(method: str, path: str) -> tuple[int, Callable[[OutcomeCall], Response]] | None:
    """Find the tool and the door of a request to LTI 1.1 outcomes."""
    found = _OUTCOMES.fullmatch(path)
    if found is None or method != "POST":
        return None
    return int(found["tool"]), take_xml if found["door"] == "grade_passback" else take_form


def find_gradebook(method: str, path: str) -> tuple[int | None, str | None] | None:
    """Find the course (None: all) of a request to the gradebook page, and which form comes with it, if any."""
    found = _GRADEBOOK.fullmatch(path)
    if found is None or method != ("POST" if found["form"] else "GET"):
        return None
    course_id = int(found["course"]) if found["course"] else None
    return None if found["form"] == "grade" and course_id is None else (course_id, found["form"])
