"""What every command is given: its output, the environment, the clock, and the services when they are needed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from chalicelib.clock import Clock, SystemClock
from chalicelib.lti11.tools import Tool
from chalicelib.lti13.registrations import Platform
from passback.failures import CommandFailed
from passback.home import adopt_aws_environment, working_environment
from passback.output import Output
from passback.stage_environment import require_stage

if TYPE_CHECKING:
    from chalicelib.services import Services


@dataclass(slots=True)
class Session:
    """One run of the command line."""

    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    clock: Clock = field(default_factory=SystemClock)
    output: Output = field(default_factory=Output)
    _services: "Services | None" = None

    @property
    def services(self) -> "Services":
        """Return the services of the stack that the environment names; built on first use.

        Raises
        ------
        CommandFailed
            If no stack runs here and no AWS is configured, or not enough of a stage is known.
        """
        if self._services is None:
            environment = working_environment(self.environment)
            require_stage(environment)
            adopt_aws_environment(environment)
            from passback.connection import connect_operator  # boto3 and lxml: not needed for --help

            self._services = connect_operator(environment, self.clock)
        return self._services

    def tool(self, consumer_key: str) -> Tool:
        """Return a registered tool.

        Raises
        ------
        CommandFailed
            If there is none with this consumer key.
        """
        tool = self.services.tools.get(consumer_key)
        if tool is None:
            raise CommandFailed(
                "not_found", f"There is no tool with consumer key {consumer_key!r}; `passback tool list` names them."
            )
        return tool

    def platform(self, name: str) -> Platform:
        """Return a registered platform.

        Raises
        ------
        CommandFailed
            If there is none with this name.
        """
        platform = self.services.platforms.get(name)
        if platform is None:
            raise CommandFailed("not_found", f"There is no platform {name!r}; `passback platform list` names them.")
        return platform


pass_session = click.make_pass_decorator(Session, ensure=True)
