"""Importing a mapping file: as a stream, in batches; a bad row is reported and stops nothing."""

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from chalicelib.errors import StorageUnavailable
from chalicelib.mapping.model import Mapping
from passback.counting import counted
from passback.failures import CommandFailed
from passback.mapping_file import Record, read_records
from passback.mapping_rows import MappingRules, RowRefused

BATCH = 500
LISTED_REFUSALS = 1000
"""Refusals kept for the printed report; ``--report`` takes all."""


class MappingWriter(Protocol):
    """Where mappings go: the mapping store."""

    def put_many(self, mappings: Iterable[Mapping]) -> None:
        """Write any number of mappings; of two with one key the later one counts."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not imported."""

    line: int
    reason: str


@dataclass(slots=True)
class ImportReport:
    """What became of a file's rows. ``duplicates`` counts rows that a later row of the file replaced.

    ``tools`` are the consumer keys that mappings were written for.
    """

    imported: int = 0
    refused: int = 0
    duplicates: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    tools: set[str] = field(default_factory=set)
    last_line: int = 0


def import_mappings(
    file: BinaryIO,
    rules: MappingRules,
    store: MappingWriter,
    *,
    refuse: Callable[[Record, str], None],
    progress: Callable[[ImportReport], None],
) -> ImportReport:
    """Import a file. ``refuse`` is told every refused row, ``progress`` the state after every batch.

    Raises
    ------
    CommandFailed
        If the file as a whole is of no use, or the table cannot be written; rows before may be in by then, and
        importing the file again does no harm.
    """
    report = ImportReport()
    seen: set[bytes] = set()
    batch: list[Mapping] = []
    for record in read_records(file):
        report.last_line = record.line
        try:
            mapping = _mapping(record, rules)
        except RowRefused as error:
            _count_refusal(report, record, str(error), refuse)
            continue
        _count_duplicate(report, seen, mapping)
        report.tools.add(mapping.consumer_key)
        batch.append(mapping)
        if len(batch) >= BATCH:
            _write(store, batch, report)
            progress(report)
            batch = []
    _write(store, batch, report)
    progress(report)
    return report


def _mapping(record: Record, rules: MappingRules) -> Mapping:
    if record.reason is not None:
        raise RowRefused(record.reason)
    return rules.mapping(record.fields)


def _count_refusal(report: ImportReport, record: Record, reason: str, refuse: Callable[[Record, str], None]) -> None:
    report.refused += 1
    if len(report.refusals) < LISTED_REFUSALS:
        report.refusals.append(Refusal(record.line, reason))
    refuse(record, reason)


def _count_duplicate(report: ImportReport, seen: set[bytes], mapping: Mapping) -> None:
    # Sixteen bytes a row keep a file of millions within memory; the rows themselves are not kept.
    identity = f"{len(mapping.consumer_key)}:{mapping.consumer_key}{mapping.sourcedid}".encode()
    digest = hashlib.blake2b(identity, digest_size=16).digest()
    if digest in seen:
        report.duplicates += 1
    seen.add(digest)


def _write(store: MappingWriter, batch: list[Mapping], report: ImportReport) -> None:
    try:
        store.put_many(batch)
    except StorageUnavailable as error:
        raise CommandFailed(
            "storage_unavailable",
            f"The table could not be written after {counted(report.imported, 'row')} (before line {report.last_line}). "
            f"{error} Import the file again when it can; rows that are in already do no harm.",
        ) from error
    report.imported += len(batch)


@contextmanager
def refused_rows_file(path: Path | None) -> Iterator[Callable[[Record, str], None]]:
    """Open the file for refused rows: CSV with line, reason, and the row's own text. Without a path nothing is kept."""
    if path is None:
        yield lambda _record, _reason: None
        return
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("line", "reason", "row"))
        yield lambda record, reason: writer.writerow((record.line, reason, record.text))
