"""Every difference that the differential tests accept is explained to people, and no other."""

from differential import accepted
from differential.accepted import Accepted

from .pages import read, rows

NAMED = {value.name for value in vars(accepted).values() if isinstance(value, Accepted)}
FIRST_CELL = "What a teacher or tool may notice"


def test_every_accepted_difference_is_on_the_page_and_no_other() -> None:
    on_page = [row[-1] for row in rows("docs/same-effect.md", FIRST_CELL) if len(row) == 5]
    assert len(NAMED) >= 13
    assert sorted(on_page) == sorted(NAMED)


def test_every_difference_is_told_from_both_sides_and_with_a_reason() -> None:
    table = list(rows("docs/same-effect.md", FIRST_CELL))
    assert table
    assert all(cell for row in table for cell in row)


def test_the_index_leads_teachers_there() -> None:
    assert "same-effect.md" in read("docs/README.md")
