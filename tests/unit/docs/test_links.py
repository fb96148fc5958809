"""Links lead somewhere, and every page can be found from the index."""

import re
from urllib.parse import unquote

import pytest

from .pages import DOCS, NAMES, ROOT, anchors, links, read

DECISIONS = sorted(path.name for path in (DOCS / "decisions").glob("0*.md"))


def local_links(name: str) -> list[str]:
    return [link for link in links(name) if not re.match(r"[a-z]+:", link)]


def leads_somewhere(name: str, link: str) -> bool:
    path, _, anchor = unquote(link).partition("#")
    target = (ROOT / name).parent / path if path else ROOT / name
    if not target.exists() or not anchor:
        return target.exists()
    return anchor in anchors(str(target.resolve().relative_to(ROOT)))


@pytest.mark.parametrize("name", NAMES)
def test_every_relative_link_exists(name: str) -> None:
    missing = [link for link in local_links(name) if not leads_somewhere(name, link)]
    assert missing == []


def test_a_link_to_nowhere_would_be_noticed() -> None:
    assert leads_somewhere("docs/answers.md", "point-a-tool.md#when-it-does-not-work")
    assert not leads_somewhere("docs/answers.md", "point-a-tool.md#when-it-works")
    assert not leads_somewhere("docs/answers.md", "nowhere.md")


def test_links_are_found_at_all() -> None:
    assert "answers.md" in local_links("docs/point-a-tool.md")
    assert "when-it-does-not-work" in anchors("docs/point-a-tool.md")


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md") if path.name != "README.md"))
def test_the_index_or_the_readme_leads_to_every_page(page: str) -> None:
    assert page in links("docs/README.md") or f"docs/{page}" in links("README.md")


def test_the_index_of_decisions_names_them_in_order() -> None:
    assert local_links("docs/decisions/README.md") == DECISIONS


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_has_its_four_parts(name: str) -> None:
    text = read(f"docs/decisions/{name}")
    assert text.startswith(f"# {name[:4]}: ")
    parts = re.findall(r"^(?:\*\*(Status):\*\* \w+.*|## (\w+))$", text, re.MULTILINE)
    assert ["".join(part) for part in parts] == ["Status", "Context", "Decision", "Consequences"]
