"""What is entered at a platform, before it is added here."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from chalicelib.lti13.token_request import SCOPES
from command_line.running import Operator

BASE = "https://passback.example.edu"


@pytest.fixture(autouse=True)
def _no_stack(operator: Operator, tmp_path_factory: pytest.TempPathFactory) -> None:
    operator.environment["PASSBACK_HOME"] = str(tmp_path_factory.mktemp("home"))


def test_canvas_gets_json_to_paste_and_nothing_else_on_standard_output(operator: Operator) -> None:
    result = operator.run("platform", "configuration", "--profile", "canvas", "--base-url", f"{BASE}/")
    pasted = json.loads(result.stdout)
    assert "Paste JSON" in result.stderr
    assert pasted["scopes"] == list(SCOPES)
    assert pasted["public_jwk_url"] == f"{BASE}/.well-known/jwks.json"
    # Canvas, lti_dev_key_config: these are required, and one of the two keys.
    assert {"title", "description", "oidc_initiation_url", "target_link_uri"} <= pasted.keys()
    (extension,) = pasted["extensions"]
    assert (extension["platform"], extension["privacy_level"]) == ("canvas.instructure.com", "anonymous")
    assert extension["settings"]["placements"] == []
    assert "domain" not in extension


def test_the_old_tools_host_lets_canvas_move_its_assignments(operator: Operator) -> None:
    words = ["--profile", "canvas", "--base-url", BASE, "--tool-domain", "Quiz.Example.com", "--title", "Prüfungen"]
    document = operator.ok("platform", "configuration", *words)
    assert document["profile"] == "canvas"
    assert document["configuration"]["extensions"][0]["domain"] == "quiz.example.com"
    assert document["configuration"]["title"] == "Prüfungen"


def test_moodle_gets_the_fields_of_its_form(operator: Operator) -> None:
    words = ["platform", "configuration", "--profile", "moodle", "--base-url", BASE]
    fields = operator.ok(*words)["configuration"]
    assert fields["Public keyset"] == f"{BASE}/.well-known/jwks.json"
    assert fields["IMS LTI Assignment and Grade Services"] == "Use this service for grade sync only"
    assert "Keyset URL" in operator.run(*words).stdout


def test_any_other_platform_gets_addresses_and_scopes(operator: Operator) -> None:
    fields = operator.ok("platform", "configuration", "--profile", "generic", "--base-url", BASE)["configuration"]
    assert fields["key set URL"] == f"{BASE}/.well-known/jwks.json"
    assert fields["scopes"].split() == list(SCOPES)


def test_a_platform_that_cannot_reach_us_gets_the_key_itself(operator: Operator) -> None:
    (published,) = operator.ok("key", "show")["keys"]
    words = ["platform", "configuration", "--base-url", BASE, "--static-key", "--profile"]
    canvas = operator.ok(*words, "canvas")["configuration"]
    assert canvas["public_jwk"] == published
    assert "public_jwk_url" not in canvas  # when both are there, Canvas takes the URL
    moodle = operator.ok(*words, "moodle")["configuration"]
    assert moodle["Public key type"] == "RSA key"
    key = serialization.load_pem_public_key(moodle["Public key"].encode())
    assert isinstance(key, RSAPublicKey)
    assert key.public_numbers().n == int.from_bytes(base64.urlsafe_b64decode(published["n"] + "=="))
    assert moodle["Public key"] in operator.run(*words, "moodle").stdout  # line by line, to be copied
    assert operator.ok(*words, "generic")["configuration"]["public key"] == moodle["Public key"]


def test_without_a_key_there_is_none_to_give(operator: Operator) -> None:
    error = operator.fails("platform", "configuration", "--base-url", BASE, "--profile", "canvas", "--static-key")
    assert "passback key show" in error["message"]


def test_without_an_address_the_first_public_one_counts(operator: Operator) -> None:
    operator.environment["PASSBACK_PUBLIC_URLS"] = f"{BASE}/api {BASE}"
    document = operator.ok("platform", "configuration", "--profile", "canvas")["configuration"]
    assert document["public_jwk_url"] == f"{BASE}/api/.well-known/jwks.json"


def test_nobody_is_asked(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("passback.session.Session.services", property(lambda _: pytest.fail("asked for services")))
    result = operator.run("platform", "configuration", "--profile", "canvas", "--base-url", BASE)
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--profile", "canvas"], "--base-url https://"),
        (["--profile", "canvas", "--base-url", "http://passback.example.edu"], "must be https"),
        (["--profile", "canvas", "--base-url", "passback.example.edu"], "whole URL"),
        (["--profile", "canvas", "--base-url", f"{BASE}?x=1"], "no query"),
        (["--profile", "canvas", "--base-url", BASE, "--tool-domain", "https://quiz.example.com"], "is no host"),
        (["--profile", "moodle", "--base-url", BASE, "--tool-domain", "quiz.example.com"], "--tool-domain is Canvas's"),
    ],
)
def test_what_makes_no_configuration_is_refused_in_words(operator: Operator, words: list[str], says: str) -> None:
    error = operator.fails("platform", "configuration", *words)
    assert error["code"] == "usage"
    assert says in error["message"]
