"""Prepares a search on a port: its dialect, its Lua, and the reference that answers as in both."""

from __future__ import annotations

from typing import Any

from luasocket_spec.model import DIALECTS, Dialect

from luasocket_runners.explore.reference import lua_of, reference_for
from luasocket_runners.explore.search import Search
from luasocket_runners.explore.side import describe
from luasocket_runners.ports import Port


def search_for(port: Port, dialect: Dialect | None, **options: Any) -> Search:
    """Return a search on a port.

    Parameters
    ----------
    dialect
        The dialect to compare in; None: the port's own.
    options
        See `Search`.

    Raises
    ------
    PortUnavailable
        When the port cannot be started.
    """
    description = describe(port, dialect)
    chosen: Dialect = "luasocket-3"
    for candidate in (description.get("dialect"), port.config.dialect, dialect):
        chosen = next((known for known in DIALECTS if known == candidate), chosen)
    lua = lua_of(str(description.get("runtime") or ""))
    return Search(reference_for(lua), port, chosen, **{"in_lua": lua is not None, **options})
