"""Loads ``equivalent.yaml``: the reasons why mutants may survive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

import yaml

from mutation.making import HERE, Key

#: ``equivalent``: no program can distinguish the mutant from the reference. ``not observable``: a program could, but no
#: behaviour can: it would have to break the machine, wait for weeks, or require what implementations may choose.
Kind: TypeAlias = Literal["equivalent", "not observable"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

FILE: Final = HERE / "equivalent.yaml"


@dataclass(frozen=True, slots=True)
class Reason:
    """The reason why a mutant may survive."""

    kind: Kind
    because: str


def load_reasons() -> dict[Key, Reason]:
    """Return the reason for each mutant of ``equivalent.yaml``.

    Raises
    ------
    SystemExit
        An entry has an unknown kind, or a mutant is listed twice.
    """
    entries: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8")) or []
    found = {}
    for entry in entries:
        if entry["kind"] not in KINDS:
            raise SystemExit(f"{FILE.name}: unknown kind {entry['kind']!r}; known are {' and '.join(KINDS)}")
        for change in entry["changes"]:
            for new in change["becomes"]:
                key = change["file"], change.get("in", ""), change["line"], new
                if key in found:
                    raise SystemExit(f"{FILE.name}: listed twice: {key}")
                found[key] = Reason(entry["kind"], entry["because"])
    return found
