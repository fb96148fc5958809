"""A report, for people."""

from collections import Counter
from collections.abc import Iterator

from soak.run import Report

MOST_TOLD = 12


def kept(report: Report) -> bool:
    """Tell whether every promise was kept, and everything delivered in time."""
    return report.drained_in is not None and not any(verdict.violations for verdict in report.verdicts)


def tell(report: Report) -> Iterator[str]:
    """Write the report, line by line."""
    for name, counts in report.counts.items():
        yield f"{name}: " + ", ".join(f"{what} {number}" for what, number in counts.items())
    rows = Counter(row for verdict in report.verdicts for row in verdict.rows)
    yield "explained by: " + (", ".join(f"{row} ({number})" for row, number in rows.most_common()) or "nothing needed")
    drained = "NOT in time" if report.drained_in is None else f"in {report.drained_in:.1f} s"
    yield f"all delivered: {drained}; {report.seconds:.0f} s of life in all"
    violations = [violation for verdict in report.verdicts for violation in verdict.violations]
    for verdict in [verdict for verdict in report.verdicts if verdict.violations][:MOST_TOLD]:
        for violation in verdict.violations:
            yield f"VIOLATION: {violation.what}, cell {violation.cell}: {violation.details}"
        yield from (f"  {line}" for line in verdict.story)
        for delivery_id in sorted({each for violation in verdict.violations for each in violation.deliveries}):
            yield f"  {delivery_id}"
            yield from (f"    {line}" for line in report.stories.get(delivery_id, ()))
    by_kind = Counter(violation.what for violation in violations)
    said = "kept" if kept(report) else ", ".join(f"{what} {number}" for what, number in by_kind.items()) or "too slow"
    yield f"verdict (seed {report.plan.seed}): {said}"
