"""Settings, read from the environment once, when first needed; nothing secret is among them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.delivery.retries import RetryRules
from chalicelib.errors import SetupError

FEWEST_WORKERS, MOST_WORKERS = 2, 1000
"""What an event source of SQS takes as its highest concurrency."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of the running service. Durations are seconds."""

    stage: str = "dev"
    table: str = "passback"
    public_urls: tuple[str, ...] = ()
    """Public base URLs (scheme, host, any base path), tried before the one derived from the request."""
    key_file: str | None = None
    """Local master key; used when no KMS key is named."""
    kms_key: str | None = None
    previous_kms_key: str | None = None
    previous_key_file: str | None = None
    """Master keys before the present one: what they sealed is still opened, while the key changes."""
    past_window: int = 90 * 60
    future_window: int = 5 * 60
    inline_budget: float = 8.0
    lease: float = 12.0
    """How long a delivery owns its cell; longer than the inline budget, so that no live call outlasts it."""
    worker_budget: float = 25.0
    """What the worker may take over one delivery: more than a tool waits, less than its function's time limit."""
    worker_lease: float = 40.0
    schedule_budget: float = 45.0
    retries: RetryRules = field(default_factory=RetryRules)
    shards: int = 4
    """Message groups of one platform: as many deliveries go to it at once by the queue."""
    queue: str = "passback.fifo"
    dead_letter_queue: str = "passback-dead.fifo"

    @property
    def is_local(self) -> bool:
        """Tell whether this is the local stack, where loopback http is allowed."""
        return self.stage == "local"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the ``PASSBACK_*`` variables.

        Raises
        ------
        SetupError
            If a number is not a number, or a queue's name not the name of a FIFO queue.
        """
        default = cls()
        return cls(
            stage=environment.get("PASSBACK_STAGE", default.stage),
            table=environment.get("PASSBACK_TABLE", default.table),
            public_urls=tuple(url.rstrip("/") for url in environment.get("PASSBACK_PUBLIC_URLS", "").split()),
            key_file=environment.get("PASSBACK_KEY_FILE"),
            kms_key=environment.get("PASSBACK_KMS_KEY"),
            previous_kms_key=environment.get("PASSBACK_PREVIOUS_KMS_KEY"),
            previous_key_file=environment.get("PASSBACK_PREVIOUS_KEY_FILE"),
            past_window=_seconds(environment, "PASSBACK_PAST_WINDOW", default.past_window),
            future_window=_seconds(environment, "PASSBACK_FUTURE_WINDOW", default.future_window),
            retries=_retries(environment, default.retries),
            shards=max(1, _whole(environment, "PASSBACK_SHARDS", default.shards, "whole number")),
            queue=_queue(environment, "PASSBACK_QUEUE", default.queue),
            dead_letter_queue=_queue(environment, "PASSBACK_DEAD_LETTER_QUEUE", default.dead_letter_queue),
        )


def worker_concurrency(environment: Mapping[str, str]) -> int | None:
    """Read ``PASSBACK_WORKER_CONCURRENCY``: how many workers there are at once; None for as many as AWS likes.

    Raises
    ------
    SetupError
        If it is no number that SQS event sources take.
    """
    number = _whole(environment, "PASSBACK_WORKER_CONCURRENCY", 0, "whole number from 2 to 1000")
    if number and not FEWEST_WORKERS <= number <= MOST_WORKERS:
        raise SetupError(f"PASSBACK_WORKER_CONCURRENCY must be from {FEWEST_WORKERS} to {MOST_WORKERS}, not {number}.")
    return number or None


def _retries(environment: Mapping[str, str], default: RetryRules) -> RetryRules:
    def milliseconds(name: str, usual: int) -> int:
        return _seconds(environment, name, usual // 1000) * 1000

    return RetryRules(
        first_wait=milliseconds("PASSBACK_FIRST_WAIT", default.first_wait),
        longest_wait=milliseconds("PASSBACK_LONGEST_WAIT", default.longest_wait),
        give_up_after=milliseconds("PASSBACK_GIVE_UP_AFTER", default.give_up_after),
        look_again=milliseconds("PASSBACK_LOOK_AGAIN", default.look_again),
    )


def _seconds(environment: Mapping[str, str], name: str, default: int) -> int:
    return _whole(environment, name, default, "whole number of seconds")


def _whole(environment: Mapping[str, str], name: str, default: int, what: str) -> int:
    text = environment.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit():
        raise SetupError(f"{name} must be a {what}, not {text!r}.")
    return int(text)


def _queue(environment: Mapping[str, str], name: str, default: str) -> str:
    text = environment.get(name) or default
    if not text.endswith(".fifo"):
        raise SetupError(f"{name} must name a FIFO queue, which ends in .fifo, not {text!r}.")
    return text
