"""The report on what happens around an outage: the drain and the breaker, as tables for people."""

from collections.abc import Sequence

from bench.breaker import BreakerFindings
from bench.drain import Drain, SiteDrain
from bench.samples import Waits
from passback.output import Table, View, Words


def drain_views(drains: Sequence[Drain]) -> Sequence[View]:
    """Lay out how backlogs drained."""
    if not drains:
        return []
    load, every = drains[0].load, drains[0].every
    load_words = f"A call costs {load.cost:g} and takes {load.seconds:g} s; the schedule runs every {every:g} s."
    rows = [row for drain in drains for row in _drain_rows(drain)]
    return [
        Words("\nA backlog drains once its platform is back, under Canvas's throttle", style="bold"),
        Words(load_words),
        Table(("", "first", "let go", "half", "all in", "calls", "refused", "most at once"), rows),
    ]


def breaker_views(findings: BreakerFindings | None) -> Sequence[View]:
    """Lay out what tools waited for."""
    if findings is None:
        return []
    rows = [("platform well", *_waits(findings.floor))]
    for death in findings.deaths:
        rows.append((f"{death.how}: before it opens", *_waits(death.before)))
        rows.append((f"{death.how}: open", *_waits(death.after)))
    times = [(d.how, _seconds(d.opened), _seconds(d.closed), _seconds(d.drained)) for d in findings.deaths]
    return [
        Words("\nWhat a tool waits while its platform is dead", style="bold"),
        Table(("", "answers", "median", "95 of 100", "longest"), rows),
        Table(("platform", "open after", "closed after its return", "drained after its return"), times),
    ]


def _drain_rows(drain: Drain) -> list[tuple[str, ...]]:
    large, fared, best = drain.large, drain.greedy, drain.best
    rows = [_site_row(f"{large.outcomes} outcomes, {_courses(large)}", large)]
    if drain.small is not None:
        rows.append(_site_row(f"beside it: {drain.small.outcomes} outcomes, {_courses(drain.small)}", drain.small))
    name = "greedy client, scores only" if not fared.left else f"greedy client, {fared.left} left"
    counted = (str(fared.counts.done), str(fared.counts.throttled), str(fared.counts.most_at_once))
    rows.append((name, "", "", "", _seconds(fared.seconds), *counted))
    calls = large.counts.done
    rows.append(("best for the same calls", "", "", "", _seconds(large.bounds.best), str(calls), "", ""))
    rows.append(("the same calls, one by one", "", "", "", _seconds(large.bounds.one_by_one), str(calls), "", ""))
    rows.append(("best for the scores alone", "", "", "", _seconds(best.best), str(fared.counts.done), "", ""))
    return rows


def _site_row(name: str, site: SiteDrain) -> tuple[str, ...]:
    whole = _seconds(site.last) if not site.missing else f"{site.missing} missing"
    counts = site.counts
    times = (_seconds(site.first), _seconds(site.second), _seconds(site.half), whole)
    return (name, *times, str(counts.done), str(counts.throttled), str(counts.most_at_once))


def _courses(site: SiteDrain) -> str:
    return f"{site.courses} course{'' if site.courses == 1 else 's'}"


def _waits(found: Waits) -> tuple[str, ...]:
    return str(found.number), *(_short(seconds) for seconds in (found.median, found.most, found.longest))


def _short(seconds: float) -> str:
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.1f} s"
