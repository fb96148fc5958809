"""What is typed wrong is told before AWS is asked anything."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from passback.cli import cli
from passback.session import Session

CERTIFICATE = ("--certificate", "arn:aws:acm:eu-central-1:1:certificate/a")


def refused(folder: Path, *words: str, **environment: str) -> tuple[str, int]:
    session = Session(environment={"HOME": str(folder), **environment})
    result = CliRunner().invoke(cli, ["setup", *words, "--json", "--project-dir", str(folder)], obj=session)
    assert "Traceback" not in result.output
    message: str = json.loads(result.stdout)["error"]["message"]
    return message, result.exit_code


@pytest.mark.parametrize(
    ("words", "said", "status"),
    [
        (("--stage", "Prod"), "A stage's name has lower case letters", 1),
        (("--stage", "local"), "Stage local is the one of `passback serve`", 1),
        (("--stage", "prod", "--domain", "x.example.edu"), "--domain and --certificate go together", 2),
        (("--stage", "prod", *CERTIFICATE), "--domain and --certificate go together", 2),
        (("--stage", "prod", "--domain", "https://x", *CERTIFICATE), "write it like grades.example.edu, without", 2),
        (("--stage", "prod", "--domain", "x.example.edu:443", *CERTIFICATE), "is no domain's name", 2),
        (("--stage", "prod", "--domain", "x..example.edu", *CERTIFICATE), "is no domain's name", 2),
        (("--stage", "prod", "--public-url", "grades.example.edu"), "is no base URL", 2),
        (
            ("--stage", "prod", "--public-url", "http://old.example.edu"),
            "tools reach a deployed stage by https only",
            2,
        ),
        (("--stage", "prod", "--confirm", "prod"), "go with --destroy", 2),
        (("--stage", "prod", "--destroy", "--plan"), "--destroy has no plan", 2),
        (("--stage", "prod", "--destroy", "--yes"), "add --confirm prod", 2),
        (("--stage", "prod", "--worker-concurrency", "1"), "2<=x<=1000", 2),
        (("--stage", "prod"), "No AWS region is set: export AWS_REGION", 1),
    ],
)
def test_it_says_what_is_wrong(tmp_path: Path, clean_aws: None, words: tuple[str, ...], said: str, status: int) -> None:
    message, exit_status = refused(tmp_path, *words)
    assert said in message
    assert exit_status == status


def test_the_local_stack_may_be_reached_by_http(tmp_path: Path, clean_aws: None) -> None:
    words = ("--stage", "local", "--public-url", "http://127.0.0.1:8000")
    message, _ = refused(tmp_path, *words, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert "No AWS region is set" in message


@pytest.fixture
def clean_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep whoever runs the tests out of it."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
