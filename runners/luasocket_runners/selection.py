"""Selects behaviours by id, by the beginning of an id, or by a pattern; names the functions that they use."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from luasocket_spec.model import Behaviour, Call, Get, MethodTarget, PathTarget, Step

#: The characters that make a selector a pattern.
_PATTERN: Final = frozenset("*?[")


def select(behaviours: Iterable[Behaviour], selectors: Sequence[str]) -> tuple[list[Behaviour], list[str]]:
    """Return the behaviours that any selector names, in the order of the spec, and the selectors that name none.

    A selector is an id, the beginning of an id up to a slash (``tcp/receive``), or a pattern with ``*``, ``?``, ``[]``.
    No selectors: all of them.
    """
    everything = list(behaviours)
    if not selectors:
        return everything, []
    unused = set(selectors)
    chosen = []
    for behaviour in everything:
        hits = [selector for selector in selectors if names(selector, behaviour.id)]
        unused.difference_update(hits)
        if hits:
            chosen.append(behaviour)
    return chosen, [selector for selector in selectors if selector in unused]


def is_pattern(selector: str) -> bool:
    """Tell whether a selector is a pattern, and not the id of a behaviour or its beginning."""
    return not _PATTERN.isdisjoint(selector)


def names(selector: str, identity: str) -> bool:
    """Tell whether a selector names the behaviour with this id."""
    if not is_pattern(selector):  # a list has a thousand of them, to be held against thousands of ids
        prefix = selector.rstrip("/")
        return identity.startswith(prefix) and identity[len(prefix) :][:1] in ("", "/")
    return fnmatch.fnmatchcase(identity, selector)


def used_functions(steps: Iterable[Step]) -> Iterator[str]:
    """Yield the functions and fields of a port that steps use; methods of any class as ``:receive``."""
    for step in steps:
        match step:
            case Call(target=PathTarget(path=path)):
                yield path
            case Call(target=MethodTarget(method=method)):
                yield f":{method}"
            case Get(name=None, field=path):
                yield path
