"""``make package``: writes a stage's template and zip to a folder, and says what they are."""

import os
import sys
from pathlib import Path

import click

from passback.failures import explain
from passback.packaging.build import ROOT, build
from passback.packaging.stage import ARCHITECTURES

DEFAULT_REGION = "us-east-1"


@click.command()
@click.option("--stage", required=True, help="The stage's name, such as prod.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("dist"), show_default=True, help="Target folder.")
@click.option("--architecture", type=click.Choice(ARCHITECTURES), default=ARCHITECTURES[0], show_default=True)
def main(stage: str, out: Path, architecture: str) -> None:
    """Pack a stage for CloudFormation."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        region = DEFAULT_REGION
        click.echo(
            f"AWS_REGION is not set: packing with {region}. The template names no region; any of AWS's own does."
        )
    try:
        package = build(
            stage, out, ROOT / "build" / f"package-{architecture}", architecture=architecture, region=region
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, one sentence is told
        failure = explain(error, os.environ)
        click.echo(failure.message, err=True)
        sys.exit(failure.exit_status)
    sizes = package.sizes
    click.echo(
        f"{package.template}: CloudFormation template of stage {stage}, {package.template.stat().st_size:,} bytes"
    )
    click.echo(
        f"{package.archive}: {package.runtime}, {architecture}, {sizes.zipped / 1e6:.1f} MB,"
        f" unpacked {sizes.unpacked / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
