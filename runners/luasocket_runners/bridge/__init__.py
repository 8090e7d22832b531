"""The reference as LuaSocket for Lua programs: ``socket.core`` in a Lua runtime of lupa, and an interpreter with it.

`core` makes the module, `program` is the process that runs a Lua program with it, `command` starts that process.
"""
