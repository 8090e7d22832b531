"""Finds sections of the written pages, questions and topics, by words, for ``explain WORDS``."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from luasocket_runners.lookup.ranking import Found, Vocabulary, rank

__all__ = ["Section", "directory", "find", "printed", "sections", "vocabulary"]

#: Columns of running text, sections that are printed, and further ones of which the heading is printed.
_WIDTH, _SHOWN, _NAMED = 100, 2, 5


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a written page: its heading and the items of its list, as plain text."""

    page: str
    heading: str
    items: tuple[str, ...]

    @property
    def title(self) -> str:
        """The heading, after the title of its page where it is not a question."""
        return self.heading if self.heading.endswith("?") else f"{self.page}: {self.heading}"


def directory() -> Path:
    """Return the directory of the written pages: inside the wheel, or in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for candidate in (package / "site" / "docs", package.parents[1] / "docs"):
        if (candidate / "conf.py").is_file():
            return candidate
    raise FileNotFoundError("The pages of the site are not installed. Install luasocket-conformance again.")


@cache
def sections() -> tuple[Section, ...]:
    """Return the sections of the questions and topics, in the order of their pages."""
    docs = directory()
    paths = [docs / "questions.md", *sorted((docs / "topics").glob("*.md"))]
    return tuple(section for path in paths for section in _sections(path.read_text(encoding="utf-8")))


def _sections(text: str) -> Iterator[Section]:
    page = heading = ""
    for part in re.split(r"(?m)^(?=#)", text):
        head, _, body = part.partition("\n")
        heading = _plain(head.lstrip("# "))
        page = heading if head.startswith("# ") else page
        items = [_plain(item.partition("\n\n")[0]) for item in re.split(r"(?m)^- ", body)[1:]]
        if items:
            yield Section(page, heading, tuple(items))


def _plain(text: str) -> str:
    """Return Markdown as plain text: a behaviour as its id, a link as its text, code without its marks."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(text.split()))
    text = re.sub(r"\{b\}`([^`]*)`", r"\1", text)
    text = re.sub(r"``(.+?)``|`([^`]*)`", lambda match: match[1] or match[2], text)
    return re.sub(r"\\([*_`])", r"\1", text)


@cache
def vocabulary() -> Vocabulary:
    """Return the words that say nothing and the synonyms, which the site's search has, too."""
    _, _, table = (directory() / "_static" / "words.js").read_text(encoding="utf-8").partition("WORDS =")
    words = json.loads(table.strip().removesuffix(";"))
    return Vocabulary(frozenset(words["empty"]), words["synonyms"])


def find(words: Sequence[str]) -> Found[Section]:
    """Return the sections with these words, the best first; those that lack half of them are left out."""
    texts = ((section, f"{section.page} {section.heading}", " ".join(section.items)) for section in sections())
    return rank(" ".join(words), texts, vocabulary())


def printed(found: Sequence[Section]) -> Iterator[str]:
    """Yield the first sections with their items, and the headings of some more."""
    for section in found[:_SHOWN]:
        yield section.title
        for item in section.items:
            yield from textwrap.wrap(
                item,
                _WIDTH,
                initial_indent="  - ",
                subsequent_indent="    ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        yield ""
    for section in found[_SHOWN : _SHOWN + _NAMED]:
        yield f"see also: {section.title}"
