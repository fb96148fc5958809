"""The processes beside this one: simulators, and workers as Lambda would run them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import ROOT
from passback.local.processes import Child
from passback.local.worker import WORKER_READY

_STOP_SECONDS = 10.0
_SELDOM = 3600.0
"""Seconds between two runs of the schedule in a worker that is not the one to run it."""


@contextmanager
def running_simulator() -> Iterator[str]:
    """Run a simulator in another process, so that it does not wait for this one's interpreter lock; gives its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", "--port", "0", "--json"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        announced = process.stdout.readline()
        if not announced:
            raise RuntimeError("the simulator did not start")
        yield json.loads(announced)["url"]
    finally:
        _stop(process)


@contextmanager
def running_workers(environment: Mapping[str, str], folder: Path, processes: int, every: float) -> Iterator[None]:
    """Run workers that take one message at a time, each a process with a memory of its own, as Lambda's containers are.

    The first one runs the schedule every so many seconds; the others once, when they start.
    """
    whole = {**os.environ, **environment, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with ExitStack() as cleanup:
        workers = []
        for number in range(processes):
            seconds = _SELDOM if number else every
            module = ["passback.local.worker", "--threads", "1", "--every", str(seconds)]
            worker = Child("worker", module, whole, folder / f"worker-{number}.log")
            cleanup.callback(worker.stop)
            workers.append(worker)
        for worker in workers:
            worker.wait_until(lambda worker=worker: WORKER_READY in worker.log_text())  # type: ignore[misc] # bound here
        yield


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
