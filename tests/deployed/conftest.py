"""One deployed stack for all tests here, and none for those that follow: it stands between requests and the network."""

from collections.abc import Iterator

import pytest
import requests

from deployed.account import Account, deployed_account
from deployed.stack import Deployed, OverTheWire, Student, class_in


@pytest.fixture(scope="package")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with deployed_account(tmp_path_factory.mktemp("deployed")) as one:
        yield one


@pytest.fixture(scope="package")
def deployed(account: Account, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")  # client libraries ask the environment
        wire = OverTheWire(account)
        patch.setattr(requests.Session, "get_adapter", lambda _session, url: wire)
        with class_in(account, tmp_path_factory.mktemp("class")) as one:
            yield one
        wire.close()


@pytest.fixture
def student(deployed: Deployed) -> Student:
    """Take a student whom no other test grades."""
    return deployed.new_student()
