"""The local engine for DynamoDB and SQS: MiniStack, on loopback only, its state kept between runs.

It writes its state when it is stopped with SIGTERM, and at no other time: killed outright, it loses the run.
"""

import http.client
import re
from collections.abc import Mapping
from pathlib import Path

from passback.failures import CommandFailed
from passback.local.processes import Child

# It says "0.0.0.0" or "[::]" of a socket that other machines reach.
_OPEN_TO_OTHERS = re.compile(r"0\.0\.0\.0|\[::\]")


def start_engine(port: int, state: Path, log: Path, environment: Mapping[str, str]) -> Child:
    """Start the engine and wait until it answers.

    Raises
    ------
    CommandFailed
        If it does not start, or listens to other machines.
    """
    settings = {
        "BIND_HOST": "127.0.0.1",  # its default is every interface
        # Its other name for GATEWAY_PORT, which would also go into the addresses of queues: they are kept between runs
        # under their address, so at the next run's port all that was queued would be out of reach.
        "EDGE_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",  # it would open an MQTT port on every interface
        "PERSIST_STATE": "1",
        "STATE_DIR": str(state),
        "SERVICES": "dynamodb,sqs",
    }
    inherited = {name: text for name, text in environment.items() if name != "GATEWAY_PORT"}
    child = Child("local engine", ["ministack"], {**inherited, **settings}, log)
    try:
        child.wait_until(lambda: answers(port, "/_ministack/health"))
        if _OPEN_TO_OTHERS.search(child.log_text()):
            raise CommandFailed("engine_open", f"The engine listens to other machines; see {log}.")
    except BaseException:
        child.stop()
        raise
    return child


def answers(port: int, path: str) -> bool:
    """Tell whether a server on this machine answers a GET with 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
