import threading
from typing import Any

import pytest
from chalice.app import Chalice, Request, Response

from passback.local.gateway import LARGEST_BODY, Gateway, GatewayRequest, match_route

METHODS = ["GET", "POST", "HEAD"]
RESOURCES = ["/", "/outcomes", "/tools/{id}/grade", "/tools/fixed/grade", "/tools/{id}", "/{proxy+}"]


def request(path: str = "/seen", method: str = "POST", **changed: Any) -> GatewayRequest:
    fields: dict[str, Any] = {"query": "", "headers": [("Host", "127.0.0.1:8080")], "body": b""} | changed
    return GatewayRequest(method=method, path=path, **fields)


def current_request(app: Chalice) -> Request:
    assert app.current_request is not None
    return app.current_request


@pytest.fixture
def seen() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def app(seen: list[dict[str, Any]]) -> Chalice:
    app = Chalice(app_name="under-test")

    @app.route("/seen", methods=METHODS, content_types=["*/*"])
    def view() -> Response:
        current = current_request(app)
        seen.append({**current.to_original_event(), "raw_body": current.raw_body})
        return Response(body="é", status_code=422, headers={"Content-Type": "application/xml"})

    @app.route("/{proxy+}", methods=METHODS, content_types=["*/*"])
    def rest() -> Response:  # Chalice hands no argument over for a parameter that takes the rest of a path
        return Response(
            body=(current_request(app).uri_params or {})["proxy"],
            status_code=404,
            headers={"Content-Type": "text/plain"},
        )

    return app


@pytest.fixture
def gateway(app: Chalice) -> Gateway:
    return Gateway(app, now=lambda: 1_700_000_000.5)


@pytest.mark.parametrize(
    ("path", "resource", "parameters"),
    [
        ("/", "/", {}),
        ("/outcomes", "/outcomes", {}),
        ("/outcomes/", "/outcomes", {}),
        ("/tools/7/grade", "/tools/{id}/grade", {"id": "7"}),
        ("/tools/7/grade/", "/tools/{id}/grade", {"id": "7"}),
        ("/tools/fixed/grade", "/tools/fixed/grade", {}),
        ("/tools/fixed", "/tools/{id}", {"id": "fixed"}),
        ("/tools/7/other", "/{proxy+}", {"proxy": "tools/7/other"}),
        ("/outcomes/more", "/{proxy+}", {"proxy": "outcomes/more"}),
        ("/OUTCOMES", "/{proxy+}", {"proxy": "OUTCOMES"}),
        ("//", "/{proxy+}", {"proxy": ""}),
    ],
)
def test_a_path_is_routed_as_api_gateway_does(path: str, resource: str, parameters: dict[str, str]) -> None:
    route = match_route(RESOURCES, path)
    assert route is not None
    assert (route.resource, route.parameters) == (resource, parameters)


def test_a_path_without_a_route_is_answered_by_the_gateway_itself() -> None:
    answer = Gateway(Chalice(app_name="empty")).handle(request())
    assert (answer.status, answer.body) == (403, b'{"message":"Missing Authentication Token"}')


@pytest.mark.parametrize(
    "body", [b"", b"<a/>", "<a>é😀</a>".encode(), b"\xff\xfe\x00", b"\r\n", "<a>é</a>".encode("latin-1")]
)
def test_the_exact_bytes_of_the_body_arrive(gateway: Gateway, seen: list[dict[str, Any]], body: bytes) -> None:
    gateway.handle(request(body=body))
    assert seen[0]["raw_body"] == body


def test_time_host_path_and_query_are_in_the_event(gateway: Gateway, seen: list[dict[str, Any]]) -> None:
    gateway.handle(request("/seen/", query="a=1&b=%20+x&a=2&c"))
    context = seen[0]["requestContext"]
    assert context["requestTimeEpoch"] == 1_700_000_000_500
    assert context["domainName"] == "127.0.0.1:8080"
    assert context["path"] == "/seen/"
    assert context["httpMethod"] == "POST"
    assert seen[0]["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["  x"], "c": [""]}


def test_the_path_is_kept_as_it_was_sent(gateway: Gateway) -> None:
    assert gateway.handle(request("/tools/a%2Fb//c")).body == b"tools/a%2Fb//c"


def test_repeated_headers_are_kept(gateway: Gateway, seen: list[dict[str, Any]]) -> None:
    gateway.handle(request(headers=[("host", "h"), ("authorization", "OAuth a"), ("authorization", "OAuth b")]))
    assert seen[0]["multiValueHeaders"]["authorization"] == ["OAuth a", "OAuth b"]


def test_what_a_client_says_of_forwarding_does_not_come_through(gateway: Gateway, seen: list[dict[str, Any]]) -> None:
    gateway.handle(request(headers=[("x-forwarded-proto", "https")]))
    assert seen[0]["multiValueHeaders"] == {"X-Forwarded-Proto": ["http"]}


def test_the_answer_comes_back_whole(gateway: Gateway) -> None:
    answer = gateway.handle(request())
    assert (answer.status, answer.body) == (422, "é".encode())
    assert ("Content-Type", "application/xml") in answer.headers


def test_repeated_and_binary_answers_come_back(app: Chalice) -> None:
    @app.route("/binary", methods=["GET"])
    def binary() -> Response:
        return Response(b"\x00\xff", headers={"Content-Type": "image/png", "X-Two": ["1", "2"]})

    answer = Gateway(app).handle(request("/binary", "GET", headers=[("accept", "image/png")]))
    assert answer.body == b"\x00\xff"
    assert [value for name, value in answer.headers if name == "X-Two"] == ["1", "2"]


def test_a_body_above_the_limit_never_reaches_the_app(gateway: Gateway, seen: list[dict[str, Any]]) -> None:
    assert gateway.handle(request(body=b"x" * (LARGEST_BODY + 1))).status == 413
    assert seen == []


def test_a_method_that_no_route_has_is_answered_by_the_app(gateway: Gateway) -> None:
    assert gateway.handle(request(method="PURGE")).status == 405


def test_threads_do_not_see_each_others_requests(app: Chalice) -> None:
    both = threading.Barrier(8, timeout=10)

    @app.route("/slow", methods=["POST"], content_types=["*/*"])
    def slow() -> Response:
        both.wait()  # all eight requests have been made current by now
        body = current_request(app).raw_body
        assert isinstance(body, bytes)
        return Response(body=body.decode(), headers={"Content-Type": "text/plain"})

    gateway, answers = Gateway(app), {}

    def call(number: int) -> None:
        answers[number] = gateway.handle(request("/slow", body=str(number).encode())).body

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: str(number).encode() for number in range(8)}
