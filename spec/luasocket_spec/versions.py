"""The releases of LuaSocket, and what changed in which one, read from ``versions.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import yaml

__all__ = ["RELEASES", "Change", "Release", "Versions", "load_versions"]

#: The releases that the specification distinguishes, in their order.
RELEASES: Final = ("2.0.2", "3.0-rc1", "3.0.0", "3.1.0")


@dataclass(frozen=True, slots=True)
class Release:
    """A release: its name, the date in ISO 8601, and a sentence about it."""

    name: str
    date: str
    says: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a release changed: a sentence, the functions that it is about, and behaviours that show it."""

    release: str
    says: str
    functions: tuple[str, ...]
    behaviours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Versions:
    """All releases and changes, in their order."""

    releases: tuple[Release, ...]
    changes: tuple[Change, ...]

    def of(self, function: str) -> list[Change]:
        """Return the changes of a function."""
        return [change for change in self.changes if function in change.functions]


@cache
def load_versions() -> Versions:
    """Return the versions of this package. Raises ValueError where the file is wrong."""
    text = resources.files("luasocket_spec").joinpath("versions.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    found = tuple(Release(name, str(entry["date"]), entry["says"]) for name, entry in data["releases"].items())
    if tuple(release.name for release in found) != RELEASES:
        raise ValueError(f"versions.yaml: `releases` has {', '.join(RELEASES)}, in this order.")
    return Versions(found, tuple(map(_change, data["changes"])))


def _change(entry: dict[str, Any]) -> Change:
    unknown = set(entry) - {"release", "says", "functions", "behaviours"}
    if unknown or entry["release"] not in RELEASES[1:]:
        wrong = f"unknown keys {sorted(unknown)}" if unknown else f"`release` takes {', '.join(RELEASES[1:])}"
        raise ValueError(f"versions.yaml: {entry.get('says')}: {wrong}.")
    return Change(entry["release"], entry["says"], tuple(entry["functions"]), tuple(entry.get("behaviours", ())))
