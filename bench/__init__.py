"""Benchmarks: what one plain outcome costs, beside a floor and beside peers. ``python -m bench`` runs them all."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The engine, the gateway's event and the tool's XML are those of the tests; nothing of this is shipped.
sys.path.append(str(ROOT / "tests"))
