"""The report on many mappings: a table in Markdown."""

from collections.abc import Sequence

from bench.mappings import IMPORT, ROWS, Mappings, Pair
from bench.markdown import bold, factor, markdown, megabytes, milliseconds, range_of, three_figures
from passback.output import View, Words


def mapping_views(found: Mappings | None) -> Sequence[View]:
    """Lay out what many mappings change."""
    if found is None:
        return []
    heads = ("", f"{found.few} mappings", "spread", f"{found.many:,} mappings", "spread", bold("ratio"), "spread")
    rows = [_row(name, pair) for name, pair in found.pairs.items()]
    imports = found.pairs[IMPORT]
    rates = [ROWS / each.middle for each in (imports.few, imports.many) if each is not None]
    told = [f"Rows imported a second: {' and '.join(map(three_figures, rates))}."]
    if found.memory is not None:
        few, many = map(megabytes, found.memory)
        told.append(f"The engine held {few} and {many}, and was there after {found.filling:.0f} s.")
    if found.many < found.wanted:
        told.append(f"Not the {found.wanted:,} that were asked for: this machine has no memory for more.")
    told += [f"{name} came to no end: {why}" for name, why in found.given_up.items()]
    return [
        Words("\nMany mappings beside few\n", style="bold"),
        markdown(heads, rows),
        Words(" ".join(told)),
    ]


def _row(name: str, pair: Pair) -> tuple[str, ...]:
    few = (milliseconds(pair.few), range_of(pair.few))
    if pair.many is None or pair.ratio is None:
        return (name, *few, "no end", "-", "-", "-")
    ratio = (bold(factor(pair.ratio)), range_of(pair.ratio, 1.0))
    return (name, *few, milliseconds(pair.many), range_of(pair.many), *ratio)
