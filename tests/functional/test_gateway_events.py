"""API Gateway's events as they come: whatever domain, stage and base path are in them, the signed URL is found."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import lti
import pytest
import requests
from oauthlib.oauth1 import rfc5849
from pox import replace_result, signed_headers
from stage import CONSUMER_KEY, SECRET, Seat, Stage, open_stage

from .doors import assert_refused, hand_over

EVENTS = Path(__file__).parent.parent / "events"
SOURCEDID = 'course-v1:Zürich+{"data":{"instanceid":"7"}}-0042'

DEFAULT = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com/api"
CUSTOM = "https://grades.example.edu"
QUERY = "?group=b%2Fc&group=a%20b&empty=&next=https%3A%2F%2Ftool.example%2F%3Fx%3D1%2526y&umlaut=%C3%BC&plus=1%2B1"

SIGNED_FOR = {
    "default_domain": f"{DEFAULT}/outcomes",
    "default_domain_canvas_path": f"{DEFAULT}/api/lti/v1/tools/42/grade_passback",
    "custom_domain": f"{CUSTOM}/outcomes",
    "custom_domain_canvas_path": f"{CUSTOM}/api/lti/v1/tools/42/grade_passback",
    "custom_domain_base_path": f"{CUSTOM}/passback/outcomes",
    "base64_body": f"{DEFAULT}/outcomes",
    "query_string": f"{DEFAULT}/outcomes{QUERY}",
    "trailing_slash": f"{DEFAULT}/outcomes/",
    "no_accept": f"{DEFAULT}/outcomes",
    "lower_case_headers": f"{DEFAULT}/outcomes",
}
"""The events whose outcome arrives, and what the tool signed."""

Sign = Callable[[str, str], tuple[dict[str, str], bytes]]
Event = dict[str, Any]


def recorded(name: str) -> Event:
    event: Event = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def mapped(stage: Stage) -> Seat:
    return stage.seat(points=10, sourcedid=SOURCEDID)


def carrying(name: str, headers: dict[str, str], body: bytes) -> Event:
    """Put another signed outcome into an event, under the header names that the event has."""
    event = recorded(name)
    for header, value in headers.items():
        known = next((key for key in event["headers"] if key.lower() == header.lower()), header)
        event["headers"][known] = value
        event["multiValueHeaders"][known] = [value]
    event |= {"body": body.decode(), "isBase64Encoded": False}
    return event


def text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def stored(stage: Stage, seat: Seat) -> Decimal | None:
    score: Decimal | None = stage.state(seat)["score"]
    return score


@pytest.fixture
def tool_clock(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Client libraries look at the machine's clock; here they look at the stage's."""
    monkeypatch.setattr(rfc5849, "generate_timestamp", lambda: str(int(stage.clock.now().timestamp())))


@pytest.fixture
def sign_with_lti(tool_clock: None, monkeypatch: pytest.MonkeyPatch) -> Sign:
    """PyPI ``lti``, taken at its transport."""
    sent: list[requests.PreparedRequest] = []

    def send(_self: requests.Session, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        sent.append(request)
        raise requests.ConnectionError("kept off the network")

    monkeypatch.setattr(requests.Session, "send", send)

    def sign(url: str, score: str) -> tuple[dict[str, str], bytes]:
        request = lti.OutcomeRequest(
            {
                "consumer_key": CONSUMER_KEY,
                "consumer_secret": SECRET,
                "lis_outcome_service_url": url,
                "lis_result_sourcedid": SOURCEDID,
                "message_identifier": "m-1",
            }
        )
        with pytest.raises(requests.ConnectionError):
            request.post_replace_result(score)
        prepared = sent.pop()
        assert isinstance(prepared.body, bytes)
        return {name: text(prepared.headers[name]) for name in ("Authorization", "Content-Type")}, prepared.body

    return sign


def sign_with_oauthlib(stage: Stage, url: str, body: bytes) -> dict[str, str]:
    return signed_headers(url, body, CONSUMER_KEY, SECRET, timestamp=int(stage.clock.now().timestamp()))


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Start Passback with public URLs."""
    opened = []

    def start(*public_urls: str) -> Stage:
        manager = open_stage(tmp_path, public_urls=public_urls)
        opened.append(manager)
        return manager.__enter__()

    yield start
    for manager in opened:
        manager.__exit__(None, None, None)


@pytest.mark.parametrize("name", SIGNED_FOR)
def test_a_recorded_outcome_arrives(stage: Stage, name: str) -> None:
    seat = mapped(stage)
    answer = hand_over(recorded(name))
    assert (answer.status, answer.code, answer.message_ref) == (200, "success", "recorded-1"), answer.text
    assert stored(stage, seat) == Decimal("9.2")


@pytest.mark.parametrize("name", SIGNED_FOR)
def test_an_outcome_of_the_lti_library_arrives(stage: Stage, name: str, sign_with_lti: Sign) -> None:
    seat = mapped(stage)
    answer = hand_over(carrying(name, *sign_with_lti(SIGNED_FOR[name], "0.87")))
    assert (answer.status, answer.code) == (200, "success"), answer.text
    assert stored(stage, seat) == Decimal("8.7")


@pytest.mark.parametrize("name", SIGNED_FOR)
def test_an_outcome_signed_for_another_host_or_path_is_refused(stage: Stage, name: str) -> None:
    seat = mapped(stage)
    url = SIGNED_FOR[name]
    other_host = url.replace("https://", "https://other-")
    for signed_for in (other_host, url.replace("outcomes", "outcome").replace("/42/", "/43/"), f"{url}x"):
        body = replace_result(SOURCEDID, "0.5")
        answer = hand_over(carrying(name, sign_with_oauthlib(stage, signed_for, body), body))
        assert_refused(answer, 401, "Invalid authorization header")
    assert stored(stage, seat) is None


def test_an_http_url_does_not_stand_for_https(stage: Stage) -> None:
    mapped(stage)
    body = replace_result(SOURCEDID, "0.5")
    url = SIGNED_FOR["default_domain"].replace("https://", "http://")
    answer = hand_over(carrying("default_domain", sign_with_oauthlib(stage, url, body), body))
    assert_refused(answer, 401, "Invalid authorization header")


def test_the_port_443_and_the_case_of_the_host_do_not_count(stage: Stage) -> None:
    seat = mapped(stage)
    body = replace_result(SOURCEDID, "0.5")
    url = SIGNED_FOR["custom_domain"].replace("grades.example.edu", "Grades.Example.EDU:443")
    answer = hand_over(carrying("custom_domain", sign_with_oauthlib(stage, url, body), body))
    assert answer.code == "success", answer.text
    assert stored(stage, seat) == Decimal(5)


def test_an_outcome_that_came_with_two_authorizations_is_refused(stage: Stage) -> None:
    seat = mapped(stage)
    assert_refused(hand_over(recorded("duplicated_authorization")), 401, "Invalid authorization header")
    assert stored(stage, seat) is None


def test_an_authorization_repeated_in_another_case_is_refused(stage: Stage) -> None:
    mapped(stage)
    event = recorded("default_domain")
    event["multiValueHeaders"]["authorization"] = event["multiValueHeaders"]["Authorization"]
    assert_refused(hand_over(event), 401, "Invalid authorization header")


def test_an_outcome_without_a_content_type_is_refused_after_its_signature(stage: Stage) -> None:
    seat = mapped(stage)
    assert_refused(hand_over(recorded("no_content_type")), 415, "Content-Type must be 'application/xml'")
    tampered = recorded("no_content_type")
    tampered["body"] = tampered["body"].replace("0.92", "0.93")
    assert_refused(hand_over(tampered), 401, "Invalid authorization header")
    assert stored(stage, seat) is None


def test_a_recorded_form_arrives(stage: Stage) -> None:
    seat = mapped(stage)
    answer = hand_over(recorded("form"))
    assert (answer.status, "<codemajor>Success</codemajor>" in answer.text) == (200, True), answer.text
    assert stored(stage, seat) == Decimal("9.2")


def test_a_base64_body_is_hashed_as_the_bytes_it_stands_for(stage: Stage) -> None:
    mapped(stage)
    event = recorded("base64_body")
    event["isBase64Encoded"] = False
    assert_refused(hand_over(event), 401, "Invalid authorization header")


@pytest.mark.parametrize("name", ["body", "query", "Authorization", "Content-Type", "Host"])
def test_half_a_character_is_refused_and_breaks_nothing(stage: Stage, name: str) -> None:
    """JSON can hold a lone surrogate; UTF-8, and so whatever a tool signs, cannot."""
    seat = mapped(stage)
    event = recorded("default_domain")
    if name == "body":
        event["body"] = event["body"].replace("0.92", "0.92\ud800")
    elif name == "query":
        event |= {"multiValueQueryStringParameters": {"\ud800": ["\udfff"]}, "queryStringParameters": {"a": "\udfff"}}
    else:
        event["multiValueHeaders"][name] = [f"\ud800{event['headers'][name]}"]
    answer = hand_over(event)
    assert answer.status == {"Content-Type": 415, "Host": 200}.get(name, 401), answer.text  # the host is told twice
    assert stored(stage, seat) == (Decimal("9.2") if name == "Host" else None)


def test_the_query_string_is_part_of_what_was_signed(stage: Stage) -> None:
    mapped(stage)
    for change in ({"group": ["b/c"]}, {"group": ["b/c", "a b", "x"]}, {"plus": ["1 1"]}, {"more": [""]}):
        event = recorded("query_string")
        event["multiValueQueryStringParameters"] |= change
        assert_refused(hand_over(event), 401, "Invalid authorization header")
    plain = recorded("default_domain")
    plain |= {"multiValueQueryStringParameters": {"a": ["1"]}, "queryStringParameters": {"a": "1"}}
    assert_refused(hand_over(plain), 401, "Invalid authorization header")


def test_the_order_of_query_parameters_does_not_count(stage: Stage) -> None:
    """API Gateway hands the parameters over by name, their order is lost; signing sorts them (RFC 5849 3.4.1.3.2)."""
    seat = mapped(stage)
    event = recorded("query_string")
    many = event["multiValueQueryStringParameters"]
    event["multiValueQueryStringParameters"] = dict(reversed(list(many.items()))) | {"group": many["group"][::-1]}
    assert hand_over(event).code == "success"
    assert stored(stage, seat) == Decimal("9.2")


def test_a_slash_at_the_end_is_part_of_what_was_signed(stage: Stage) -> None:
    mapped(stage)
    event = recorded("trailing_slash")
    event["path"] = "/outcomes"
    event["requestContext"]["path"] = "/api/outcomes"
    assert_refused(hand_over(event), 401, "Invalid authorization header")


@pytest.mark.parametrize(
    ("name", "public_urls", "signed_for"),
    [
        ("default_domain", ["https://grades.school.example"], "https://grades.school.example/outcomes"),
        ("default_domain", ["https://grades.school.example/lti/11"], "https://grades.school.example/lti/11/outcomes"),
        ("default_domain", ["https://old.example", "https://new.example/x"], "https://old.example/outcomes"),
        ("default_domain", ["https://old.example", "https://new.example/x"], "https://new.example/x/outcomes"),
        ("default_domain", ["https://old.example"], f"{DEFAULT}/outcomes"),
        ("default_domain", [DEFAULT], f"{DEFAULT}/outcomes"),
        ("default_domain", ["https://school.example:8443/lti"], "https://school.example:8443/lti/outcomes"),
        (
            "default_domain_canvas_path",
            ["https://canvas.school.example"],
            "https://canvas.school.example/api/lti/v1/tools/42/grade_passback",
        ),
        ("custom_domain_base_path", ["https://front.example"], "https://front.example/passback/outcomes"),
        ("custom_domain_base_path", ["https://front.example"], "https://front.example/outcomes"),
        ("custom_domain_base_path", ["https://front.example/passback"], "https://front.example/passback/outcomes"),
        ("custom_domain_base_path", ["https://front.example/other"], "https://front.example/other/outcomes"),
        ("query_string", ["https://front.example/lti"], f"https://front.example/lti/outcomes{QUERY}"),
        ("trailing_slash", ["https://front.example/lti"], "https://front.example/lti/outcomes/"),
    ],
)
def test_a_url_under_a_public_base_url_is_found(
    deploy: Callable[..., Stage], name: str, public_urls: list[str], signed_for: str
) -> None:
    stage = deploy(*public_urls)
    seat = mapped(stage)
    body = replace_result(SOURCEDID, "0.31")
    answer = hand_over(carrying(name, sign_with_oauthlib(stage, signed_for, body), body))
    assert (answer.status, answer.code) == (200, "success"), answer.text
    assert stored(stage, seat) == Decimal("3.1")


def test_a_public_url_that_is_not_configured_is_refused(deploy: Callable[..., Stage]) -> None:
    stage = deploy("https://front.example/lti", "https://old.example")
    mapped(stage)
    for url in ("https://front.example/outcomes", "https://other.example/outcomes", "https://old.example/lti/outcomes"):
        body = replace_result(SOURCEDID, "0.31")
        answer = hand_over(carrying("default_domain", sign_with_oauthlib(stage, url, body), body))
        assert_refused(answer, 401, "Invalid authorization header")


def test_the_same_signed_request_is_one_request_on_every_domain(deploy: Callable[..., Stage]) -> None:
    """The digest is of the URL that was signed, not of the way that the request took."""
    stage = deploy(CUSTOM)
    seat = mapped(stage)
    first = recorded("custom_domain")
    authorization = first["headers"]["Authorization"]
    other_way = carrying("default_domain", {"Authorization": authorization}, first["body"].encode())
    assert hand_over(first).code == "success"
    assert hand_over(other_way).code == "success"
    assert len(stage.scores_posted()) == 1
    assert stage.state(seat)["attempt"] == 1
