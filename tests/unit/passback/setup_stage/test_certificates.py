"""A domain's certificate is looked at before anything is made."""

from typing import Any

import pytest

from passback.failures import CommandFailed
from passback.setup.domain import Domain, check_certificate, dns_target
from setup_stage.accounts import REGION, Answers

ARN = f"arn:aws:acm:{REGION}:111122223333:certificate/abc"
DOMAIN = Domain("grades.example.edu", ARN)


def certificate(**changed: Any) -> dict[str, Any]:
    return {"Certificate": {"DomainName": "grades.example.edu", "Status": "ISSUED", **changed}}


@pytest.mark.parametrize(
    "fitting",
    [
        {},
        {"DomainName": "*.example.edu"},
        {"DomainName": "www.example.edu", "SubjectAlternativeNames": ["Grades.Example.edu"]},
    ],
)
def test_a_certificate_that_covers_the_domain_is_taken(answers: Answers, fitting: dict[str, Any]) -> None:
    answers.of("acm").add_response("describe_certificate", certificate(**fitting), {"CertificateArn": ARN})
    check_certificate(answers.account, DOMAIN)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"DomainName": "*.grades.example.edu"}, "and not for grades.example.edu"),
        ({"DomainName": "*.edu"}, "and not for grades.example.edu"),
        ({"Status": "PENDING_VALIDATION"}, r"not issued yet \(PENDING_VALIDATION\): make the DNS record"),
    ],
)
def test_one_that_cannot_serve_it_is_refused(answers: Answers, found: dict[str, Any], words: str) -> None:
    answers.of("acm").add_response("describe_certificate", certificate(**found))
    with pytest.raises(CommandFailed, match=words):
        check_certificate(answers.account, DOMAIN)


def test_one_that_is_not_there_is_refused(answers: Answers) -> None:
    answers.of("acm").add_client_error("describe_certificate", "ResourceNotFoundException")
    with pytest.raises(CommandFailed, match="no such certificate in this account and region"):
        check_certificate(answers.account, DOMAIN)


def test_one_of_another_region_is_refused_without_asking(answers: Answers) -> None:
    wrong = Domain("grades.example.edu", ARN.replace(REGION, "us-east-1"))
    with pytest.raises(CommandFailed, match=f"of region us-east-1, and the stage is in {REGION}"):
        check_certificate(answers.account, wrong)


def test_what_is_no_certificate_is_refused(answers: Answers) -> None:
    with pytest.raises(CommandFailed, match="is no certificate of ACM"):
        check_certificate(answers.account, Domain("grades.example.edu", "arn:aws:iam::1:server-certificate/x"))


def test_the_dns_record_is_known_once_api_gateway_knows_the_domain(answers: Answers) -> None:
    answers.of("apigateway").add_client_error("get_domain_name", "NotFoundException")
    assert dns_target(answers.account, "grades.example.edu") is None
    answers.of("apigateway").add_response("get_domain_name", {"regionalDomainName": "d-1.execute-api"})
    assert dns_target(answers.account, "grades.example.edu") == "d-1.execute-api"
