"""What a new container loads for its first plain outcome: only what that outcome needs, as a tool waits for it."""

import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pox import replace_result, signed_headers
from stage import gateway_event

from chalicelib.lti13.tokens import token_key
from chalicelib.storage.keys import item_key
from chalicelib.storage.tokens import KIND
from deployed.stack import CONSUMER_KEY, SECRET, Deployed

pytestmark = pytest.mark.engine

NEVER_FOR_A_PLAIN_OUTCOME = {
    "jwt": "only a token's assertion is signed with it, and a token lasts an hour for all containers",
    "cryptography": "as jwt; KMS opens secrets and tokens itself",
    "boto3": "botocore's clients do the same",
    "s3transfer": "as boto3",
    "lxml.html": "answers are XML",
    "lxml.objectify": "the envelope is read element by element",
    "chalice.cli": "Chalice's tools stand beside the framework",
    "chalice.config": "as chalice.cli",
    "chalice.deploy": "as chalice.cli",
    "chalice.local": "as chalice.cli",
    "chalice.test": "as chalice.cli",
    "yaml": "as chalice.cli",
    "pip": "as chalice.cli",
    "asyncio": "one container answers one request at a time",
    "h2": "platforms are called by HTTP/1.1",
    "trio": "as asyncio",
    "click": "httpx has a command line where it finds this",
    "rich": "as click",
    "multiprocessing": "as asyncio",
    "sqlite3": "there is no database but the table",
    "unittest": "test code",
    "requests": "httpx calls platforms",
}
"""Modules, with all below them, and why a first plain outcome has no need for them."""

ANSWERS_ONE = """
import sys
sys.path.insert(0, sys.argv[1])
import app
import json
answer = app.app(json.load(sys.stdin), None)
print(json.dumps({"body": answer["body"], "modules": sorted(sys.modules)}))
"""


@dataclass(frozen=True)
class Fresh:
    """What a fresh process answered, and what it had loaded then."""

    body: str
    modules: set[str]


def answered_afresh(deployed: Deployed, code: Path) -> Fresh:
    """Let a process that has nothing but the zip answer one plain outcome."""
    url, now = deployed.account.outcome_url, datetime.now(UTC)
    body = replace_result(deployed.new_student().sourcedid, "0.75")
    headers = signed_headers(url, body, CONSUMER_KEY, SECRET, timestamp=int(now.timestamp()))
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", ANSWERS_ONE, str(code)],
        input=json.dumps(gateway_event(url, headers, body, now)),
        env=deployed.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return Fresh(found["body"], set(found["modules"]))


@pytest.fixture(scope="module")
def code(deployed: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    with zipfile.ZipFile(deployed.account.package.archive) as packed:
        packed.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def first(deployed: Deployed, code: Path) -> Fresh:
    """Take a container that finds a token in the table, as all but the hour's first do."""
    assert deployed.outcome(deployed.new_student()).post_replace_result("0.5").is_success()
    return answered_afresh(deployed, code)


def below(modules: set[str], name: str) -> set[str]:
    return {module for module in modules if module == name or module.startswith(f"{name}.")}


def test_the_outcome_was_a_plain_success(first: Fresh) -> None:
    assert "<imsx_codeMajor>success<" in first.body
    assert "<imsx_description/>" in first.body or "<imsx_description></imsx_description>" in first.body


@pytest.mark.parametrize("module", NEVER_FOR_A_PLAIN_OUTCOME)
def test_a_plain_outcome_does_not_load(first: Fresh, module: str) -> None:
    assert below(first.modules, module) == set(), NEVER_FOR_A_PLAIN_OUTCOME[module]


def test_what_it_does_load_is_seen(first: Fresh) -> None:
    """The list would be worth nothing if the names of modules were not those that Python has."""
    assert {"app", "chalice.app", "lxml.etree", "httpx", "botocore.session", "oauthlib.oauth1"} <= first.modules


def test_an_outcome_that_has_a_token_to_ask_for_loads_what_signs(deployed: Deployed, code: Path, first: Fresh) -> None:
    assert not below(first.modules, "jwt")
    [platform] = deployed.services.platforms.list()
    key = {"pk": {"S": item_key(KIND, token_key(platform))}}
    assert deployed.account.table.delete_item(
        TableName=deployed.environment["PASSBACK_TABLE"], Key=key, ReturnValues="ALL_OLD"
    ).get("Attributes")
    assert below(answered_afresh(deployed, code).modules, "jwt")
