"""The page on errors is what the remedies say."""

from passback.remedies import CHAPTERS, Retry

from .error_reference import page
from .pages import read, rows


def test_the_page_is_what_the_remedies_say() -> None:
    assert page() == read("docs/errors.md"), "write it anew: .venv/bin/python tests/unit/docs/error_reference.py"


def test_every_remedy_has_a_row_with_all_cells() -> None:
    table = list(rows("docs/errors.md", "What is said"))
    assert len(table) == sum(len(chapter) for chapter in CHAPTERS.values())
    assert all(len(row) == 4 and all(row) for row in table)


def test_what_to_do_with_the_delivery_is_explained() -> None:
    explained = [row[0] for row in rows("docs/errors.md", "Delivery")]
    assert len(explained) == len(Retry)
    assert {row[3] for row in rows("docs/errors.md", "What is said")} == set(explained)


def test_the_index_leads_there() -> None:
    assert "errors.md" in read("docs/README.md")
