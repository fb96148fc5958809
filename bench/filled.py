"""A local engine whose table holds many mappings from the start: written into its state, not sent to it one by one.

Sending a million takes the engine seven minutes and more; reading them from its state file half a minute.
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from engine import Engine, running_engine

from chalicelib.config import Settings
from chalicelib.mapping.model import Mapping
from chalicelib.storage.attributes import encode_item
from chalicelib.storage.clients import make_client
from chalicelib.storage.mappings import to_item
from chalicelib.storage.schema import create

BYTES_EACH = 6000
"""Memory that the engine takes for one mapping while it reads its state; less afterwards."""
MOST_OF_MEMORY = 0.75
_LONGEST_START = 300.0
_NO_ITEMS = '"items": {}'
_NO_SORT_KEY = "__no_sort__"
"""How the engine writes an empty table, and where it puts an item of a table that has no sort key."""


@contextmanager
def filled_engine(folder: Path, table: str, mappings: Iterable[Mapping]) -> Iterator[Engine]:
    """Run an engine with a table that holds these mappings. It is killed at the end: its state is of no use any more.

    Raises
    ------
    RuntimeError
        If the engine writes its state in another way than this knows, or does not read what was written.
    """
    state = folder / "state"
    keeps_state = {"PERSIST_STATE": "1", "STATE_DIR": str(state), "SERVICES": "dynamodb,sqs"}
    with patch.dict(os.environ, keeps_state), patch("engine.START_SECONDS", _LONGEST_START):
        with running_engine(folder) as engine:
            create(make_client(Settings(stage="local"), engine.environment), table)
        last = write_state(state / "dynamodb.json", mappings)
        with running_engine(folder) as engine:
            _must_hold(engine, table, last)
            yield engine
            engine.process.kill()  # told to stop, it would write everything down again


def write_state(file: Path, mappings: Iterable[Mapping]) -> str:
    """Put mappings into a state with one empty table; returns the key of the last one.

    Raises
    ------
    RuntimeError
        If the state has not exactly one empty table.
    """
    before, empty, after = file.read_text("utf-8").partition(_NO_ITEMS)
    if not empty or _NO_ITEMS in after:
        raise RuntimeError("the engine's state has not one empty table")
    key, comma = "", ""
    with file.open("w", encoding="utf-8") as written:
        written.write(before + '"items": {')
        for mapping in mappings:
            item = to_item(mapping)
            key = str(item["pk"])
            written.write(f"{comma}{json.dumps(key)}: {json.dumps({_NO_SORT_KEY: encode_item(item)})}")
            comma = ", "
        written.write("}" + after)
    return key


def as_many_as_fit(wanted: int, available: int | None) -> int:
    """Say how many mappings the engine can hold in so many bytes of memory (None: nobody knows how many there are)."""
    return wanted if available is None else min(wanted, int(available * MOST_OF_MEMORY) // BYTES_EACH)


def available_memory() -> int | None:
    """Return the bytes of memory that are free for the asking; None where Linux's files are not there."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)


def _must_hold(engine: Engine, table: str, key: str) -> None:
    client = make_client(Settings(stage="local"), engine.environment)
    if "Item" not in client.get_item(TableName=table, Key={"pk": {"S": key}}):
        raise RuntimeError("the engine does not hold the mappings that were written into its state")
