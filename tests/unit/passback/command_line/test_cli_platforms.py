import pytest

from command_line.running import Operator, platform_words


def test_a_platform_is_added_shown_listed_and_removed(operator: Operator) -> None:
    added = operator.add_platform()
    assert added["platform"]["hosts"] == ["canvas.example.edu"]
    assert operator.ok("platform", "show", "campus") == added
    assert operator.ok("platform", "list") == {"platforms": [added["platform"]]}
    assert operator.ok("platform", "remove", "campus", "--yes") == {"removed": "campus", "failed_deliveries": 0}
    assert operator.ok("platform", "list") == {"platforms": []}


def test_a_removal_is_asked_for_with_what_then_points_nowhere(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator.add_platform()
    unmapped = operator.run("platform", "remove", "campus", stdin=b"n\n")
    assert "No mapping points to it. Go on?" in unmapped.stderr
    operator.add_tool()
    line_item = "https://canvas.example.edu/api/lti/courses/1/line_items/2"
    for sourcedid in ("a", "b"):
        words = ["--key", "quiz-tool", "--sourcedid", sourcedid, "--platform", "campus", "--line-item", line_item]
        operator.ok("mapping", "add", *words, "--user-id", "u")
    declined = operator.run("platform", "remove", "campus", stdin=b"n\n")
    assert "Mappings that then point nowhere: 2." in declined.stderr
    assert "Nothing was changed." in declined.stderr
    assert operator.fails("platform", "remove", "campus")["code"] == "usage"
    monkeypatch.setattr("passback.platforms.LOOKED_AT", 1)
    cut = operator.run("platform", "remove", "campus", stdin=b"")
    assert (cut.exit_code, "point nowhere: at least 1." in cut.stderr) == (2, True)
    assert [each["name"] for each in operator.ok("platform", "list")["platforms"]] == ["campus"]
    assert operator.run("platform", "remove", "campus", stdin=b"y\n").stdout == "Platform campus is removed.\n"
    assert operator.ok("platform", "list") == {"platforms": []}


def test_hosts_are_kept_in_the_form_that_calls_are_compared_with(operator: Operator) -> None:
    words = [*platform_words(host="Canvas.Example.edu:443"), "--host", "bücher.example:8443"]
    assert operator.ok(*words)["platform"]["hosts"] == ["canvas.example.edu", "xn--bcher-kva.example:8443"]


def test_a_taken_name_is_refused_and_the_first_registration_stays(operator: Operator) -> None:
    operator.add_platform()
    assert operator.fails(*platform_words(client_id="other"))["code"] == "already_exists"
    assert operator.ok("platform", "show", "campus")["platform"]["client_id"] == "10000000000001"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"token_url": "https://elsewhere.example/token"}, "elsewhere.example is not registered"),
        ({"token_url": "http://canvas.example.edu/token"}, "must be https"),
        ({"token_url": "http://127.0.0.1:8081/token"}, "must be https"),
        ({"token_url": "canvas.example.edu/token"}, "whole URL"),
        ({"token_url": "https://user@canvas.example.edu/token"}, "user name"),
        ({"token_url": "https://canvas.example.edu\\@evil.example/token"}, "whole URL"),
        ({"issuer": "http://canvas.example.edu"}, "must be https"),
        ({"jwks_url": "ftp://canvas.example.edu/keys"}, "whole URL"),
        ({"auth_url": "https://canvas.example.edu/auth#x"}, "fragment"),
        ({"client_id": " "}, "--client-id"),
        ({"audience": "a\tb"}, "--audience"),
    ],
)
def test_a_wrong_url_is_refused_in_words(operator: Operator, changed: dict[str, str], says: str) -> None:
    error = operator.fails(*platform_words(**changed))
    assert error["code"] == "usage"
    assert says in error["message"]
    assert operator.ok("platform", "list") == {"platforms": []}


@pytest.mark.parametrize(
    "host", ["https://canvas.example.edu", "canvas.example.edu/x", "a b", "u@h", "h:port", "", "1.2"]
)
def test_what_is_no_host_is_refused(operator: Operator, host: str) -> None:
    error = operator.fails(*platform_words(), "--host", host)
    assert "is no host" in error["message"]


def test_loopback_http_is_taken_on_the_local_stack(operator: Operator) -> None:
    operator.environment |= {
        "PASSBACK_STAGE": "local",
        "AWS_ENDPOINT_URL": "https://dynamodb.us-east-1.amazonaws.com",
    }
    url = "http://127.0.0.1:8081/login/oauth2/token"
    added = operator.ok(*platform_words(host="127.0.0.1:8081", token_url=url))
    assert added["platform"]["token_url"] == url


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "ä", "a/b"])
def test_a_name_that_cannot_be_one_is_refused(operator: Operator, name: str) -> None:
    assert operator.fails(*platform_words(name))["code"] == "usage"


def test_a_platform_that_is_not_there_is_not_found(operator: Operator) -> None:
    assert operator.fails("platform", "show", "nowhere")["code"] == "not_found"
    assert operator.fails("platform", "remove", "nowhere")["code"] == "not_found"


def test_people_get_plain_columns_when_piped(operator: Operator) -> None:
    operator.add_platform()
    result = operator.run("platform", "list")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["name", "profile", "client", "id", "hosts"]
    assert lines[1].split() == ["campus", "canvas", "10000000000001", "canvas.example.edu"]
    assert "\x1b" not in result.stdout
    assert "\t" not in result.stdout


def test_private_addresses_are_allowed_only_when_said(operator: Operator) -> None:
    assert operator.add_platform()["platform"]["allow_private"] is False
    assert operator.ok(*platform_words("other"), "--allow-private")["platform"]["allow_private"] is True
