-- LÖVE does not use standard input and output, so the adapter can. The environment has its path, because the arguments of love
-- name a game.
assert(loadfile(os.getenv("LUASOCKET_ADAPTER")))("socket", os.getenv("LUASOCKET_CONFORMANCE_DIALECT"))
