-- A debugger's session: the debugged program sends where it is and takes commands from a controller, line by line, from
-- inside a debug hook. Both are in this program, the controller in another coroutine.
local socket = require "socket"
local server = assert(socket.bind("127.0.0.1", 0))
local debuggee = assert(socket.connect("127.0.0.1", (select(2, server:getsockname()))))
local controller = assert(server:accept())
local commands = { "STEP", "STEP", "EXEC return x + 1", "OVER", "RUN" }

local function control()
    while true do
        local state = controller:receive()
        if not state then
            return
        end
        print(state)
        local command = table.remove(commands, 1)
        controller:send(("%s %d\n%s"):format(command:match("^%u+"), #command, command))
        coroutine.yield()
    end
end
local step = coroutine.wrap(control)

local running = false
local function hook(_, line)
    if running or debug.getinfo(2, "S").short_src ~= "debugged" then
        return
    end
    debuggee:send(("202 Paused %s %d\n"):format("debugged", line))
    step()
    local kind, length = debuggee:receive():match("^(%u+) (%d+)$")
    local command = debuggee:receive(tonumber(length))
    print(kind, command)
    running = kind == "RUN"
end

local load = loadstring or load -- luacheck: ignore
local debugged = load("local x = 1\nx = x * 2\nx = x + 3\nlocal y = x\nlocal z = y\nreturn z + x\n", "=debugged")
debug.sethook(hook, "l")
local result = debugged()
debug.sethook()
print(result)
debuggee:close()
print(controller:receive())
print "end"
