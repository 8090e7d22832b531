-- core.tcp of HAProxy: a task that connects to the runner, over a socket of the same kind as those under test.
--
-- In HAProxy, only tasks and actions can read a socket, and "receive" suspends the task instead of blocking the process.
-- The module under test has the one function of HAProxy that makes a socket.
local adapter = assert(loadfile(os.getenv("LUASOCKET_ADAPTER")))

-- A socket cannot connect any more once the task has been suspended (connect returns nil alone), which happens between two
-- requests. So this object makes a new socket at each call until it is connected, and repeats the earlier calls on it, as
-- if a program had made them without a pause.
local call_of = setmetatable({}, { __mode = "k" }) -- by object; all objects share their methods, as those of core.tcp do
local methods = setmetatable({}, {
    __index = function(all, name)
        all[name] = function(self, ...)
            local call = self ~= nil and call_of[self]
            if call then
                return call(name, ...)
            end
            return core.tcp()[name](self, ...) -- not an object: the error is HAProxy's
        end
        return all[name]
    end,
})

local function tcp(...)
    local made, calls, connected, object = table.pack(...), {}, nil, {}
    call_of[object] = function(name, ...)
        if connected then
            return connected[name](connected, ...)
        end
        local fresh = core.tcp(table.unpack(made, 1, made.n))
        for _, earlier in ipairs(calls) do
            fresh[earlier.name](fresh, table.unpack(earlier, 1, earlier.n))
        end
        local results = table.pack(fresh[name](fresh, ...)) -- a call that raises is not repeated
        if name == "connect" or name == "connect_ssl" then
            connected = fresh
        end
        calls[#calls + 1] = { name = name, n = select("#", ...), ... }
        return table.unpack(results, 1, results.n)
    end
    local socket = core.tcp()
    return setmetatable(object, {
        __tostring = function() return tostring(socket) end,
        __index = function(_, name)
            local value = socket[name]
            return type(value) == "function" and methods[name] or value
        end,
    })
end

core.register_task(function()
    local runner = core.tcp()
    local function wait_for_the_runner() runner:settimeout(3600) end -- the runner ends the connection; the default is 5 s
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
        runtime = "HAProxy " .. core.get_info().Version .. ", " .. _VERSION,
    })
    os.exit(0)
end)
