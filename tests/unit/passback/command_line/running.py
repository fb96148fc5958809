"""An operator at the command line: runs commands and reads what they print."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner, Result
from memory_queue import MemoryQueue

from chalicelib.config import Settings
from chalicelib.delivery.pacing import Pace
from chalicelib.lti13.transport import Transport
from chalicelib.lti13.transport import make_client as make_http_client
from chalicelib.services import Services, connect
from chalicelib.storage.sealer_choice import make_sealer
from chalicelib.storage.table import Table
from passback.cli import cli
from passback.session import Session

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

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
    client: "DynamoDBClient"
    runner: CliRunner = field(default_factory=CliRunner)
    queue: MemoryQueue = field(default_factory=lambda: MemoryQueue(StillClock()))

    def session(self) -> Session:
        """Make a session of its own for each command, over the tests' one AWS client."""
        settings, clock = Settings.from_environment(self.environment), StillClock()
        transport = Transport(make_http_client(clock), clock, local=settings.is_local)
        sealer, table = make_sealer(settings, self.environment), Table(self.client, settings.table)
        services = connect(settings, clock, transport, table, sealer, self.queue, Pace(clock))
        return Session(environment=self.environment, clock=clock, _services=services)

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
