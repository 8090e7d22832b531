"""How the names that a fixture's steps use become the names of the behaviour around it.

What lives here: that one rule, for values and for peers. What may not: what is bound to a name.

``prefix`` is the name under ``given`` of the fixture's instance; empty: the behaviour itself, whose names stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

V = TypeVar("V")


def full_name(prefix: str, name: str) -> str:
    """Return a name as the behaviour sees it: ``self`` is the prefix, ``x`` is ``prefix.x``."""
    if not prefix:
        return name
    head, dot, rest = name.partition(".")
    return prefix + dot + rest if head == "self" else f"{prefix}.{name}"


def peer_name(prefix: str, who: str) -> str:
    """Return the name of a peer as the behaviour sees it; a fixture's own peer has the name of its instance."""
    return prefix if prefix and who == "peer" else full_name(prefix, who)


def visible(prefix: str, bound: Mapping[str, V]) -> Mapping[str, V]:
    """Return what steps under this prefix may use, by the names as they are written there."""
    if not prefix:
        return bound
    beginning = prefix + "."
    own = {name.removeprefix(beginning): value for name, value in bound.items() if name.startswith(beginning)}
    return own | {"self": bound[prefix]} if prefix in bound else own
