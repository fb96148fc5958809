"""The report: tables for people, one document for scripts, and the verdict."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.breaker import BreakerFindings
from bench.cold import ColdStart
from bench.drain import Drain
from bench.load import Load
from bench.mappings import Mappings
from bench.peers import DOES, Peer
from bench.processes import OUTCOMES, FreshProcess, Memory
from bench.report_cold import cold_views
from bench.report_delivery import breaker_views, drain_views
from bench.report_load import load_views
from bench.report_mappings import mapping_views
from bench.samples import Figure
from bench.stages import STAGES
from bench.warm import AGS_REQUESTS, MOST_TABLE_REQUESTS, WarmOutcome
from passback.output import Facts, Table, View, Words

MOST_RATIO = 1.5
"""The aim for the whole outcome beside its floor. Missing it is told, not punished: machines differ."""
DEAREST_IMPORTS = 10

_THOUSANDS = {"ms": 1e3, "µs": 1e6, "MB": 1e-6}


@dataclass(frozen=True, slots=True)
class PlainFindings:
    """What was found of one plain outcome."""

    warm: WarmOutcome
    peers: list[Peer]
    memory: Memory
    fresh: FreshProcess
    imports: dict[str, float]


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that was measured: times in seconds, memory in bytes. What was not asked for is None or empty."""

    machine: dict[str, str]
    plain: PlainFindings | None = None
    drains: list[Drain] = field(default_factory=list)
    breaker: BreakerFindings | None = None
    cold: ColdStart | None = None
    load: Load | None = None
    mappings: Mappings | None = None

    @property
    def broken_promises(self) -> list[str]:
        """Say which promises were not kept."""
        broken = []
        if self.plain is not None and not self.plain.warm.counts.within_limits:
            broken.append("A plain outcome makes more requests than it may.")
        sites = [site for drain in self.drains for site in (drain.large, drain.small) if site is not None]
        if any(site.missing for site in sites):
            broken.append("A gradebook does not show what was promised, within the time for a drain.")
        if self.breaker is not None and any(death.drained is None for death in self.breaker.deaths):
            broken.append("After a platform's return not all was delivered in time.")
        if self.load is not None and self.load.errors:
            broken.append(f"Under load {self.load.errors} outcomes were not taken.")
        if self.load is not None and self.load.not_shown:
            broken.append("Under load a score was told delivered that the gradebook does not show.")
        return broken

    def document(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        return {**asdict(self), "promises_kept": not self.broken_promises}


def describe_machine() -> dict[str, str]:
    """Say what the numbers were measured on."""
    load = os.getloadavg()
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "load before": f"{load[0]:.2f}",
    }


def views(findings: Findings) -> Sequence[View]:
    """Lay the findings out for people."""
    return [
        Facts(list(findings.machine.items())),
        *([] if findings.plain is None else _plain_views(findings.plain)),
        *drain_views(findings.drains),
        *breaker_views(findings.breaker),
        *cold_views(findings.cold),
        *load_views(findings.load),
        *mapping_views(findings.mappings),
    ]


def _plain_views(plain: PlainFindings) -> Sequence[View]:
    return [*_warm_views(plain.warm), *_peer_views(plain.peers), *_process_views(plain)]


def milliseconds(figure: Figure | None) -> tuple[str, str]:
    """Write a time: the median, and the range of the runs."""
    return _written(figure, "ms")


def _written(figure: Figure | None, unit: str) -> tuple[str, str]:
    if figure is None:
        return "-", ""
    shown = figure.times(_THOUSANDS[unit])
    digits = 0 if unit == "µs" else 2 if unit == "ms" and shown.middle < 100 else 1
    return f"{shown.middle:.{digits}f} {unit}", f"{shown.lowest:.{digits}f}-{shown.highest:.{digits}f}"


def _warm_views(warm: WarmOutcome) -> Sequence[View]:
    aim = "reached" if warm.ratio.middle <= MOST_RATIO else "missed"
    verdict = "ok" if warm.counts.within_limits else "failed"
    spread = f"{warm.ratio.lowest:.2f}-{warm.ratio.highest:.2f}"
    rows = [(stage, *milliseconds(warm.stages[stage]), what) for stage, what in STAGES.items()]
    return [
        Words("\nOne plain outcome on a warm container", style="bold"),
        Table(("stage", "time", "spread", "what is in it"), rows),
        Table(
            ("", "", "spread", ""),
            [
                ("whole, not taken apart", *milliseconds(warm.whole), "app(event, context)"),
                ("floor", *milliseconds(warm.floor), "the same requests by bare botocore and bare httpx"),
                ("added to the floor", *milliseconds(warm.added), "what the service itself takes"),
                ("ratio to the floor", f"{warm.ratio.middle:.2f}", spread, f"aim {MOST_RATIO}: {aim}"),
            ],
        ),
        Table(
            ("requests", "made", "allowed", ""),
            [
                ("table", str(warm.counts.table), f"at most {MOST_TABLE_REQUESTS}", verdict),
                ("AGS", str(warm.counts.ags), f"exactly {AGS_REQUESTS}", verdict),
            ],
        ),
    ]


def _peer_views(peers: Sequence[Peer]) -> Sequence[View]:
    rows = []
    for peer in peers:
        parts = (peer.verify, peer.parse, peer.translate)
        rows.append((peer.name, *(_written(part, "µs")[0] for part in parts), *_written(peer.whole, "µs")))
    return [
        Words("\nSignature, XML and translation alone, beside other libraries", style="bold"),
        Table(("", "verify", "parse", "translate", "together", "spread"), rows),
        *(Words(f"{peer.name}: {DOES[peer.name]}.") for peer in peers),
    ]


def _process_views(findings: PlainFindings) -> Sequence[View]:
    fresh, memory = findings.fresh, findings.memory
    spread = f"{fresh.ratio.lowest:.2f}-{fresh.ratio.highest:.2f}"
    times = [
        ("import app", *milliseconds(fresh.app)),
        ("first answer", *milliseconds(fresh.first_answer)),
        ("both", *milliseconds(fresh.whole)),
        ("floor: import the libraries", *milliseconds(fresh.libraries)),
        ("floor: make the two clients, bare", *milliseconds(fresh.clients)),
        ("floor: both", *milliseconds(fresh.floor)),
        ("ratio to the floor", f"{fresh.ratio.middle:.2f}", spread),
    ]
    sizes = [
        ("the libraries and two clients, bare", *_written(memory.libraries, "MB")),
        ("app imported", *_written(memory.after_import, "MB")),
        ("first answer", *_written(memory.after_first_answer, "MB")),
        (f"{OUTCOMES} outcomes", *_written(memory.after_outcomes, "MB")),
    ]
    dearest = list(findings.imports.items())[:DEAREST_IMPORTS]
    return [
        Words("\nA fresh process", style="bold"),
        Table(("", "time", "spread"), times),
        Table(("package", "own import time"), [(name, f"{seconds * 1e3:.1f} ms") for name, seconds in dearest]),
        Words("\nMemory of the process", style="bold"),
        Table(("after", "resident", "spread"), sizes),
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown processor"
