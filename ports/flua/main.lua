-- flua runs this file as one of its apps, which have Lua's own io. The environment has the adapter's path, because an app has
-- no arguments. flua's standard input is unbuffered, so it is opened again.
local input, output = assert(io.open("/dev/stdin", "rb")), io.stdout

assert(loadfile(os.getenv("LUASOCKET_ADAPTER")))({
    read = function() return (input:read("*l")) end,
    write = function(line) output:write(line, "\n"):flush() end,
    module = require("socket"),
    name = "flua",
})
os.exit(0)
