-- The Lua layer of the module socket: what LuaSocket has in Lua on top of its C library, written from the documentation.
--
--   loadfile("socket.lua")(core, DIALECT) adds the fields to the table `core` and returns it.

local socket, dialect = ...

local type, error, setmetatable, ipairs = type, error, setmetatable, ipairs
local min = math.min

-- Bytes that a source asks for at once.
socket.BLOCKSIZE = 2048

socket.try = socket.newtry()

function socket.connect4(address, port, local_address, local_port)
    return socket.connect(address, port, local_address, local_port, "inet")
end

function socket.connect6(address, port, local_address, local_port)
    return socket.connect(address, port, local_address, local_port, "inet6")
end

-- Makes a server of a master; returns whether it did, and the error.
local function serve(master, address, port, backlog)
    local done, message = master:bind(address, port)
    if done then
        done, message = master:listen(backlog)
    end
    if not done then
        master:close()
    end
    return done, message
end

function socket.bind(host, port, backlog)
    local found, message = socket.dns.getaddrinfo(host == "*" and "0.0.0.0" or host)
    if not found then
        return nil, message
    end
    message = "no info on address"
    for _, address in ipairs(found) do
        local master, done
        -- 3.0-rc1 has no tcp4
        local new = address.family ~= "inet" and socket.tcp6 or dialect == "defold" and socket.tcp or socket.tcp4
        master, message = new()
        if not master then
            return nil, message
        end
        master:setoption("reuseaddr", true)
        done, message = serve(master, address.addr, port, backlog)
        if done then
            return master
        end
    end
    return nil, message
end

-- Returns a function that calls the entry of a table; without a name, the entry "default".
function socket.choose(entries)
    return function(name, first, second)
        if type(name) ~= "string" then
            name, first, second = "default", name, first
        end
        local entry = entries[name]
        if not entry then
            error("unknown key (" .. name .. ")", 3)
        end
        return entry(first, second)
    end
end

-- Sources and sinks are tables that can be called, and that select accepts.
local function stream(object, step)
    local fields = {
        getfd = function()
            return object:getfd()
        end,
        dirty = function()
            return object:dirty()
        end,
    }
    return setmetatable(fields, { __call = step })
end

socket.sinkt = {}

socket.sinkt["close-when-done"] = function(object)
    return stream(object, function(_, chunk)
        if chunk then
            return object:send(chunk)
        end
        object:close()
        return 1
    end)
end

socket.sinkt["keep-open"] = function(object)
    return stream(object, function(_, chunk)
        if chunk then
            return object:send(chunk)
        end
        return 1
    end)
end

socket.sinkt.default = socket.sinkt["keep-open"]
socket.sink = socket.choose(socket.sinkt)

socket.sourcet = {}

socket.sourcet["by-length"] = function(object, length)
    local left = length
    return stream(object, function()
        if left <= 0 then
            return nil
        end
        local chunk, message = object:receive(min(socket.BLOCKSIZE, left))
        if message then
            return nil, message
        end
        left = left - #chunk
        return chunk
    end)
end

socket.sourcet["until-closed"] = function(object)
    local ended = false
    return stream(object, function()
        if ended then
            return nil
        end
        local chunk, message, partial = object:receive(socket.BLOCKSIZE)
        if not message then
            return chunk
        elseif message ~= "closed" then
            return nil, message
        end
        object:close()
        ended = true
        return partial
    end)
end

socket.sourcet.default = socket.sourcet["until-closed"]
socket.source = socket.choose(socket.sourcet)

return socket
