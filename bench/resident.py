"""How much memory another process holds."""

import resource
from pathlib import Path


def resident_bytes(process_id: int) -> int | None:
    """Return the resident memory of a process; None where Linux's files are not there."""
    try:
        return int(Path(f"/proc/{process_id}/statm").read_text("ascii").split()[1]) * resource.getpagesize()
    except OSError:
        return None
