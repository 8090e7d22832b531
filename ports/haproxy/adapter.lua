-- core.tcp of HAProxy: a task that dials the runner and answers it over a socket of the same kind as those under test.
--
-- HAProxy reads a socket in a task or in an action only, and there, "receive" suspends the task instead of blocking the
-- process; so the adapter is a task. The module under test is what HAProxy has: sockets that connect.
local adapter = assert(loadfile(os.getenv("LUASOCKET_ADAPTER")))

-- A socket that was made cannot connect any more once the task has been suspended (connect returns nil, and nothing
-- else), and between two requests the task is. So what stands for a socket makes one at each call until it is
-- connected, and repeats on it what was called before, as a program does that calls it all in one go.
local function tcp(...)
    local made, calls, connected, object = table.pack(...), {}, nil, {}
    local function call(name, self, ...)
        if not rawequal(self, object) then
            return core.tcp()[name](self, ...)
        elseif connected then
            return connected[name](connected, ...)
        end
        local fresh = core.tcp(table.unpack(made, 1, made.n))
        for _, earlier in ipairs(calls) do
            fresh[earlier.name](fresh, table.unpack(earlier, 1, earlier.n))
        end
        if name == "connect" or name == "connect_ssl" then
            connected = fresh
        end
        local results = table.pack(fresh[name](fresh, ...)) -- what raises is not repeated
        calls[#calls + 1] = { name = name, n = select("#", ...), ... }
        return table.unpack(results, 1, results.n)
    end
    local socket = core.tcp()
    return setmetatable(object, {
        __tostring = function() return tostring(socket) end,
        __index = function(_, name)
            if type(socket[name]) ~= "function" then
                return socket[name]
            end
            return function(self, ...) return call(name, self, ...) end
        end,
    })
end

core.register_task(function()
    local runner = core.tcp()
    local function wait_for_the_runner() runner:settimeout(3600) end -- it ends us; HAProxy's own default is 5 s
    wait_for_the_runner()
    assert(runner:connect("127.0.0.1", tonumber(os.getenv("LUASOCKET_ADAPTER_PORT"))))
    adapter({
        read = function()
            local line = runner:receive("*l")
            -- The timeout that any socket set last is also the time that every connect may take. What a behaviour has set
            -- ends with it.
            if line and line:find('"op":"reset"', 1, true) then
                wait_for_the_runner()
            end
            return line
        end,
        write = function(line) assert(runner:send(line .. "\n")) end,
        module = { tcp = tcp },
        name = "core.tcp",
        dialect = "luasocket-3",
        host = "HAProxy " .. core.get_info().Version .. ", " .. _VERSION,
    })
    os.exit(0)
end)
