"""Checks the written pages of the site: every claim of a topic links behaviours, and each of them exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import luasocket_spec
import pytest
from luasocket_runners.lookup import written

ENTRIES = {behaviour.entry for behaviour in luasocket_spec.load().behaviours}
DOCS = written.directory()
TOPICS = sorted(path for path in (DOCS / "topics").glob("*.md") if path.stem != "index")
QUESTIONS = DOCS / "questions.md"
_LINK = re.compile(r"\{b\}`([^`]+)`")


def claims(path: Path) -> Iterator[str]:
    """Yield the items of the lists of a page, each on one line."""
    text = path.read_text(encoding="utf-8")
    for item in re.split(r"(?m)^- ", text)[1:]:
        yield " ".join(item.partition("\n\n")[0].split())


@pytest.mark.parametrize("path", [*TOPICS, QUESTIONS], ids=lambda path: path.stem)
def test_each_claim_of_a_topic_links_behaviours(path: Path) -> None:
    found = list(claims(path))
    assert len(found) >= 6
    unproved = [claim for claim in found if not _LINK.search(claim)]
    assert not unproved, "\n".join(unproved)


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.stem)
def test_each_linked_behaviour_exists(path: Path) -> None:
    gone = sorted(set(_LINK.findall(path.read_text(encoding="utf-8"))) - ENTRIES)
    assert not gone, f"{path.name}: {gone}"


def test_a_topic_has_prose_in_lists_only() -> None:
    """A paragraph outside of a list would be a claim that the test above does not see; one may introduce."""
    for path in [*TOPICS, QUESTIONS]:
        text = path.read_text(encoding="utf-8")
        paragraphs = [
            part for part in re.split(r"\n\s*\n", text) if part.strip() and not part.startswith(("#", "- ", "```"))
        ]
        assert len(paragraphs) <= 1, f"{path.name}: {paragraphs}"


def test_all_topics_are_in_the_table_of_contents() -> None:
    listed = (DOCS / "topics" / "index.md").read_text(encoding="utf-8")
    assert all(f"\n{path.stem}\n" in listed for path in TOPICS)
