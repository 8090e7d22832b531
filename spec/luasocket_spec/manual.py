"""The differences between LuaSocket's own manual and the library, read from ``manual.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml

__all__ = ["ManualDifference", "load_manual"]


@dataclass(frozen=True, slots=True)
class ManualDifference:
    """A difference: what the manual says, what the library does, the functions, and behaviours that show it."""

    functions: tuple[str, ...]
    manual: str
    observed: str
    behaviours: tuple[str, ...]


@cache
def load_manual() -> tuple[ManualDifference, ...]:
    """Return the differences of this package, in their order. Raises KeyError where the file is wrong."""
    text = resources.files("luasocket_spec").joinpath("manual.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    return tuple(
        ManualDifference(tuple(entry["functions"]), entry["manual"], entry["observed"], tuple(entry["behaviours"]))
        for entry in data["differences"]
    )
