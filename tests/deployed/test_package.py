"""What ``make package`` writes: the functions as they should be, and a zip with only what runs."""

import json
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from chalicelib.delivery.sqs import VISIBILITY_SECONDS, WORKER_SECONDS
from deployed.account import MACHINE, STAGE, Account
from passback.packaging.archive import SERVICES, NotCompiled, slim
from passback.packaging.build import ROOT
from passback.packaging.stage import FUNCTIONS

pytestmark = pytest.mark.engine

OURS = {"app.py", "chalicelib"}
LARGEST = 15_000_000
ADDRESSES = """
import sys
sys.path[:0] = sys.argv[1:]
import botocore.session
session = botocore.session.Session()
for region in ("eu-central-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "eusc-de-east-1", "xx-nowhere-1"):
    for service in ("dynamodb", "kms", "sqs"):
        client = session.create_client(service, region, aws_access_key_id="id", aws_secret_access_key="secret")
        print(client.meta.partition, client.meta.endpoint_url, client._request_signer.region_name)
"""
IMPORTS_ALL = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import app, chalicelib
for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
    importlib.import_module(module.name)
from datetime import UTC, datetime
from chalicelib.clock import SystemClock
from chalicelib.config import Settings
from chalicelib.lti13.keys import generate_signing_key, jwks
from chalicelib.lti13.transport import make_client as make_http_client
from chalicelib.storage import clients
for make in (clients.make_client, clients.make_kms_client, clients.make_sqs_client):
    make(Settings(), {"AWS_REGION": "eu-central-1"})
make_http_client(SystemClock())
jwks([generate_signing_key(datetime.now(UTC))])
print("all there")
"""


@pytest.fixture(scope="module")
def template(account: Account) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(account.package.template.read_text())
    return written


@pytest.fixture(scope="module")
def names(account: Account) -> list[str]:
    with zipfile.ZipFile(account.package.archive) as packed:
        return packed.namelist()


def test_the_functions_are_as_configured(template: dict[str, Any]) -> None:
    told = {name: template["Resources"][name]["Properties"] for name in FUNCTIONS}
    assert {name: one["Timeout"] for name, one in told.items()} == {
        "APIHandler": 29,
        "Deliver": WORKER_SECONDS,
        "EachMinute": WORKER_SECONDS,
    }
    assert {one["MemorySize"] for one in told.values()} == {1024}
    assert {tuple(one["Architectures"]) for one in told.values()} == {(MACHINE,)}
    runtime = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert {one["Runtime"] for one in told.values()} == {runtime}


def test_the_events_are_those_of_the_code(template: dict[str, Any]) -> None:
    worker = template["Resources"]["Deliver"]["Properties"]["Events"]["DeliverSqsEventSource"]["Properties"]
    assert worker["BatchSize"] == 1
    assert worker["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "WorkerConcurrency"}}
    assert worker["Queue"]["Fn::Sub"].endswith(f":passback-{STAGE}.fifo")
    schedule = template["Resources"]["EachMinute"]["Properties"]["Events"]["EachMinuteEvent"]["Properties"]
    assert schedule["Schedule"] == "rate(1 minute)"
    assert template["Resources"]["Deliveries"]["Properties"]["VisibilityTimeout"] == VISIBILITY_SECONDS
    assert template["Resources"]["RestAPI"]["Properties"]["EndpointConfiguration"] == "REGIONAL"


def test_the_template_can_be_sent_as_it_is(account: Account) -> None:
    """CloudFormation quotas: 1 MB by S3, as the page on deploying has it; 51,200 bytes in a request, as setup does."""
    assert account.package.template.stat().st_size <= 1_000_000
    assert len((ROOT / "infra" / "template.json").read_bytes()) <= 51_200


def test_the_zip_has_what_runs_and_nothing_else(names: list[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert tops > OURS
    assert not tops & {"tests", "simulator", "passback", "bench", "docs", "boto3", "s3transfer", "pip", ".chalice"}
    mine = {name for name in names if name.startswith("chalicelib/") and name.endswith(".py")}
    assert mine == {str(path.relative_to(ROOT)) for path in (ROOT / "chalicelib").rglob("*.py")}
    data = {name.split("/")[2] for name in names if name.startswith("botocore/data/") and name.count("/") > 2}
    assert data == set(SERVICES)


def test_everything_in_the_zip_is_compiled_for_good(account: Account, names: list[str]) -> None:
    tag = sys.implementation.cache_tag
    for name in names:
        if name.endswith(".py"):
            folder, _, file = name.rpartition("/")
            compiled = f"{folder}/__pycache__/{file[:-3]}.{tag}.pyc".lstrip("/")
            assert compiled in names, compiled
    with zipfile.ZipFile(account.package.archive) as packed:
        flags = struct.unpack("<I", packed.read(f"chalicelib/__pycache__/services.{tag}.pyc")[4:8])[0]
    assert flags == 0b01  # PEP 552: by hash, and not checked


def test_the_zip_is_small(account: Account) -> None:
    assert account.package.archive.stat().st_size == account.package.sizes.zipped < LARGEST


def test_the_zip_needs_nothing_from_outside(account: Account, tmp_path: Path) -> None:
    """MiniStack runs the functions with this environment's packages at hand, and would hide what is missing."""
    with zipfile.ZipFile(account.package.archive) as packed:
        packed.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", IMPORTS_ALL, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.stdout == "all there\n", done.stderr


def test_the_zip_knows_the_addresses_of_our_services_as_botocore_does(account: Account, tmp_path: Path) -> None:
    """It has lost those of all other services: a list of a megabyte that every cold start read."""
    with zipfile.ZipFile(account.package.archive) as packed:
        packed.extractall(tmp_path)
        assert packed.getinfo("botocore/data/endpoints.json").file_size < 100_000
    whole, narrowed = (
        subprocess.run(
            [sys.executable, "-I", *options, "-c", ADDRESSES, *folder], capture_output=True, text=True, check=True
        ).stdout
        for options, folder in (((), ()), (("-S",), (str(tmp_path),)))
    )
    assert narrowed == whole
    assert "https://kms.us-gov-west-1.amazonaws.com us-gov-west-1" in whole
    assert whole.count("\n") == 18


def test_what_cannot_be_compiled_is_not_packed(tmp_path: Path) -> None:
    archive = tmp_path / "code.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("broken.py", "def (")
    with pytest.raises(NotCompiled):
        slim(archive, tmp_path / "work")
