"""Starts Passback's server or worker with shorter waits, so that minutes of a real outage pass in seconds.

Nothing else of them is changed. ``python -m soak.hurry server --port N`` or ``worker --every S``.
"""

import importlib
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

SHORTER: dict[str, dict[str, Any]] = {
    "chalicelib.delivery.calls": {"SEND_AGAIN": 2_000},
    "chalicelib.delivery.work": {"COME_AGAIN": 1_500, "PATIENCE": 2.0},
    "chalicelib.delivery.queueing": {"SPREAD": 1_000},
    "chalicelib.delivery.breaker": {
        "FIRST_PROBE": 1_500,
        "LONGEST_PROBE": 3_000,
        "FIRST_SLOWING": 800,
        "LONGEST_SLOWING": 3_000,
        "SAME_BURST": 400,
    },
    "chalicelib.delivery.turns": {"READ_FIRST_AFTER": timedelta(seconds=10)},
    "chalicelib.translation.refusals": {"OVERWRITE_WITHIN": timedelta(seconds=10)},
}
OVERWRITES_WITHIN = 10_000
"""Milliseconds after R in which an outcome still goes over a grade: ``OVERWRITE_WITHIN``, as shortened here."""
BUDGETS = {"inline_budget": 4.0, "lease": 6.0, "worker_budget": 5.0, "worker_lease": 8.0}
WAITS = {"PASSBACK_FIRST_WAIT": "1", "PASSBACK_LONGEST_WAIT": "3", "PASSBACK_LOOK_AGAIN": "4"}
VISIBILITY = 6


def hurry() -> None:
    """Shorten the waits of this process.

    Raises
    ------
    AttributeError
        If one of them is not there any more.
    """
    for module_name, constants in SHORTER.items():
        module = importlib.import_module(module_name)
        for name, value in constants.items():
            if type(getattr(module, name)) is not type(value):
                raise AttributeError(f"{module_name}.{name} is not what it was")
            setattr(module, name, value)
    from chalicelib.config import Settings

    read = Settings.from_environment

    def shortened(environment: Any) -> Settings:
        return replace(read(environment), **BUDGETS)  # type: ignore[arg-type]  # all of these are floats

    setattr(Settings, "from_environment", staticmethod(shortened))  # noqa: B010 - mypy refuses a plain assignment


def application() -> Any:
    """Make the server's application; granian's worker process calls this."""
    hurry()
    from passback.local.server import passback_application

    return passback_application()


def main(arguments: list[str]) -> None:
    """Start what the first argument names."""
    if arguments[0] == "server":
        from passback.local.server import serve

        serve(int(arguments[2]), "soak.hurry:application")
        return
    hurry()
    from passback.local.worker import main as worker

    worker(arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
