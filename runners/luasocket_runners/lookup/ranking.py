"""Ranks texts by the words of a question: rare words count more than frequent ones, headings more than the text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Generic, TypeVar

__all__ = ["Found", "Vocabulary", "rank"]

T = TypeVar("T")

#: How much more a word counts in a heading than in the text below.
_IN_HEADING: Final = 3
#: A text that has less than this share of the known words, rare ones counting more, is no answer.
_ENOUGH: Final = 0.5

_ENDINGS: Final = ("ions", "ion", "ing", "ed", "es", "s", "e")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words of a language that mean nothing by themselves, and for words that users type those of the texts."""

    empty: frozenset[str]
    synonyms: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The texts that answer a question, the best first, and the words of the question that no text has."""

    best: tuple[T, ...]
    unknown: tuple[str, ...]


def rank(question: str, texts: Iterable[tuple[T, str, str]], vocabulary: Vocabulary) -> Found[T]:
    """Rank texts, each with its heading and the text below it, by the words of a question."""
    asked = [word for word in dict.fromkeys(_words(question)) if word not in vocabulary.empty]
    wanted = {word: _meanings(word, vocabulary.synonyms) for word in asked}
    prepared = [(key, _stems(heading), _stems(heading) | _stems(body)) for key, heading, body in texts]
    counts = {
        word: sum(not meanings.isdisjoint(stems) for _, _, stems in prepared) for word, meanings in wanted.items()
    }
    # A word that is nowhere says nothing about any text.
    rarity = {word: math.log(1 + len(prepared) / count) for word, count in counts.items() if count}
    whole = sum(rarity.values())
    scores: list[tuple[float, int]] = []
    for position, (_, heading, stems) in enumerate(prepared):
        found = [word for word in rarity if not wanted[word].isdisjoint(stems)]
        share = sum(rarity[word] for word in found) / whole if whole else 0
        if share > _ENOUGH:
            weights = (rarity[word] * (1 if wanted[word].isdisjoint(heading) else _IN_HEADING) for word in found)
            scores.append((share**2 * sum(weights), position))
    best = sorted(scores, key=lambda score: (-score[0], score[1]))
    return Found(
        tuple(prepared[position][0] for _, position in best), tuple(w for w, count in counts.items() if not count)
    )


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9*_]+", text.lower())


def _meanings(word: str, synonyms: Mapping[str, Sequence[str]]) -> frozenset[str]:
    same = next((others for name, others in synonyms.items() if _stem(name) == _stem(word)), ())
    return frozenset(_stem(other) for other in (word, *same))


def _stems(text: str) -> frozenset[str]:
    return frozenset(map(_stem, _words(text)))


@cache
def _stem(word: str) -> str:
    ending = next((end for end in _ENDINGS if word.endswith(end) and len(word) - len(end) >= 4), "")
    return word.removesuffix(ending)
