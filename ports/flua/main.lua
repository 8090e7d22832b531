-- flua runs this file as one of its apps, which has Lua's own io. Its path is told in the environment, because an app has
-- no arguments. flua's own standard input asks the system for every byte, so it is opened anew.
local input, output = assert(io.open("/dev/stdin", "rb")), io.stdout

assert(loadfile(os.getenv("LUASOCKET_ADAPTER")))({
    read = function() return (input:read("*l")) end,
    write = function(line) output:write(line, "\n"):flush() end,
    module = require("socket"),
    name = "flua",
    dialect = "luasocket-3",
})
os.exit(0)
