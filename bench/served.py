"""The code of the zip behind the local stack's real server (granian and the emulated gateway), in several processes."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from engine import free_port

from passback.local.engine import answers
from passback.local.processes import Child


@contextmanager
def serving(code: Path, environment: Mapping[str, str], folder: Path, processes: int) -> Iterator[list[int]]:
    """Serve the unpacked zip from so many processes, each on a port of its own; gives the ports.

    The server is the checkout's; what it serves, with the libraries that this imports, is the zip's. Only Chalice is
    the installed one: the zip's has no ``chalice.local``, by which the server answers several requests at once.

    Raises
    ------
    RuntimeError
        If the code that would be served is not that of the zip.
    """
    packed = folder / "served"
    shutil.copytree(code, packed, ignore=shutil.ignore_patterns("chalice"))
    whole = {**os.environ, **environment, "PYTHONPATH": str(packed), "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
    _must_be_from(packed, whole)
    with ExitStack() as cleanup:
        ports = []
        for number in range(processes):
            port = free_port()
            server = Child(
                "server", ["passback.local.server", "--port", str(port)], whole, folder / f"server-{number}.log"
            )
            cleanup.callback(server.stop)
            server.wait_until(lambda port=port: answers(port, "/health"))  # type: ignore[misc] # bound here
            ports.append(port)
        yield ports


def _must_be_from(code: Path, environment: Mapping[str, str]) -> None:
    names = ("app", "chalicelib", "botocore", "httpx", "lxml", "oauthlib")
    program = (
        f"import passback.local.server, {', '.join(names)}; print({', '.join(f'{name}.__file__' for name in names)})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=dict(environment), capture_output=True, text=True, check=True
    )
    files = [Path(name) for name in done.stdout.split()]
    if not all(file.is_relative_to(code) for file in files):
        raise RuntimeError(f"not the zip's code would be served, but {files}")
