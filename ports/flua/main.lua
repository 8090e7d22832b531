-- flua runs this file as one of its apps; it has Lua's own io, so the adapter is called as it is. Its path is told in the
-- environment, because an app has no arguments.
assert(loadfile(os.getenv("LUASOCKET_ADAPTER")))("socket")
