"""The report on cold starts: tables in Markdown."""

from collections.abc import Sequence

from bench.cold import BARE, OURS, RAW, ROUTE, ColdKind, ColdStart
from bench.markdown import bold, factor, markdown, megabytes, milliseconds, range_of
from bench.samples import Figure
from passback.output import View, Words

_PARTS = 8


def cold_views(cold: ColdStart | None) -> Sequence[View]:
    """Lay out what a new container takes, and what it carries."""
    if cold is None:
        return []
    starts = [
        (
            bold(kind) if kind == OURS else kind,
            milliseconds(found.python),
            milliseconds(found.imported),
            milliseconds(found.built) if found.built.highest > 0.001 else "-",
            milliseconds(found.first),
            milliseconds(found.whole),
            range_of(found.whole),
            milliseconds(found.processor),
            milliseconds(found.warm),
        )
        for kind, found in _in_order(cold)
    ]
    bare = ("Python alone (`-c pass`), whole", *["-"] * 4, milliseconds(cold.bare), range_of(cold.bare), "-", "-")
    ratios = [
        (f"{OURS} to {words}", *_ratio(cold.ratios[kind]), *_ratio(cold.processor_ratios.get(kind)))
        for kind, words in ((ROUTE, ROUTE), (RAW, RAW), (BARE, "Python alone"))
    ]
    sizes = [
        (bold(kind) if kind == OURS else kind, megabytes(one.zipped), megabytes(one.unpacked), f"{one.files:,}")
        for kind, one in cold.zips.items()
    ]
    return [
        Words(f"\nA cold start, {cold.runs} processes of each kind in turn\n", style="bold"),
        markdown(
            ("", "Python", "import", "services", "first answer", "together", "spread", "processor", "then, warm"),
            [*starts, bare],
        ),
        markdown(("Ratio", "together", "spread", "processor", "spread"), ratios),
        markdown(("", "Zip", "Unpacked", "Files"), sizes),
        markdown(("Largest parts, unpacked", OURS, "Chalice's own zip"), _parts(cold)),
    ]


def _ratio(figure: Figure | None) -> tuple[str, str]:
    return ("-", "-") if figure is None else (bold(factor(figure)), range_of(figure, 1.0))


def _in_order(cold: ColdStart) -> list[tuple[str, ColdKind]]:
    """Put the floor first, then what is beside it, the quickest first."""
    return sorted(cold.kinds.items(), key=lambda pair: (pair[0] != ROUTE, pair[1].whole.middle))


def _parts(cold: ColdStart) -> list[tuple[str, str, str]]:
    ours, raw = cold.zips[OURS].parts, cold.zips[RAW].parts
    names = sorted({*ours, *raw}, key=lambda name: -max(ours.get(name, 0), raw.get(name, 0)))
    return [(f"`{name}`", _part(ours, name), _part(raw, name)) for name in names[:_PARTS]]


def _part(parts: dict[str, int], name: str) -> str:
    return megabytes(parts[name]) if name in parts else "-"
