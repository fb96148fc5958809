"""Reads several listings in turn without waiting for each: most of them are empty, and a request takes its time."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

from chalicelib.storage.attributes import Item
from chalicelib.storage.table import Page, Table

AT_ONCE = 8
"""Most requests at once: below the 10 connections that an AWS client keeps."""


def in_turn(table: Table, kinds: Iterable[str], *, reverse: bool = False) -> Iterator[Item]:
    """Read listings one after another, as far as the caller goes.

    The first pages of the next ones are read together: of one, of two, of four, then of eight. So who
    finds what they want in the first listings asks for no others, and who finds little soon asks for many at once.
    """
    remaining, number = iter(kinds), 1
    while together := list(islice(remaining, number)):
        for kind, page in zip(together, _first_pages(table, together, reverse=reverse), strict=True):
            yield from page.items
            if page.following is not None:
                yield from table.listing(kind, reverse=reverse, start=page.following)
        number = min(AT_ONCE, number * 2)


def _first_pages(table: Table, kinds: list[str], *, reverse: bool) -> list[Page]:
    if len(kinds) == 1:
        return [table.query_listing(kinds[0], reverse=reverse)]
    with ThreadPoolExecutor(len(kinds)) as pool:
        return list(pool.map(lambda kind: table.query_listing(kind, reverse=reverse), kinds))
