"""The control door: scenes, switches, faults, the log, the throttle (Canvas AGS, section 9), the platform's keys."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from canvas_box.canvas_harness import BASE, START, Canvas, Scene, SettableClock, ags_error
from simulator.exchange import Response
from simulator.faults import TIMED_KINDS
from simulator.platform_state import ISSUER
from simulator.scopes import SCORE
from simulator.simulator import Simulator


def test_a_scene_tells_both_doors(scene: Scene) -> None:
    told = scene.told
    course = f"{BASE}/api/lti/courses/{told['course_id']}"
    assert told["issuer"] == ISSUER
    assert told["token_url"] == told["audience"] == f"{BASE}/login/oauth2/token"
    assert told["line_items"] == f"{course}/line_items"
    assert told["gradebook_url"] == f"{BASE}/gradebook/{told['course_id']}"
    assert told["lti11"]["resource_link_id"] != told["resource_link_id"]
    assert told["lti11"]["user_id"] != told["user_id"]
    assert told["lti11"]["sourcedid"].count("-") == 4


def test_the_token_url_it_tells_is_a_good_audience(canvas: Canvas, scene: Scene) -> None:
    canvas.register()
    assert canvas.ask_token(canvas.claims(aud=scene.told["audience"])).status == 200


def test_one_consumer_key_is_one_tool(canvas: Canvas) -> None:
    first = canvas.prepare(consumer_key="k", shared_secret="s").told["lti11"]
    again = canvas.prepare(consumer_key="k").told["lti11"]
    other = canvas.prepare(consumer_key="k", shared_secret="t").told["lti11"]
    assert first["outcome_url"] == again["outcome_url"] != other["outcome_url"]
    assert (again["shared_secret"], other["shared_secret"]) == ("s", "t")


def test_a_scene_can_belong_to_another_key(canvas: Canvas) -> None:
    scene = canvas.prepare(client_id="55")
    assert scene.told["client_id"] == "55"
    assert ags_error(scene.post()) == (401, "Access Token not linked to a Tool associated with this Context")


@pytest.mark.parametrize(
    "kind", ["external_tool", "online_text_entry", "online_url", "basic_lti_launch", "online_upload"]
)
def test_earlier_work_is_of_the_type_asked_for(canvas: Canvas, kind: str) -> None:
    scene = canvas.prepare(submission_type=kind, attempts_made=3, submitted_at="2026-02-01T08:00:00Z")
    state = scene.state()
    assert (state["attempt"], state["submission_type"], state["workflow_state"]) == (3, kind, "submitted")
    assert state["submitted_at"] == "2026-02-01T08:00:00.000Z"
    assert len(state["history"]) == 3


def test_attempts_alone_are_the_tools(canvas: Canvas) -> None:
    assert canvas.prepare(attempts_made=1).state()["submission_type"] == "external_tool"


def test_earlier_scores_have_their_grader(canvas: Canvas) -> None:
    assert canvas.prepare(tool_score=5).state()["graded_by"] == "tool"
    assert canvas.prepare(tool_score=5, teacher_score=6).state()["graded_by"] == "person"


def test_nobody_has_an_empty_state_and_cannot_be_graded(canvas: Canvas) -> None:
    scene = canvas.prepare(student="unknown", tool_score=5)
    assert scene.told["line_item"] is not None
    state = scene.state()
    assert (state["score"], state["attempt"], state["history"]) == (None, 0, [])
    assert (
        canvas.refused_order("student", handle=scene.handle, action="remove")
        == "This handle's student is in no course."
    )


@pytest.mark.parametrize(
    ("name", "fields", "sentence"),
    [
        ("prepare", {"pionts": 1}, "Unknown field: pionts."),
        ("prepare", {"points": "10"}, "points must be a number or null."),
        ("prepare", {"points": True}, "points must be a number or null."),
        ("prepare", {"points": 10**400}, "points is too large."),
        ("prepare", {"name": 7}, "name must be a text."),
        ("prepare", {"published": 1}, "published must be true or false."),
        ("prepare", {"allowed_attempts": 0}, "allowed_attempts must be a whole number of at least 1, or null."),
        ("prepare", {"submitted_at": "soon"}, "submitted_at must be a time, ISO 8601."),
        ("state", {}, "handle is required."),
        ("state", {"handle": "x"}, "No such handle."),
        ("switch", {"throttle_status": 404}, "throttle_status must be 403 or 429."),
        ("switch", {"clock_offset_seconds": 10**10}, "clock_offset_seconds is too large."),
        ("switch", {"generation": "ancient"}, "generation must be one of new, old."),
        ("switch", {"key_on": True, "client_id": "x"}, "No such client_id."),
        ("switch", {"tool_installed": True}, "handle is required."),
        ("switch", {"faults": {}}, "faults must be a list."),
        ("switch", {"faults": [1]}, "A fault must be a JSON object."),
        ("switch", {"faults": [{"kind": "slow"}]}, "A fault of kind slow needs seconds, at most 3600."),
        (
            "switch",
            {"faults": [{"kind": "slow", "seconds": 4e3}]},
            "A fault of kind slow needs seconds, at most 3600.",
        ),
        ("switch", {"add_faults": {}}, "add_faults must be a list."),
        ("switch", {"faults": [{"kind": "refuse", "share": 0}]}, "share must be above 0 and at most 1."),
        ("switch", {"faults": [{"kind": "refuse", "share": 1.5}]}, "share must be above 0 and at most 1."),
        ("switch", {"faults": [{"kind": "refuse", "course_id": 1}]}, "No such course_id."),
        ("switch", {"down": "yes"}, "down must be true or false."),
        ("switch", {"request_cost": -1}, "request_cost must be from 0 to 600."),
        ("switch", {"request_seconds": 61}, "request_seconds must be from 0 to 60."),
        ("counters", {"x": 1}, "Unknown field: x."),
        ("switch", {"faults": [{"kind": "status", "status": 600}]}, "status must be at most 599."),
        ("switch", {"faults": [{"kind": "refuse", "x": 1}]}, "Unknown field: x."),
        ("register", {}, "One of jwks_url and public_jwk is required."),
        ("register", {"public_jwk": 1}, "public_jwk must be a JSON object."),
        ("register", {"jwks_url": "file:///etc/passwd"}, "jwks_url must be a web address."),
        ("register", {"public_jwk": {}, "scopes": ["x"]}, "scopes must be a list of scopes that Canvas knows."),
    ],
)
def test_wrong_fields_are_told_in_a_sentence(canvas: Canvas, name: str, fields: dict[str, Any], sentence: str) -> None:
    assert canvas.refused_order(name, **fields) == sentence


@pytest.mark.parametrize(
    ("field", "value"), [("student", "martian"), ("grading_type", "stars"), ("submission_type", "x")]
)
def test_words_that_are_not_known_are_refused(canvas: Canvas, field: str, value: str) -> None:
    assert f"{field} must be" in canvas.refused_order("prepare", **{field: value})


def test_a_grade_must_be_sent_even_if_null(canvas: Canvas, scene: Scene) -> None:
    assert canvas.refused_order("grade", handle=scene.handle) == "score is required; null clears it."


@pytest.mark.parametrize(
    ("body", "sentence"), [(b"{", "The body must be JSON."), (b"[]", "The body must be a JSON object.")]
)
def test_a_body_must_be_an_object(canvas: Canvas, body: bytes, sentence: str) -> None:
    answer = canvas.send("POST", "/_sim/prepare", body)
    assert (answer.status, json.loads(answer.body)) == (400, {"error": sentence})


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/_sim/prepare"), ("POST", "/_sim/dance"), ("PUT", "/_sim/state")]
)
def test_unknown_orders_are_404(canvas: Canvas, method: str, path: str) -> None:
    assert canvas.send(method, path).status == 404


def test_a_wrong_switch_changes_nothing(canvas: Canvas) -> None:
    before = canvas.order("switch")
    canvas.refused_order("switch", generation="old", down=True, request_seconds=1, faults=[{"kind": "dance"}])
    canvas.refused_order("switch", faults=[{"kind": "refuse"}], clear_faults="dance")
    assert canvas.order("switch") == before


def test_the_switches_in_force_are_told(canvas: Canvas, scene: Scene) -> None:
    fault = {"path": "score", "kind": "status", "count": 2, "status": 503, "handle": scene.handle}
    told = canvas.order("switch", clock_offset_seconds=60, key_on=False, faults=[fault])
    assert (told["clock_offset_seconds"], told["keys_off"]) == (60, ["10000000000001"])
    course = scene.told["course_id"]
    assert told["faults"] == [{**fault, "body": "", "seconds": 0, "course_id": course, "share": 1, "seed": 0}]
    assert canvas.order("switch", faults=told["faults"]) == told
    assert told["now"].startswith("2026-02-03T10:01:00")
    assert json.loads(canvas.send("GET", "/_sim/switch").body) == told


def test_health_is_told(canvas: Canvas, scene: Scene) -> None:
    assert json.loads(canvas.send("GET", "/_sim/health").body) == {"status": "ok", "generation": "new", "courses": 1}


def test_the_clock_can_be_shifted(canvas: Canvas, scene: Scene) -> None:
    scene.posted()
    canvas.order("switch", clock_offset_seconds=3600)
    assert ags_error(scene.post()) == (401, "Access token expired")


def test_a_reset_forgets_everything_and_reuses_no_id(canvas: Canvas, scene: Scene) -> None:
    canvas.order("switch", generation="old", faults=[{"kind": "refuse"}])
    canvas.order("reset")
    assert canvas.order("switch")["faults"] == []
    assert canvas.refused_order("state", handle=scene.handle) == "No such handle."
    assert canvas.prepare().told["course_id"] > scene.told["course_id"]


# The log


def test_requests_are_told_with_their_bodies_but_no_tokens(canvas: Canvas, scene: Scene) -> None:
    scene.posted()
    scene.results("?limit=3")
    canvas.call("POST", f"{scene.line_item}/scores", b"\xff", "text/plain")
    told = json.loads(canvas.send("GET", "/_sim/requests").body)
    token, score, result, odd = told["requests"]
    assert (token["path"], token["status"], token["body"]) == ("/login/oauth2/token", 200, None)
    assert (score["method"], score["body"]["scoreGiven"], score["time"]) == ("POST", 0.92, "2026-02-03T10:00:00.123Z")
    assert (result["query"], result["body"], odd["body"]) == ("limit=3", None, "\ufffd")
    assert canvas.token.encode() not in canvas.send("GET", "/_sim/requests").body
    assert json.loads(canvas.send("GET", "/_sim/requests?since=3").body)["requests"] == [odd]
    assert told["last"] == 4


def test_since_must_be_a_number(canvas: Canvas) -> None:
    assert canvas.send("GET", "/_sim/requests?since=x").status == 400


# Threads


class WatchfulClock(SettableClock):
    """Notices when two threads are at work on the state at once: it is read while the lock is held."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = 0
        self.most = 0

    def __call__(self) -> datetime:
        self.inside += 1
        self.most = max(self.most, self.inside)
        time.sleep(0.001)
        self.inside -= 1
        return self.now


def test_requests_at_once_change_the_state_one_after_another(private_key: RSAPrivateKey) -> None:
    clock = WatchfulClock()
    canvas = Canvas(private_key, clock)
    scene = canvas.prepare()
    scene.posted()
    moments = [f"2026-02-02T10:00:00.{number:03d}Z" for number in range(30)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda moment: scene.post(submission={"submittedAt": moment}).status, moments))
    assert (answers, clock.most) == ([200] * 30, 1)
    assert scene.state()["attempt"] == 31


# Faults


def fault(canvas: Canvas, **fields: Any) -> None:
    canvas.order("switch", faults=[fields])


@pytest.mark.parametrize(("kind", "status"), [("throttle_403", 403), ("throttle_429", 429)])
def test_a_throttle_fault_looks_like_canvas(canvas: Canvas, scene: Scene, kind: str, status: int) -> None:
    fault(canvas, kind=kind, path="score", count=1)
    answer = scene.post()
    assert (answer.status, answer.header("Content-Type")) == (status, "text/plain")
    assert b"(Rate Limit Exceeded)\n" in answer.body
    assert answer.header("X-Rate-Limit-Remaining") not in ("", "0.0")
    assert answer.header("X-Request-Cost") == answer.header("Retry-After") == ""
    assert scene.state()["score"] is None
    assert scene.post().status == 200


def test_a_status_fault_answers_as_told_and_stores_nothing(canvas: Canvas, scene: Scene) -> None:
    canvas.call("GET", scene.line_item)
    fault(canvas, kind="status", status=503, body="<h1>down</h1>")
    answer = scene.post()
    assert (answer.status, answer.body) == (503, b"<h1>down</h1>")
    canvas.order("switch", faults=[])
    assert scene.state()["score"] is None


def test_a_fault_counts_down(canvas: Canvas, scene: Scene) -> None:
    scene.posted()
    fault(canvas, kind="status", path="score", count=2)
    assert [scene.post().status for _ in range(3)] == [500, 500, 200]


def test_a_fault_hits_only_its_path_and_handle(canvas: Canvas, scene: Scene) -> None:
    other = canvas.prepare()
    other.posted()
    fault(canvas, kind="status", path="result", handle=scene.handle)
    assert scene.post().status == 200
    assert other.results("?limit=1")
    assert canvas.call("GET", f"{scene.line_item}/results").status == 500


def test_a_fault_of_the_token_endpoint(canvas: Canvas) -> None:
    canvas.register()
    fault(canvas, kind="status", path="token", status=502)
    assert canvas.ask_token().status == 502


@pytest.mark.parametrize(
    ("kind", "stored", "spoilt"),
    [
        ("drop_before", False, {"drop": True, "reset": False, "delay_seconds": 0}),
        ("hang", False, {"drop": True, "delay_seconds": 3.0}),
        ("refuse", False, {"drop": True, "reset": True}),
        ("drop_after", True, {"drop": True, "reset": False}),
        ("slow", True, {"drop": False, "delay_seconds": 3.0}),
        ("endless", True, {"drop": False, "drip_seconds": 3.0}),
    ],
)
def test_a_broken_answer_tells_nothing_of_the_effect(
    canvas: Canvas, scene: Scene, kind: str, stored: bool, spoilt: dict[str, object]
) -> None:
    seconds = {"seconds": 3} if kind in TIMED_KINDS else {}
    canvas.call("GET", scene.line_item)
    fault(canvas, kind=kind, count=1, **seconds)
    answer: Response = scene.post()
    assert {name: getattr(answer, name) for name in spoilt} == spoilt
    assert (scene.state()["score"] is not None) is stored
    seen = json.loads(canvas.send("GET", "/_sim/requests").body)["requests"][-1]
    assert (seen["status"], seen["dropped"]) == (200 if stored else None, answer.drop)


# Throttle (section 9)


def remaining(answer: Response) -> float:
    return float(answer.header("X-Rate-Limit-Remaining"))


def test_the_headers_are_always_there(scene: Scene) -> None:
    answer = scene.post()
    assert (remaining(answer), float(answer.header("X-Request-Cost"))) == (600, 0.25)
    assert remaining(scene.post(userId="nobody")) == 600


def test_a_token_costs_two_hundred_units_which_leak_away(canvas: Canvas) -> None:
    canvas.register()
    canvas.order("switch", throttle="real")
    assert [int(remaining(canvas.ask_token())) for _ in range(2)] == [399, 199]
    canvas.clock.forward(seconds=10)
    assert int(remaining(canvas.ask_token())) == 99
    canvas.clock.forward(seconds=60)
    assert remaining(canvas.ask_token()) == 399.75


@pytest.mark.parametrize("status", [403, 429])
def test_a_full_bucket_refuses_until_it_has_leaked(canvas: Canvas, scene: Scene, status: int) -> None:
    canvas.register()
    canvas.log_in()
    canvas.order("switch", throttle="real", throttle_status=status)
    for _ in range(3):
        canvas.ask_token()
    answer = scene.post()
    assert answer.status == status
    assert remaining(answer) < 50
    assert scene.state()["score"] is None
    canvas.clock.forward(seconds=6)
    assert scene.post().status == 200


def test_the_bucket_is_the_clients(canvas: Canvas, scene: Scene) -> None:
    canvas.register()
    canvas.order("switch", throttle="real")
    for _ in range(4):
        canvas.ask_token()
    canvas.order("register", client_id="55", public_jwk=canvas.public_jwk)
    assert canvas.ask_token(canvas.claims(sub="55")).status == 200
    assert scene.replace("0.5").status == 200


def test_running_requests_hold_fifty_units_each(canvas: Canvas, scene: Scene) -> None:
    scene.posted()
    canvas.order("switch", throttle="real", faults=[{"kind": "slow", "seconds": 30}])
    answers = [scene.post(extension={"new_submission": False}).status for _ in range(13)]
    assert answers.count(200) == 11
    canvas.clock.forward(seconds=31)
    assert scene.post().status == 200


def test_unsigned_requests_share_a_bucket(canvas: Canvas, scene: Scene) -> None:
    canvas.order("switch", throttle="real")
    assert canvas.call("GET", scene.line_item, token="").status == 401


# The rest of the platform


def test_the_platform_shows_its_keys(canvas: Canvas) -> None:
    first, again = (canvas.send("GET", "/api/lti/security/jwks") for _ in range(2))
    (key,) = json.loads(first.body)["keys"]
    assert first.body == again.body
    assert (key["kty"], key["use"], base64.urlsafe_b64decode(key["e"])) == ("RSA", "sig", b"\x01\x00\x01")
    assert jwt.PyJWK(key, algorithm="RS256").key_id == key["kid"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("POST", "/api/lti/security/jwks"),
        ("PATCH", "/api/lti/courses/1/line_items/1"),
        ("GET", "/api/lti/v1/tools/1/grade_passback"),
        ("GET", "/login/oauth2/token"),
        ("GET", "/gradebook/1/grade"),
    ],
)
def test_other_addresses_are_404(canvas: Canvas, method: str, path: str) -> None:
    assert canvas.send(method, path).status == 404


def test_the_state_is_saved_and_loaded_whole(canvas: Canvas, scene: Scene) -> None:
    scene.posted(extension={"x": [1, None, {"y": 0.5}]}, comment="é")
    scene.replace("0.5", "", "<needsAdditionalReview/>")
    before, results = scene.state(), scene.results()
    canvas.simulator = Simulator.load(canvas.simulator.dump(), canvas.clock)
    assert (scene.state(), scene.results()) == (before, results)
    assert canvas.simulator.dump() == Simulator.load(canvas.simulator.dump()).dump()
    assert canvas.clock.now == START


def test_a_key_can_be_limited_to_scopes(canvas: Canvas) -> None:
    told = canvas.order("register", client_id="7", public_jwk={}, scopes=[SCORE], on=False)
    assert told == {"client_id": "7", "scopes": [SCORE], "on": False, "active": True}
