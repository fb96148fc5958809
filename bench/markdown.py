"""Tables as docs/benchmarks.md has them, so that what is printed can be pasted there. Pure."""

from collections.abc import Sequence

from bench.samples import Figure
from passback.output import Words


def markdown(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Words:
    """Write a table in Markdown; a cell's own bars are escaped.

    Raises
    ------
    ValueError
        If a row has another number of cells than the head.
    """
    if any(len(row) != len(columns) for row in rows):
        raise ValueError("a row has not the number of columns")
    lines = [columns, ["---"] * len(columns), *rows]
    return Words("".join(f"| {' | '.join(map(_escaped, line))} |\n" for line in lines))


def _escaped(cell: str) -> str:
    return cell.replace("|", r"\|")


def bold(text: str) -> str:
    """Write a cell in bold letters."""
    return f"**{text}**"


def milliseconds(figure: Figure | None) -> str:
    """Write a time that was measured in seconds: the median of the runs, in three figures."""
    return "-" if figure is None else f"{three_figures(figure.middle * 1e3)} ms"


def range_of(figure: Figure, factor: float = 1e3) -> str:
    """Write the extremes of the runs."""
    return f"{three_figures(figure.lowest * factor)}-{three_figures(figure.highest * factor)}"


def factor(figure: Figure) -> str:
    """Write a ratio with two decimals."""
    return f"{figure.middle:.2f}"


def megabytes(size: float) -> str:
    """Write bytes as megabytes."""
    return f"{size / 1e6:.1f} MB"


def three_figures(number: float) -> str:
    """Write a number with three figures, and all those before the point."""
    digits = 0 if number >= 99.95 else 1 if number >= 9.995 else 2
    return f"{number:.{digits}f}"
