"""``passback setup``: what is typed, and which of the two things it does."""

from pathlib import Path

import click

from chalicelib.config import FEWEST_WORKERS, MOST_WORKERS
from passback.commands import Command
from passback.failures import CommandFailed
from passback.packaging.stage import ARCHITECTURES, check_stage
from passback.parameters import host_of, split_url
from passback.session import Session, pass_session


@click.command(cls=Command)
@click.option("--stage", required=True, help="The stage's name, such as prod; it is part of every name.")
@click.option("--plan", "plan_only", is_flag=True, help="Only show what would be done.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--domain", metavar="NAME", help="The name under which tools reach Passback; with --certificate.")
@click.option("--certificate", metavar="ARN", help="The domain's certificate of ACM, in the stage's region.")
@click.option(
    "--public-url",
    "public_urls",
    multiple=True,
    metavar="URL",
    help="Another base URL of tools; once for each of them.",
)
@click.option(
    "--worker-concurrency",
    type=click.IntRange(FEWEST_WORKERS, MOST_WORKERS),
    help="Workers at once. [default: 20, or as it is]",
)
@click.option(
    "--architecture",
    type=click.Choice(ARCHITECTURES),
    help=f"The processor. [default: {ARCHITECTURES[0]} for a new stage, or as it is]",
)
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of infra/template.json, such as LogRetentionDays=90; kept until it is given anew.",
)
@click.option("--key", metavar="ID", help="The KMS key of a table that an earlier stack has left, where several fit.")
@click.option("--destroy", is_flag=True, help="Remove the stage's stack; table and key are kept.")
@click.option("--confirm", metavar="STAGE", help="With --destroy: the stage's name, instead of typing it.")
@click.option("--with-undelivered", is_flag=True, help="With --destroy: also while deliveries are under way.")
@click.option(
    "--project-dir",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="The folder of Passback's code. [default: this one]",
)
@pass_session
def setup(
    session: Session,
    stage: str,
    plan_only: bool,
    yes: bool,
    domain: str | None,
    certificate: str | None,
    public_urls: tuple[str, ...],
    worker_concurrency: int | None,
    architecture: str | None,
    parameters: tuple[str, ...],
    key: str | None,
    destroy: bool,
    confirm: str | None,
    with_undelivered: bool,
    project_dir: Path,
) -> None:
    """Make on AWS what `chalice deploy` does not: table, queues, key, alarms.

    It shows a plan and asks. Then it makes or changes the stack of infra/template.json, and writes the stage to
    .chalice: its settings, what each function may do, and the variables for this command line. Run it again at any
    time: it changes what differs, and goes on where it failed.
    """
    from passback.setup.account import open_account
    from passback.setup.cloudformation import Stack
    from passback.setup.destroying import Farewell
    from passback.setup.destroying import destroy as destroy_stage
    from passback.setup.domain import Domain
    from passback.setup.making import Wish, make
    from passback.setup.project import Choices
    from passback.setup.refusals import aws_refusals

    check_stage(stage)
    _check_local(session, stage)
    if not destroy and (confirm is not None or with_undelivered):
        raise CommandFailed("usage", "--confirm and --with-undelivered go with --destroy.", 2)
    if destroy and plan_only:
        raise CommandFailed("usage", "--destroy has no plan: it says what goes and what stays, and asks.", 2)
    if destroy and yes:
        raise CommandFailed("usage", f"--destroy has the stage's name said instead of --yes: add --confirm {stage}.", 2)
    named = None
    if (domain is None) != (certificate is None):
        raise CommandFailed("usage", "--domain and --certificate go together.", 2)
    if domain is not None and certificate is not None:
        named = Domain(_domain_name(domain), certificate)
    urls = tuple(_base_url(url, stage) for url in public_urls) if public_urls else None
    choices = Choices(named, urls, worker_concurrency, architecture)
    with aws_refusals():
        account = open_account(session.environment)
        stack = Stack(account.client("cloudformation"), f"passback-{stage}-data", session.clock)
        if destroy:
            destroy_stage(session, account, stack, Farewell(stage, project_dir.resolve(), confirm, with_undelivered))
        else:
            make(session, account, stack, Wish(stage, project_dir.resolve(), choices, parameters, key, plan_only, yes))


def _check_local(session: Session, stage: str) -> None:
    """Refuse the local stack's name on AWS, where the functions would not start with it.

    Raises
    ------
    CommandFailed
        If it is so.
    """
    if stage == "local" and not session.environment.get("AWS_ENDPOINT_URL"):
        raise CommandFailed("bad_stage", "Stage local is the one of `passback serve`: choose another name on AWS.")


def _domain_name(text: str) -> str:
    """Return the name of a domain, as API Gateway has it.

    Raises
    ------
    CommandFailed
        If it is more than a name, or none.
    """
    wrong = CommandFailed(
        "usage", f"{text!r} is no domain's name: write it like grades.example.edu, without https://, port or path.", 2
    )
    if ":" in text or "/" in text:
        raise wrong
    try:
        return host_of(text)
    except CommandFailed:
        raise wrong from None


def _base_url(text: str, stage: str) -> str:
    """Return a base URL as settings have it.

    Raises
    ------
    CommandFailed
        If it is none, or not https: API Gateway answers nothing else.
    """
    address = split_url(text)
    if address is None or address.query or address.fragment or address.username is not None:
        raise CommandFailed("usage", f"{text!r} is no base URL: write it like https://grades.example.edu.", 2)
    if address.scheme != "https" and stage != "local":
        raise CommandFailed("usage", f"{text!r} is not https, and tools reach a deployed stage by https only.", 2)
    return text.rstrip("/")
