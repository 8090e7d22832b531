-- Runs the shipped adapter in Tarantool: tarantool main.lua ADAPTER
--
-- Tarantool's clock stands still while its loop does not run, and timeouts begin at the time that the clock shows: after a
-- wait for the next line, the loop runs once, or all timeouts would be too short by that wait.
local fiber = require("fiber")

assert(loadfile(arg[1]))({
    read = function()
        local line = io.read("*l")
        fiber.sleep(0)
        return line
    end,
    write = function(line)
        io.write(line, "\n")
        io.flush()
    end,
    module = require("socket"),
})
os.exit(0)
