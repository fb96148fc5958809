"""The stack is updated where it stands: it gets its domain, and what it keeps stays."""

import pytest

from deployed.account import put_up
from deployed.stack import Deployed, Student

pytestmark = pytest.mark.engine

DOMAIN = "grades.example.edu"


@pytest.fixture(scope="module")
def outputs(deployed: Deployed) -> dict[str, str]:
    account = deployed.account
    certificate = account.client("acm").request_certificate(DomainName=DOMAIN)["CertificateArn"]
    return put_up(account.engine, account.package, "UPDATE", DomainName=DOMAIN, CertificateArn=certificate)


def test_a_domain_without_a_certificate_is_refused(deployed: Deployed) -> None:
    with pytest.raises(Exception, match="DomainName needs CertificateArn"):
        put_up(deployed.account.engine, deployed.account.package, "UPDATE", DomainName=DOMAIN)


def test_at_the_domain_there_is_no_stage_in_the_url(
    outputs: dict[str, str], deployed: Deployed, student: Student
) -> None:
    assert outputs["OutcomeUrl"] == f"https://{DOMAIN}/outcomes"
    assert outputs["KeySetUrl"] == f"https://{DOMAIN}/.well-known/jwks.json"
    assert outputs["DomainTarget"]
    response = deployed.outcome(student, url=outputs["OutcomeUrl"]).post_replace_result(0.3)
    assert response.is_success(), response.post_response.text
    assert deployed.score(student) == 3


def test_the_old_name_and_all_that_was_kept_still_serve(
    outputs: dict[str, str], deployed: Deployed, student: Student
) -> None:
    kept = deployed.account.outputs
    for name in ("TableArn", "KeyArn", "QueueArn", "RestAPIId"):
        assert outputs[name] == kept[name]
    assert deployed.outcome(student).post_replace_result(0.8).is_success()
    assert deployed.score(student) == 8
