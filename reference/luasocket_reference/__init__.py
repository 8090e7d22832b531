"""LuaSocket's semantics in plain Python, on real sockets: the oracle.

The law of this room: it knows nothing of the other rooms and needs nothing but the standard library. It answers as the
real library does: the same values, so many of them, the same messages, the same errors, in two dialects.

Lua's values are None, bool, int and float, bytes (a str is taken for Latin-1), dict, functions and objects. Each
function returns a tuple of Lua's results. What Lua raises is raised as `LuaError`.

What a function implements is cited under References: ids of statements of the documentation, as the specification lists
them, where ``client:send/*`` stands for all of ``client:send``.

>>> import luasocket_reference
>>> socket = luasocket_reference.open()
>>> (master,) = socket.tcp()
>>> master.receive()
Traceback (most recent call last):
luasocket_reference.auxiliar.LuaError: bad argument #1 to 'receive' (tcp{client} expected)
>>> master.close()
(1,)
"""

from luasocket_reference.auxiliar import LuaError, Object, Table, index, tostring
from luasocket_reference.dialect import DIALECTS
from luasocket_reference.luasocket import Socket, open, setindex  # noqa: A004  # see there

__all__ = ["DIALECTS", "LuaError", "Object", "Socket", "Table", "index", "open", "setindex", "tostring"]
