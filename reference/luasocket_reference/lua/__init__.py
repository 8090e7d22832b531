"""Lua's values in Python: numbers, tables, the arguments of a call, functions and objects.

It stands in for the part of Lua's C API that LuaSocket uses, and knows nothing of sockets.
"""
