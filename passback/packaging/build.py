"""Builds a stage's package: Chalice packs what runs, ours is merged into its template, its zip is made small."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from passback.failures import CommandFailed
from passback.packaging.archive import NotCompiled, Sizes, slim
from passback.packaging.stage import chalice_config, check_stage, merge_template

ROOT = Path(__file__).parents[2]
TEMPLATE = "template.json"
ARCHIVE = "deployment.zip"
"""The name that the template gives to the zip, beside which it lies."""
_CHALICES_TEMPLATE = "sam.json"
_SECONDS = 600.0
PYTHONS = ((3, 11), (3, 12), (3, 13))
"""Those that Lambda has and Passback is tested with."""
_CODE = ("app.py", "requirements.txt")


@dataclass(frozen=True, slots=True)
class Package:
    """What was built."""

    template: Path
    archive: Path
    sizes: Sizes
    runtime: str


def build(
    stage: str, out: Path, work: Path, *, architecture: str, region: str, settings: Mapping[str, str] | None = None
) -> Package:
    """Build the package of a stage. No AWS account is needed, and nothing of it is asked.

    Parameters
    ----------
    out
        Where template and zip go.
    work
        Where the project is put together; kept, so that the next time nothing needs to be fetched.
    region
        Chalice wants one; the template works in any of the same partition.
    settings
        More settings for the functions than ``.chalice/config.json`` has.

    Raises
    ------
    CommandFailed
        If the stage's name or this Python do not fit, or Chalice fails.
    """
    check_stage(stage)
    if sys.version_info[:2] not in PYTHONS:
        raise CommandFailed("wrong_python", "Lambda runs what packs it: use Python 3.11, 3.12 or 3.13.")
    project, packed = work / "project", work / "packed"
    with _one_at_a_time(work):
        _put_together(project, stage, architecture, settings or {})
        shutil.rmtree(packed, ignore_errors=True)
        _run_chalice(project, stage, packed, region)
        try:
            sizes = slim(packed / ARCHIVE, work / "unpacked")
        except NotCompiled as problem:
            raise CommandFailed("not_compiled", f"{problem} Is requirements.txt fit for this Python?") from problem
        return _put_out(packed, out, sizes)


def _put_out(packed: Path, out: Path, sizes: Sizes) -> Package:
    template = json.loads((packed / _CHALICES_TEMPLATE).read_text())
    out.mkdir(parents=True, exist_ok=True)
    (out / TEMPLATE).write_text(json.dumps(template, separators=(",", ":")) + "\n")
    shutil.move(packed / ARCHIVE, out / ARCHIVE)
    runtime = template["Resources"]["APIHandler"]["Properties"]["Runtime"]
    return Package(out / TEMPLATE, out / ARCHIVE, sizes, runtime)


@contextmanager
def _one_at_a_time(work: Path) -> Iterator[None]:
    """Let others who build in the same folder wait."""
    work.mkdir(parents=True, exist_ok=True)
    with (work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _put_together(project: Path, stage: str, architecture: str, settings: Mapping[str, str]) -> None:
    """Copy what runs, and nothing else, to a Chalice project of its own."""
    shutil.rmtree(project / "chalicelib", ignore_errors=True)
    chalice = project / ".chalice"  # its cache of what was fetched stays
    chalice.mkdir(parents=True, exist_ok=True)
    for name in _CODE:
        shutil.copyfile(ROOT / name, project / name)
    shutil.copytree(ROOT / "chalicelib", project / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
    stored = json.loads((ROOT / ".chalice" / "config.json").read_text())
    _write(chalice / "config.json", chalice_config(stored, stage, architecture, settings))
    _write(chalice / "policy.json", {"Version": "2012-10-17", "Statement": []})  # the merged template has them
    _write(project / "merge.json", merge_template(ROOT / "infra", stage))


def _write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document, indent=1))


def _run_chalice(project: Path, stage: str, out: Path, region: str) -> None:
    command = [str(Path(sys.executable).with_name("chalice")), "package", "--stage", stage]
    command += ["--merge-template", "merge.json", str(out)]
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "PASSBACK_"))}
    try:
        done = subprocess.run(  # noqa: S603  # a fixed command
            command,
            cwd=project,
            env={**kept, "AWS_DEFAULT_REGION": region},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise CommandFailed("chalice", f"Chalice did not run ({type(problem).__name__}); run `make install`.") from None
    if done.returncode != 0 or not (out / ARCHIVE).exists():
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no word why"]
        raise CommandFailed("chalice", f"Chalice could not pack the functions: {last[0]}")
