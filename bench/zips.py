"""The zips that are compared: ours, Chalice's own of the same code, and that of an app with nothing but a route."""

import json
import os
import platform
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import ROOT
from passback.packaging.archive import slim
from passback.packaging.build import ARCHIVE, build

STAGE = "local"
"""The stage that may call a platform on loopback by plain http, and no other difference."""
REGION = "us-east-1"
MACHINE = {"aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x86_64")
_SECONDS = 600.0
_ROUTE = """
from chalice import Chalice

app = Chalice(app_name="route")


@app.route("/health")
def health():
    return {"status": "ok"}
"""


@dataclass(frozen=True, slots=True)
class ZipSizes:
    """Bytes of a zip. ``parts``: unpacked, by what stands at its top, the largest first."""

    zipped: int
    unpacked: int
    files: int
    parts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Zip:
    """A zip, and where it is unpacked."""

    folder: Path
    sizes: ZipSizes


@dataclass(frozen=True, slots=True)
class Zips:
    """``ours`` is what ``make package`` writes; ``raw`` what Chalice made of the same project; ``route`` the floor."""

    ours: Zip
    raw: Zip
    route: Zip
    handlers: dict[str, str]
    """Of our functions, by their names in the template."""


def make_zips(folder: Path) -> Zips:
    """Pack all three, and unpack them below a folder. The first time packages are fetched from PyPI."""
    work = ROOT / "build" / f"package-bench-{MACHINE}"
    package = build(STAGE, folder / "ours", work, architecture=MACHINE, region=REGION)
    raw = _chalice(work / "project", folder / "raw", "--merge-template", "merge.json")
    route = _chalice(_route_project(folder / "route-project"), folder / "route")
    slim(route, folder / "route-work")
    template = json.loads(package.template.read_text())
    handlers = {
        name: resource["Properties"]["Handler"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }
    ours = _unpacked(package.archive, folder / "ours-code")
    return Zips(ours, _unpacked(raw, folder / "raw-code"), _unpacked(route, folder / "route-code"), handlers)


def parts_of(sizes: dict[str, int]) -> dict[str, int]:
    """Add files up by what stands at the zip's top; what pip notes of a package counts as ``*.dist-info``."""
    parts: dict[str, int] = {}
    for name, size in sizes.items():
        top = name.partition("/")[0]
        top = "*.dist-info" if top.endswith((".dist-info", ".data")) else top
        parts[top] = parts.get(top, 0) + size
    return dict(sorted(parts.items(), key=lambda pair: -pair[1]))


def forget_files(folder: Path) -> bool:
    """Have the system drop a folder's files from its memory, so that they are read from the disk; tells if it can."""
    if not hasattr(os, "posix_fadvise"):
        return False
    for path in _files(folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
    return True


def _route_project(project: Path) -> Path:
    (project / ".chalice").mkdir(parents=True)
    (project / "app.py").write_text(_ROUTE)
    (project / "requirements.txt").write_text("")
    config = {"version": "2.0", "app_name": "route", "lambda_architecture": MACHINE, "stages": {STAGE: {}}}
    (project / ".chalice" / "config.json").write_text(json.dumps(config))
    return project


def _chalice(project: Path, out: Path, *options: str) -> Path:
    """Do what ``chalice package`` does, and nothing to what it writes."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "PASSBACK_"))}
    command = [str(Path(sys.executable).with_name("chalice")), "package", "--stage", STAGE, *options, str(out)]
    environment = {**kept, "AWS_DEFAULT_REGION": REGION}
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"Chalice could not pack {project}:\n{done.stderr[-2000:]}")
    return out / ARCHIVE


def _unpacked(archive: Path, folder: Path) -> Zip:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
        sizes = {entry.filename: entry.file_size for entry in packed.infolist() if not entry.is_dir()}
    for path in _files(folder):  # only what is on the disk can be dropped from memory
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return Zip(folder, ZipSizes(archive.stat().st_size, sum(sizes.values()), len(sizes), parts_of(sizes)))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
