"""How long the processors have worked for another process."""

import os
from pathlib import Path


def processor_seconds(process_id: int) -> float:
    """Return the seconds that processors worked for a process and its threads; 0 where Linux's files are not there."""
    try:
        text = Path(f"/proc/{process_id}/stat").read_text("ascii", "replace")
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()  # after the name, which may hold anything: the fields from the third on
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
