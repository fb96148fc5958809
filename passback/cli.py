"""``passback``: the operator's command line. One module per noun; this one only puts them together."""

import os
import sys

import click

try:
    from passback import (
        deliveries,
        doctor,
        faults,
        forget,
        keys,
        mappings,
        platforms,
        sealing,
        sending,
        serving,
        status,
        tools,
    )
    from passback.commands import Program
    from passback.setup.command import setup
except KeyboardInterrupt:  # Ctrl-C while the parts are being loaded: later `Program` knows what to say
    raise SystemExit(130) from None


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="passback", message="passback %(version)s")
def cli() -> None:
    """Keep LTI 1.1 tools returning grades to platforms that speak LTI 1.3.

    Commands work on the local stack while `passback serve` runs, and otherwise on AWS, by the ordinary AWS
    environment variables (AWS_REGION, AWS_PROFILE, AWS_ENDPOINT_URL) and PASSBACK_TABLE, PASSBACK_STAGE,
    PASSBACK_KMS_KEY. Every command takes --json.
    """


cli.add_command(serving.serve)
cli.add_command(setup)
cli.add_command(platforms.platform)
cli.add_command(tools.tool)
cli.add_command(mappings.mapping)
cli.add_command(deliveries.delivery)
cli.add_command(forget.forget)
cli.add_command(keys.key)
cli.add_command(sealing.secrets)
cli.add_command(sending.send)
cli.add_command(doctor.doctor)
cli.add_command(status.status)
cli.add_command(faults.fault)


def main() -> None:
    """Run the command line."""
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding cannot show must not end a command.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # always a TextIOWrapper here
    cli(prog_name="passback")


def _open_streams() -> None:
    """Put nothing in the place of a stream that was closed (``>&-``): Python has None there then, and no file.

    They are opened in their order, so that no connection gets the number of a standard stream.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  # open as long as we run
