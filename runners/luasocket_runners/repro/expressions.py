"""Writes values of the specification as Lua expressions, without an ellipsis for long ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from luasocket_spec import model

from luasocket_runners import notation
from luasocket_runners.notation import Names

__all__ = ["NO_NAMES", "expression"]

#: The names of `notation` for a script, in which no value of a run occurs.
NO_NAMES: Final = Names({})


def expression(value: model.SpecValue, variable: Callable[[str], str]) -> str:
    """Return a value as a Lua expression. A name that it refers to becomes ``variable(name)``."""
    if isinstance(value, model.Ref):
        return variable(value.name)
    if isinstance(value, model.Repeat):
        return f"({notation.quote(value.text)}):rep({value.times})"
    if isinstance(value, model.Concat):
        return " .. ".join(expression(part, variable) for part in value.parts)
    if isinstance(value, model.TableSpec):
        return notation.table(value.entries, lambda item: expression(item, variable), limit=None)  # type: ignore[arg-type]
    if isinstance(value, bytes):
        return notation.quote(value)
    return notation.show(value, NO_NAMES)
