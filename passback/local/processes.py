"""The local stack's child processes: started in groups of their own, logged to files, stopped with SIGTERM."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from passback.failures import CommandFailed

_STOP_SECONDS = 120.0
"""The engine writes all it holds when it stops: half a minute for a hundred thousand mappings on a slow machine."""
_START_SECONDS = 40.0
_PR_SET_PDEATHSIG = 1


class Child:
    """One child process. Ctrl-C at the terminal does not reach it: it is stopped by ``stop``, in the stack's order."""

    def __init__(self, name: str, module: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        """Start ``python -m MODULE ...`` with this environment; everything it prints goes to the log."""
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._log_start = output.tell()
            self._process = subprocess.Popen(  # noqa: S603 - our own modules, no shell
                [sys.executable, "-m", *module],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )

    @property
    def process_id(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Tell whether it still runs."""
        return self._process.poll() is None

    def log_text(self) -> str:
        """Return what it has printed since it was started."""
        with self.log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode("utf-8", "replace")

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait until it is ready.

        Raises
        ------
        CommandFailed
            If it ends before, or takes too long; the end of its log is in the message.
        """
        give_up = time.monotonic() + _START_SECONDS
        while not ready():
            if not self.is_alive:
                raise self.died()
            if time.monotonic() > give_up:
                raise CommandFailed("not_ready", f"The {self.name} did not get ready. {self._last_words()}")
            time.sleep(0.03)

    def died(self) -> CommandFailed:
        """Make the failure that says it ended by itself."""
        return CommandFailed("child_died", f"The {self.name} ended by itself. {self._last_words()}")

    def stop(self) -> None:
        """Ask it to stop, wait, and end what is left of its group; harmless when it has ended."""
        if self.is_alive:
            self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        # Its workers too: when the server is killed outright they live on, answer tools, and keep the port.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _last_words(self) -> str:
        lines = self.log_text().strip().splitlines()[-8:]
        return "\n".join([f"The last lines of {self.log}:", *lines]) if lines else f"Its log {self.log} is empty."


def _end_with_parent() -> None:
    """Have the kernel send SIGTERM when the stack's process is killed outright, so that the engine still saves."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def choose_port(wanted: int, option: str, preferred: int | None = None) -> int:
    """Return a port of 127.0.0.1 that is free: the wanted one; for 0 the preferred one, if it is free, or any.

    Raises
    ------
    CommandFailed
        If the wanted port is taken.
    """
    if wanted:
        if not _is_free(wanted):
            raise CommandFailed(
                "port_taken", f"Port {wanted} is taken: stop what uses it, or choose another with {option} (0: any)."
            )
        return wanted
    if preferred and _is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a connection of the last run that is still winding down does not make a port taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            return False
    return True
