"""LuaSocket's semantics in plain Python, on real sockets: the oracle.

It needs only the standard library. It answers as the real library does, with the same values, messages and errors, in
two dialects and for each version of Lua.

Lua's values are None, bool, int and float, bytes (a str is taken for Latin-1), dict, functions and objects; an
embedding program may add values of its own, see `Foreign`. Each function returns a tuple of Lua's results. What Lua
raises is raised as `LuaError`.

The first line of a function's docstring is its signature in Lua, with the documentation's names. A comment at the line
that obeys a statement of the documentation has the statement's id, as the specification lists them: braces stand for
several, so that ``{client,server}:getfd/closed`` is ``client:getfd/closed`` and ``server:getfd/closed``.

>>> import luasocket_reference
>>> socket = luasocket_reference.open()
>>> (master,) = socket.tcp()
>>> master.receive()
Traceback (most recent call last):
luasocket_reference.lua.values.BadArgument: calling 'receive' on bad self (tcp{client} expected)
>>> master.close()
(1.0,)
"""

from luasocket_reference.dialect import DIALECTS
from luasocket_reference.except_ import LuaException, unwrap
from luasocket_reference.lua.objects import Object, index, invoke, tostring
from luasocket_reference.lua.values import BadArgument, Foreign, LuaError, Table
from luasocket_reference.lua_version import LUA_VERSIONS
from luasocket_reference.luasocket import Core, Socket, classes, core, open, setindex  # noqa: A004  # see there

__all__ = [
    "DIALECTS",
    "LUA_VERSIONS",
    "BadArgument",
    "Core",
    "Foreign",
    "LuaError",
    "LuaException",
    "Object",
    "Socket",
    "Table",
    "classes",
    "core",
    "index",
    "invoke",
    "open",
    "setindex",
    "tostring",
    "unwrap",
]
