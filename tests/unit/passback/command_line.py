"""An operator at the command line: runs commands and reads what they print."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from click.testing import CliRunner, Result

from chalicelib.services import Services
from passback.cli import cli
from passback.session import Session

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class StillClock:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here waits")


@dataclass
class Operator:
    """Runs commands, each in a session of its own, as separate processes would."""

    environment: dict[str, str]
    runner: CliRunner = field(default_factory=CliRunner)
    _kept: Session | None = None

    def session(self) -> Session:
        """Make a session of its own for each command; only the AWS client, slow to make, is kept between them."""
        if self._kept is None or self._kept.environment != self.environment:
            self._kept = Session(environment=dict(self.environment), clock=StillClock())
        if "AWS_ENDPOINT_URL" in self.environment or "AWS_REGION" in self.environment:
            return Session(environment=self.environment, clock=StillClock(), _services=self._kept.services)
        return Session(environment=self.environment, clock=StillClock())

    @property
    def services(self) -> Services:
        return self.session().services

    def run(self, *words: str, stdin: bytes | None = None) -> Result:
        return self.runner.invoke(cli, words, input=stdin, obj=self.session())

    def ok(self, *words: str, stdin: bytes | None = None) -> Any:
        """Run a command with --json that must succeed; return its document."""
        result = self.run(*words, "--json", stdin=stdin)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    def fails(self, *words: str, stdin: bytes | None = None) -> dict[str, str]:
        """Run a command with --json that must fail; return its error."""
        result = self.run(*words, "--json", stdin=stdin)
        assert result.exit_code != 0, result.output
        assert "Traceback" not in result.output
        error: dict[str, str] = json.loads(result.stdout)["error"]
        return error

    def add_platform(self, name: str = "campus", host: str = "canvas.example.edu") -> Any:
        return self.ok(*platform_words(name, host))

    def add_tool(self, key: str = "quiz-tool") -> Any:
        return self.ok("tool", "add", "--key", key, "--secret-stdin", stdin=b"secret\n")


def platform_words(name: str = "campus", host: str = "canvas.example.edu", **changed: str) -> list[str]:
    options = {
        "profile": "canvas",
        "issuer": "https://canvas.instructure.com",
        "client-id": "10000000000001",
        "token-url": f"https://{host}/login/oauth2/token",
        "audience": f"https://{host}/login/oauth2/token",
        "host": host,
    } | {option.replace("_", "-"): value for option, value in changed.items()}
    return ["platform", "add", name, *(word for option, value in options.items() for word in (f"--{option}", value))]
