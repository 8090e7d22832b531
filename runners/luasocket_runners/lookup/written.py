"""Finds sections of the written pages, questions and topics, by words, for ``explain WORDS``."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

__all__ = ["Section", "directory", "find", "printed", "sections"]

#: How much more a word counts in a heading than in the text below.
_IN_HEADING: Final = 3
#: Columns of running text, sections that are printed, and further ones of which the heading is printed.
_WIDTH, _SHOWN, _NAMED = 100, 2, 5
#: A section that has less than this share of the words, rare ones counting more, is no answer.
_ENOUGH: Final = 0.5

_ENDINGS: Final = ("ions", "ion", "ing", "ed", "es", "s", "e")
#: Words without a subject, in the questions of users and in headings.
_EMPTY: Final = frozenset({
    "a", "an", "and", "are", "be", "by", "can", "do", "does", "did", "for", "from", "how", "i", "if", "in", "is", "it",
    "its", "my", "not", "of", "on", "or", "that", "the", "then", "there", "this", "to", "was", "what", "when", "where",
    "which", "why", "with", "without", "you",
})  # fmt: skip


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


def find(words: Sequence[str]) -> list[Section]:
    """Return the sections with these words, the best first; those that lack half of them are left out."""
    wanted = _stems(" ".join(words))
    texts = {section: _stems(" ".join([section.page, section.heading, *section.items])) for section in sections()}
    rarity = {}
    for word in wanted:
        number = sum(word in stems for stems in texts.values())
        rarity[word] = math.log(1 + len(texts) / max(number, 1))
    whole = sum(rarity.values())
    scores: dict[Section, float] = {}
    for section, stems in texts.items():
        heading = _stems(f"{section.page} {section.heading}")
        found = wanted & stems
        share = sum(rarity[word] for word in found) / whole if whole else 0
        if share > _ENOUGH:
            scores[section] = share**2 * sum(rarity[word] * (_IN_HEADING if word in heading else 1) for word in found)
    return sorted(scores, key=lambda section: -scores[section])


def _stems(text: str) -> set[str]:
    return {_stem(word) for word in re.findall(r"[a-z0-9*_]+", text.lower()) if word not in _EMPTY}


def _stem(word: str) -> str:
    ending = next((end for end in _ENDINGS if word.endswith(end) and len(word) - len(end) >= 4), "")
    return word.removesuffix(ending)


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
    yield "A behaviour as a script: luasocket-conformance show ID --as short-lua"
