"""The README followed literally: what it says to type is typed, until a grade is in the gradebook.

Put in for its examples is only what an AWS account, a registrar and a school have: endpoint, certificate, the
platform's address, a sourcedid; and what this account lacks of AWS's: processors but the machine's own, metric math.
The stage is ``local``, the one that may call a platform on this machine.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.clock import SystemClock
from deployed.account import HURRY, MACHINE, NO_METRIC_MATH
from deployed.checkout import Checkout, checkout
from deployed.stack import Canvas, eventually
from deployed.tls import internet
from passback.local.simulator_control import SimulatorControl
from passback.local.worker import schedule_event
from passback.packaging.build import ROOT

pytestmark = pytest.mark.engine

DOMAIN = "passback.example.edu"
CLIENT = "10000000000042"
DEPLOY, SERVE = "Put it on AWS", "Add a platform and a tool"
# One shell for both sections; and Chalice fetches libraries from PyPI, which the test's internet does not have.
BEFORE = """
chalice() { env -u HTTPS_PROXY -u SSL_CERT_FILE -u CURL_CA_BUNDLE "$(type -P chalice)" "$@"; }
[ ! -e .chalice/local.env ] || . .chalice/local.env
set -x
"""


@dataclass(frozen=True)
class Followed:
    """What became of following the README: of each section, what was printed, up to the first that failed."""

    place: Checkout
    results: list[subprocess.CompletedProcess[str]]
    canvas: Canvas
    control: SimulatorControl
    seat: dict[str, Any]

    @property
    def printed(self) -> str:
        return "".join(result.stdout + result.stderr for result in self.results)

    @property
    def score(self) -> Any:
        return self.control.order("state", {"handle": self.seat["handle"]})["score"]

    def type(self, title: str) -> bool:
        """Type the commands of a section in a shell that knows the stage; tells whether all of them succeeded."""
        result = self.place.shell(BEFORE + "\n".join(self.commands(title)), text="y\n")
        self.results.append(result)
        return result.returncode == 0

    def commands(self, title: str) -> list[str]:
        """Return the commands of a section, with the values of this account, domain and school."""
        certificates = self.place.client("acm").list_certificates()["CertificateSummaryList"]
        script = re.sub(r"arn:aws:acm:\S+", certificates[0]["CertificateArn"], section(title))
        script = re.sub(r"\bprod\b", "local", script)
        script = script.replace("https://school.instructure.com", self.canvas.url)
        script = script.replace("--host school.instructure.com", f"--host 127.0.0.1:{self.canvas.port}")
        script = script.replace("SOURCEDID", f"'{self.seat['lti11']['sourcedid']}'")
        here = [f"--architecture {MACHINE}", *(f"--parameter {name}={value}" for name, value in NO_METRIC_MATH.items())]
        script = script.replace("passback setup ", f"passback setup {' '.join(here)} ")
        return [command for command in re.split(r"(?<!\\)\n", script) if command.strip()]

    def send(self, score: str) -> subprocess.CompletedProcess[str]:
        """Send another outcome in the README's way."""
        command = next(command for command in self.commands(SERVE) if command.startswith("passback send"))
        return self.place.shell(BEFORE + command.replace("0.92", score))


def section(title: str) -> str:
    """Return the commands of a section of the README."""
    text = (ROOT / "README.md").read_text()
    body = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```$", body, re.MULTILINE | re.DOTALL)
    assert blocks, title
    return "\n".join(blocks)


def trust(place: Checkout, control: SimulatorControl) -> None:
    """Give the school's developer key our key set, as the README has an administrator do; Canvas needs no proxy."""
    api = place.client("apigateway").get_rest_apis()["items"][0]["id"]
    key_set = f"{place.engine.endpoint}/restapis/{api}/api/_user_request_/.well-known/jwks.json"
    control.order("register", {"client_id": CLIENT, "jwks_url": key_set})


def prefer(place: Checkout, settings: dict[str, str]) -> None:
    """Let the stage have settings of its operator's already."""
    config = json.loads(place.file("config.json").read_text())
    config["stages"]["local"] = {"environment_variables": settings}
    place.file("config.json").write_text(json.dumps(config))


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    folder = tmp_path_factory.mktemp("readme")
    with checkout(folder) as place, internet(DOMAIN, place.engine.port, folder) as net:
        place.client("acm").request_certificate(DomainName=DOMAIN)
        online, canvas = Checkout(place.folder, place.engine, net.environment), Canvas(folder)
        canvas.start(place.engine.environment)
        try:
            with SimulatorControl(canvas.url) as control:
                seat = control.order("prepare", {"client_id": CLIENT})
                (place.folder / "secret.txt").write_text("the tool's secret\n")
                row = f"legacy-tool,{seat['lti11']['sourcedid']},school,{seat['line_item']},{seat['user_id']}"
                columns = "consumer_key,sourcedid,platform,line_item,user_id"
                (place.folder / "mappings.csv").write_text(f"{columns}\n{row}\n")
                prefer(place, HURRY)
                one = Followed(online, [], canvas, control, seat)
                if one.type(DEPLOY):
                    trust(place, control)
                    one.type(SERVE)
                yield one
        finally:
            canvas.stop()


def test_the_readme_ends_with_a_grade_in_the_gradebook(followed: Followed) -> None:
    assert [result.returncode for result in followed.results] == [0, 0], followed.printed
    assert followed.score == Decimal("9.2")
    listed = followed.place.shell(". .chalice/local.env; passback delivery list --json").stdout
    assert [one["state"] for one in json.loads(listed)["deliveries"]] == ["delivered"]


def test_the_doctor_of_the_readme_finds_nothing_wrong(followed: Followed) -> None:
    assert f"https://{DOMAIN}/.well-known/jwks.json publishes 1." in followed.printed
    assert f"A signature for https://{DOMAIN}/outcomes is taken." in followed.printed
    assert "checks failed" not in followed.printed


def test_worker_and_schedule_do_the_same_as_in_the_one_template(followed: Followed) -> None:
    """What chalice deploy has put up brings on what a platform could not take, with the rights of its policy files."""
    followed.canvas.stop()
    sent = followed.send("0.5")
    followed.canvas.start(followed.place.engine.environment)
    assert "queued for delivery" in sent.stdout, sent.stderr

    def minute() -> None:
        event = json.dumps(schedule_event(SystemClock().now(), "us-east-1"))
        answer = followed.place.client("lambda").invoke(FunctionName="passback-local-each_minute", Payload=event)
        assert "FunctionError" not in answer, answer["Payload"].read()

    assert eventually(lambda: followed.score == 5, meanwhile=minute, patience=60)
    assert not refused_rights(followed.place)


def refused_rights(place: Checkout) -> list[str]:
    logs = place.client("logs")
    groups = [f"/aws/lambda/passback-local{name}" for name in ("", "-deliver", "-each_minute")]
    lines = [event["message"] for group in groups for event in logs.filter_log_events(logGroupName=group)["events"]]
    assert lines
    return [line for line in lines if "AccessDenied" in line or "not authorized" in line]


def test_each_function_has_the_rights_of_its_own_policy_file(followed: Followed) -> None:
    functions, iam = followed.place.client("lambda"), followed.place.client("iam")
    for function, name in (("", "api"), ("-deliver", "deliver"), ("-each_minute", "each-minute")):
        found = functions.get_function_configuration(FunctionName=f"passback-local{function}")
        role = found["Role"].rpartition("/")[2]
        policies = iam.list_role_policies(RoleName=role)["PolicyNames"]
        granted = [iam.get_role_policy(RoleName=role, PolicyName=one)["PolicyDocument"] for one in policies]
        assert granted == [json.loads(followed.place.file(f"policy-local-{name}.json").read_text())]


def test_the_worker_has_the_concurrency_of_the_stage(followed: Followed) -> None:
    sources = followed.place.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert [(one["BatchSize"], one["ScalingConfig"]) for one in sources] == [(1, {"MaximumConcurrency": 20})]


def test_after_it_setup_has_nothing_left_to_say_but_of_a_note_that_is_lost(followed: Followed) -> None:
    place, again = followed.place, ("passback", "setup", "--stage", "local", "--json")
    left = json.loads(place.run(*again).stdout)
    assert (left["applied"], left["next"], left["warnings"]) == (False, [], [])
    note = place.file("deployed/local.json")
    moved = note.rename(note.with_name("moved"))
    try:
        (warning,) = json.loads(place.run(*again).stdout)["warnings"]
        lost = place.shell(". .chalice/local.env; chalice deploy --stage local")
    finally:
        moved.rename(note)
    assert warning.startswith("The functions of stage local are up, and .chalice/deployed/local.json is missing")
    assert "ValueError: Deployed values for resource does not exist: api_gateway_custom_domain" in lost.stderr


def test_it_is_taken_away_in_the_order_that_the_page_says(followed: Followed) -> None:
    place, last = followed.place, ("passback", "setup", "--stage", "local", "--destroy", "--confirm", "local")
    refused = place.run(*last)
    assert refused.returncode == 1
    assert "take them down first with `chalice delete --stage local`" in refused.stderr
    deleted = place.shell(". .chalice/local.env; chalice delete --stage local")
    assert deleted.returncode == 0, deleted.stderr
    removed = place.run(*last)
    assert removed.returncode == 0, removed.stderr
    assert "Stack passback-local-data is removed." in removed.stdout
    tables = place.client("dynamodb").list_tables()["TableNames"]
    assert tables == ["passback-local"]
