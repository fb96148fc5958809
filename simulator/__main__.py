"""`python -m simulator`: Canvas in a box in the foreground."""

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from simulator.platform_state import DEFAULT_CLIENT_ID
from simulator.server import SimulatorServer
from simulator.simulator import Simulator


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT, then save the state."""
    options = _parser().parse_args(arguments)
    try:
        simulator = _load(options.state_file)
        server = SimulatorServer(simulator, options.port)
    except (OSError, ValueError) as error:
        print(f"simulator: cannot start: {error}", file=sys.stderr)
        return 1
    _stop_on_signals(server)
    _announce(server.url, as_json=options.json)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    if options.state_file is not None:
        _save(simulator, options.state_file)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator", description="Canvas in a box: AGS and LTI 1.1 outcomes over one gradebook."
    )
    parser.add_argument("--port", type=int, default=8300, help="port on 127.0.0.1, 0 for a free one (default 8300)")
    parser.add_argument("--state-file", type=Path, help="JSON file to load at the start and to save at the stop")
    parser.add_argument("--json", action="store_true", help="announce the addresses as one line of JSON")
    return parser


def _load(state_file: Path | None) -> Simulator:
    if state_file is None or not state_file.exists():
        return Simulator()
    return Simulator.load(state_file.read_text("utf-8"))


def _save(simulator: Simulator, state_file: Path) -> None:
    """Save beside the file and put it in place in one step; it holds secrets of the simulated tools."""
    temporary = state_file.with_name(f"{state_file.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(simulator.dump())
    temporary.replace(state_file)


def _stop_on_signals(server: SimulatorServer) -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        server.stopping.set()
        # shutdown() waits for the serving loop, which this very thread runs.
        threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def _announce(url: str, *, as_json: bool) -> None:
    if as_json:
        addresses = {"url": url, "gradebook_url": f"{url}/gradebook", "client_id": DEFAULT_CLIENT_ID}
        print(json.dumps(addresses), flush=True)
    else:
        print(f"Canvas in a box: {url}\nGradebook:       {url}/gradebook\nStop with Ctrl-C.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
