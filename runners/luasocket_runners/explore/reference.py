"""The reference as the other side of a search: for the dialect and the Lua of the port."""

from __future__ import annotations

import re
from functools import partial
from types import SimpleNamespace
from typing import Any, Final, cast

from luasocket_runners.ports import Port
from luasocket_runners.ports.adapters.python import Api
from luasocket_runners.ports.inprocess import PythonPort, reference_api

#: How a port names the Lua that it runs in: "Lua 5.4", "LuaJIT 2.1.1700008891".
_LUA: Final = re.compile(r"\bLua (5\.[1-5])\b")


def lua_of(runtime: str) -> str | None:
    """Return the version of a port's Lua, as the reference names it; None if its runtime is no Lua."""
    return "luajit" if "LuaJIT" in runtime else (found[1] if (found := _LUA.search(runtime)) else None)


def reference_for(lua: str | None) -> Port:
    """Return the reference, which answers as in a version of Lua."""
    api = reference_api()
    if lua is None:
        return PythonPort("reference", lambda: api)
    names = ("LuaError", "Table", "index", "setindex", "tostring", "invoke")
    parts = {name: getattr(api, name) for name in names if hasattr(api, name)}
    return PythonPort(
        "reference", lambda: cast(Api, SimpleNamespace(**parts, open=partial(cast(Any, api).open, lua=lua)))
    )
