"""The report on load: tables in Markdown."""

from collections import Counter
from collections.abc import Sequence

from bench.load import Level, Load
from bench.markdown import bold, markdown, range_of, three_figures
from bench.samples import Figure
from passback.output import View, Words


def load_views(load: Load | None) -> Sequence[View]:
    """Lay out what came through at each level, and what was in the way."""
    if load is None:
        return []
    errors = sum((Counter(level.errors) for level in load.levels), Counter[str]())
    told = "No error." if not errors else "Errors: " + ", ".join(f"{end} ({count})" for end, count in errors.items())
    shown = "all" if not load.not_shown else f"all but {load.not_shown}"
    return [
        Words(f"\nLoad, {load.servers} processes of the packed code\n", style="bold"),
        markdown(
            ("At once", "Outcomes a second", "spread", "p50", "p95", "p99", "longest", "queued", "errors"),
            [_outcomes(level) for level in load.levels],
        ),
        markdown(
            ("At once", "`/health` a second", "p50", "p99", "Outcomes to `/health`", "spread", "Engine's core"),
            [_beside(level) for level in load.levels],
        ),
        Words(f"{told} The gradebook shows {shown} of the scores that were told delivered last."),
    ]


def _outcomes(level: Level) -> tuple[str, ...]:
    took = level.latencies
    return (
        str(level.at_once),
        bold(_rate(level.rate)),
        range_of(level.rate, 1.0),
        *(f"{three_figures(seconds * 1e3)} ms" for seconds in (took.half, took.most, took.nearly_all, took.longest)),
        str(level.queued),
        str(sum(level.errors.values())),
    )


def _beside(level: Level) -> tuple[str, ...]:
    return (
        str(level.at_once),
        _rate(level.health_rate),
        f"{three_figures(level.health.half * 1e3)} ms",
        f"{three_figures(level.health.nearly_all * 1e3)} ms",
        bold(f"1 : {1 / level.to_health.middle:.0f}"),
        f"{1 / level.to_health.highest:.0f}-{1 / level.to_health.lowest:.0f}",
        f"{level.engine.middle:.0%}",
    )


def _rate(figure: Figure) -> str:
    return three_figures(figure.middle)
