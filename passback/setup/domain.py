"""The stage's own domain: its certificate is looked at before anything is made, its DNS record is told."""

from dataclasses import dataclass
from typing import Any

from passback.failures import CommandFailed
from passback.setup.account import Account
from passback.setup.refusals import is_code


@dataclass(frozen=True, slots=True)
class Domain:
    """A name under which tools reach Passback, and the certificate for it."""

    name: str
    certificate: str


def check_certificate(account: Account, domain: Domain) -> None:
    """See that the certificate can serve the domain.

    Raises
    ------
    CommandFailed
        If it cannot.
    """
    parts = domain.certificate.split(":")
    if len(parts) != 6 or parts[2] != "acm" or not parts[5].startswith("certificate/"):
        raise CommandFailed(
            "usage", f"{domain.certificate!r} is no certificate of ACM: it begins with arn:aws:acm: and a region.", 2
        )
    if parts[3] != account.region:
        raise CommandFailed(
            "certificate",
            f"The certificate is of region {parts[3]}, and the stage is in {account.region}: request one for "
            f"{domain.name} "
            f"in {account.region}, or set AWS_REGION to {parts[3]}.",
        )
    found = _described(account, domain)
    names = [found.get("DomainName", ""), *found.get("SubjectAlternativeNames", [])]
    if not any(_covers(each.lower(), domain.name) for each in names):
        raise CommandFailed(
            "certificate", f"The certificate is for {', '.join(sorted(set(names)))}, and not for {domain.name}."
        )
    if found.get("Status") != "ISSUED":
        raise CommandFailed(
            "certificate",
            f"The certificate is not issued yet ({found.get('Status')}): make the DNS record that ACM asks for, "
            "wait for "
            "ISSUED, then run this again.",
        )


def dns_target(account: Account, name: str) -> str | None:
    """Return what the domain's DNS record has to name; None until API Gateway knows the domain."""
    from botocore.exceptions import ClientError

    try:
        found = account.client("apigateway").get_domain_name(domainName=name)
    except ClientError as error:
        if is_code(error, "NotFoundException"):
            return None
        raise
    return str(found["regionalDomainName"]) if found.get("regionalDomainName") else None


def _described(account: Account, domain: Domain) -> dict[str, Any]:
    from botocore.exceptions import ClientError

    try:
        found: dict[str, Any] = account.client("acm").describe_certificate(CertificateArn=domain.certificate)[
            "Certificate"
        ]
    except ClientError as error:
        if is_code(error, "ResourceNotFoundException"):
            raise CommandFailed(
                "certificate", f"There is no such certificate in this account and region: {domain.certificate}."
            ) from error
        raise
    return found


def _covers(name: str, domain: str) -> bool:
    """Tell whether a certificate's name covers a domain: a star stands for one label (RFC 6125, 6.4.3)."""
    return name == domain or (name.startswith("*.") and domain.partition(".")[2] == name[2:])
