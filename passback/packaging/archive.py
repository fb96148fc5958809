"""The functions' zip, made smaller and quicker to start: what no function imports goes, what is left is compiled.

Compiled files are marked as unchecked: Lambda's files never change, so that Python need not look at the sources.
"""

import compileall
import json
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode

SERVICES = ("dynamodb", "kms", "sqs")
"""The AWS services that Passback's functions call; botocore brings the descriptions of all the others."""
_SHARED_DATA = ("endpoints.json", "partitions.json", "sdk-default-configuration.json", "_retry.json")
_NEVER_IMPORTED = (
    "lxml/includes",  # C headers
    "lxml/isoschematron",
    "lxml/html",
    "lxml/objectify*",
    "boto3",  # the functions call its botocore
    "boto3-*",
    "s3transfer",
    "s3transfer-*",
    "bin",
    "*.dist-info/RECORD",
    "**/*.pyi",
    "**/*.pxd",
    "**/*.pyx",
    "**/*.pxi",
    "**/*.h",
    "**/*.c",
    "**/*.exe",
)
_TASK_ROOT = "/var/task"
"""Where Lambda unpacks the zip: the place that tracebacks name."""
_FIRST_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip can say: the same files make the same zip."""


class NotCompiled(Exception):
    """A file cannot be compiled."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Bytes of a zip, and of what is in it."""

    zipped: int
    unpacked: int


def slim(archive: Path, work: Path) -> Sizes:
    """Rewrite Chalice's zip in its place.

    Parameters
    ----------
    work
        A folder to unpack in; what is there goes first.

    Raises
    ------
    NotCompiled
        If a file cannot be compiled by this Python, whose version is the functions' too.
    """
    shutil.rmtree(work, ignore_errors=True)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(work)
    _drop(_unneeded(work))
    _narrow(work / "botocore" / "data" / "endpoints.json")
    compiled = compileall.compile_dir(
        work, quiet=2, stripdir=str(work), prependdir=_TASK_ROOT, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
    )
    if not compiled:
        raise NotCompiled("Not every file of the package can be compiled.")
    draft = archive.with_suffix(".draft")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in sorted(path for path in work.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(work).as_posix(), _FIRST_DATE)
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    draft.replace(archive)
    with zipfile.ZipFile(archive) as packed:
        return Sizes(archive.stat().st_size, sum(entry.file_size for entry in packed.infolist()))


def _unneeded(root: Path) -> Iterator[Path]:
    for pattern in _NEVER_IMPORTED:
        yield from root.glob(pattern)
    for path in root.glob("botocore/data/*"):
        if path.name not in (*SERVICES, *_SHARED_DATA):
            yield path


def _narrow(endpoints: Path) -> None:
    """Leave only our services in AWS's list of addresses: every first client of a container reads all of it."""
    if not endpoints.exists():
        return
    document = json.loads(endpoints.read_bytes())
    for partition in document["partitions"]:
        partition["services"] = {name: found for name, found in partition["services"].items() if name in SERVICES}
    endpoints.write_text(json.dumps(document))


def _drop(paths: Iterator[Path]) -> None:
    for path in list(paths):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
