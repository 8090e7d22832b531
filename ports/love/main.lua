-- LÖVE's standard input and output are free, so the adapter is called as it is; its file is told in the environment,
-- because the arguments of love name a game.
assert(loadfile(os.getenv("LUASOCKET_ADAPTER")))("socket", os.getenv("LUASOCKET_CONFORMANCE_DIALECT"))
