import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

import passback.doctor
from chalicelib.clock import Deadline, SystemClock
from chalicelib.config import Settings
from chalicelib.delivery.pacing import Pace
from chalicelib.delivery.sqs import create_queues
from chalicelib.lti13.keys import SigningKey
from chalicelib.lti13.tokens import token_key
from chalicelib.lti13.transport import Transport
from chalicelib.services import Services, connect
from chalicelib.storage.clients import make_sqs_client
from chalicelib.storage.table import Table
from command_line.running import Operator
from passback.check import Check, CheckState
from passback.checks import all_checks
from passback.cli import cli
from passback.session import Session

BASE = "https://passback.example.org"
LINE_ITEM = "https://canvas.example.edu/api/lti/courses/1/line_items/2"
Answer = Callable[[httpx.Request], httpx.Response]


def platform_answer(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/login/oauth2/token":
        return httpx.Response(200, json={"access_token": "t", "token_type": "Bearer", "expires_in": 3600})
    if request.url.path.endswith("/results"):
        return httpx.Response(200, json=[])
    return httpx.Response(200, json={"id": LINE_ITEM, "scoreMaximum": 10, "label": "Quiz"})


def refusing(path: str, status: int, document: Any) -> Answer:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json=document) if path in request.url.path else platform_answer(request)

    return answer


def services_with(operator: Operator, answer: Answer = platform_answer) -> Services:
    """The operator's services, with this platform at the other end."""
    plain = operator.services
    http = httpx.Client(transport=httpx.MockTransport(answer))
    transport = Transport(http, SystemClock(), resolve=lambda _host, _port: ["93.184.216.34"])
    return _connected(operator, transport, plain.table)


def _connected(operator: Operator, transport: Transport, table: Table) -> Services:
    plain, clock = operator.services, SystemClock()
    return connect(plain.settings, clock, transport, table, plain.tools._sealer, operator.queue, Pace(clock))


def checked(services: Services, base_url: str | None = BASE, **changed: Any) -> dict[str, Check]:
    def published(_url: str) -> Any:
        return {"keys": [{"kid": key.kid} for key in services.signing_keys.list()]}

    seams = {"resolve": lambda _host: ["93.184.216.34"], "fetch": published} | changed
    return {check.name: check for check in all_checks(services, base_url, **seams)}


@pytest.fixture
def ready(operator: Operator) -> Operator:
    operator.environment["AWS_ENDPOINT_URL_SQS"] = "https://sqs.us-east-1.amazonaws.com"
    settings = Settings()
    queues = settings.queue, settings.dead_letter_queue
    create_queues(make_sqs_client(settings, operator.environment), *queues)
    operator.add_platform()
    operator.add_tool()
    operator.ok("key", "show")
    words = ["--key", "quiz-tool", "--sourcedid", "s", "--platform", "campus", "--line-item", LINE_ITEM]
    operator.ok("mapping", "add", *words, "--user-id", "u")
    return operator


def test_when_all_is_in_place_every_check_is_ok(ready: Operator) -> None:
    checks = checked(services_with(ready))
    assert {check.state for check in checks.values()} == {CheckState.OK}
    assert list(checks) == [
        "settings",
        "table",
        "signing key",
        "key set",
        "campus: hosts",
        "campus: token",
        "campus: line item",
        "campus: result",
    ]
    assert "10" in checks["campus: line item"].detail


@pytest.mark.parametrize(
    ("answer", "name", "remedy"),
    [
        (refusing("token", 400, {"error": "invalid_scope"}), "token", "scopes"),
        (refusing("token", 401, {"error": "invalid_client"}), "token", ""),
        (refusing("token", 503, {}), "token", "up"),
        (refusing("line_items", 404, {"errors": {"message": "not found"}}), "line item", "import"),
        (refusing("line_items", 500, {}), "line item", "up"),
        (refusing("/results", 401, {"errors": {"message": "Insufficient permissions"}}), "result", ""),
        (refusing("/results", 503, {}), "result", "up"),
    ],
)
def test_what_a_platform_refuses_is_told_with_what_to_do(
    ready: Operator, answer: Answer, name: str, remedy: str
) -> None:
    check = checked(services_with(ready, answer))[f"campus: {name}"]
    assert check.state is CheckState.FAILED
    assert check.remedy
    assert remedy in check.remedy


def test_a_token_from_before_does_not_stand_for_one_that_is_refused_now(ready: Operator) -> None:
    granting = services_with(ready)
    platform = granting.platforms.get("campus")
    assert platform is not None
    granting.tokens.token(platform, Deadline.after(granting.clock, 5.0))
    stored = ready.services.token_store.get(token_key(platform))
    check = checked(services_with(ready, refusing("token", 503, {})))["campus: token"]
    assert check.state is CheckState.FAILED
    assert checked(services_with(ready))["campus: token"].state is CheckState.OK
    assert ready.services.token_store.get(token_key(platform)) == stored  # the functions go on with theirs


def test_what_a_platform_that_is_away_is_told_with_is_a_sentence(ready: Operator) -> None:
    def away(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("[Errno -2] Name or service not known")

    assert checked(services_with(ready, away))["campus: token"].detail.endswith(".")


def test_without_a_token_no_line_item_is_asked_for(ready: Operator) -> None:
    assert "campus: line item" not in checked(services_with(ready, refusing("token", 503, {})))


def test_a_platform_without_a_mapping_is_told_with_how_far_was_looked(
    ready: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("passback.checks._LOOKED_AT", 0)
    check = checked(services_with(ready))["campus: line item"]
    assert check.state is CheckState.SKIPPED
    assert check.detail == "None of the first 0 mappings of each tool points to this platform."


def unknown_name(_host: str) -> list[str]:
    raise OSError("unknown")


@pytest.mark.parametrize(
    ("resolve", "says"),
    [(unknown_name, "not known"), (lambda _host: ["10.0.0.1"], "private"), (lambda _: ["127.0.0.1"], "loopback")],
)
def test_hosts_that_cannot_be_called_are_told(ready: Operator, resolve: Callable[[str], list[str]], says: str) -> None:
    check = checked(services_with(ready), resolve=resolve)["campus: hosts"]
    assert check.state is CheckState.FAILED
    assert says in check.detail


def broken_fetch(_url: str) -> Any:
    raise ConnectionError


@pytest.mark.parametrize(
    ("fetch", "says"),
    [(broken_fetch, "gives no key set"), (lambda _url: [], "gives no key set"), (lambda _url: {"keys": []}, "lacks")],
)
def test_a_key_set_that_platforms_cannot_use_is_told(ready: Operator, fetch: Callable[[str], Any], says: str) -> None:
    check = checked(services_with(ready), fetch=fetch)["key set"]
    assert check.state is CheckState.FAILED
    assert says in check.detail


def test_without_a_public_url_the_key_set_is_not_checked(ready: Operator) -> None:
    assert checked(services_with(ready), base_url=None)["key set"].state is CheckState.SKIPPED


def test_an_empty_table_is_told_step_by_step(operator: Operator) -> None:
    checks = checked(services_with(operator))
    assert checks["signing key"].remedy == "Make the first one: `passback key show`."
    assert checks["platforms"].state is CheckState.FAILED


def test_a_platform_without_mappings_and_key_is_checked_as_far_as_possible(operator: Operator) -> None:
    operator.add_platform()
    assert checked(services_with(operator))["campus: token"].state is CheckState.SKIPPED
    operator.ok("key", "show")
    assert checked(services_with(operator))["campus: line item"].state is CheckState.SKIPPED


def test_a_table_that_is_not_there_ends_the_checks(ready: Operator) -> None:
    plain = services_with(ready)
    elsewhere = _connected(ready, plain.transport, Table(ready.client, "no-such-table"))
    checks = checked(elsewhere)
    assert checks["table"].state is CheckState.FAILED
    assert list(checks) == ["settings", "table"]


def run_doctor(services: Services, environment: dict[str, str], *words: str) -> Any:
    session = Session(environment=environment, _services=services)
    return CliRunner().invoke(cli, ["doctor", *words], obj=session)


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passback.doctor, "system_resolve", lambda _host: ["93.184.216.34"])


@pytest.mark.usefixtures("reachable")
def test_the_command_ends_with_0_when_nothing_failed(ready: Operator) -> None:
    result = run_doctor(services_with(ready), ready.environment, "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert document["ok"] is True
    assert {each["state"] for each in document["checks"]} == {"ok", "skipped"}
    assert [each["check"] for each in document["checks"]][-4:] == [
        "signed URL",
        "queues",
        "worker and schedule",
        "campus: clock",
    ]


@pytest.mark.usefixtures("reachable")
def test_the_command_ends_with_1_when_something_failed_and_says_what_to_do(ready: Operator) -> None:
    services = services_with(ready, refusing("token", 503, {}))
    result = run_doctor(services, ready.environment)
    assert result.exit_code == 1
    assert "1 check failed." in result.stdout
    assert "Try again in a minute" in result.stdout
    assert json.loads(run_doctor(services, ready.environment, "--json").stdout)["error"]["code"] == "checks_failed"


def test_a_platform_that_does_not_know_the_new_key_yet_is_told_so(ready: Operator) -> None:
    ready.ok("platform", "set", "campus", "--static-key")
    in_use = ready.services.signing_keys.list()[0]
    newer = SigningKey("newer", "", in_use.created_at + timedelta(days=1))
    ready.services.signing_keys.change(lambda keys: (*keys, newer))
    answer = refusing("token", 400, {"error": "invalid_request", "error_description": "JWS signature invalid."})
    check = checked(services_with(ready, answer))["campus: token"]
    assert check.state is CheckState.FAILED
    assert "passback key list" in check.remedy
