import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.storage.keys import item_key, length_prefixed, listing_order

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4)


@given(TEXTS, TEXTS)
def test_different_lists_of_texts_never_run_together(first: list[str], second: list[str]) -> None:
    assert (length_prefixed(first) == length_prefixed(second)) == (first == second)


def test_a_key_is_short_whatever_it_names() -> None:
    assert len(item_key("mapping", "\U0001f393" * 100_000)) == len("mapping#") + 64


def test_a_key_keeps_the_kinds_apart() -> None:
    assert item_key("tool", "a") != item_key("platform", "a")


def test_a_key_stays_the_same_between_versions() -> None:
    # Whoever changes this loses every stored item.
    content = b"\0\0\0\0\0\0\0\x03key" + b"\0\0\0\0\0\0\0\x02\xc3\xa9"
    assert item_key("tool", "key", "é") == f"tool#{hashlib.sha256(content).hexdigest()}"


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        item_key("mapping", "\ud800")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_listing_order_fits_into_a_sort_key(text: str) -> None:
    assert 1 <= len(listing_order(text).encode()) <= 900


def test_a_listing_order_is_cut_between_characters() -> None:
    assert listing_order("x" + "é" * 600) == "x" + "é" * 449
