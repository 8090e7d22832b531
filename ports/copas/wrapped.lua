-- The TCP sockets that copas wraps, as a module of LuaSocket's shape.
--
-- copas wraps connected sockets. Until then, an object has only connect, which is copas.connect; afterwards it is the object
-- that copas.wrap makes. Methods of the socket inside are not part of it: a program calls them on client.socket.
local copas = require("copas")
local socket = require("socket")

local function wrap(client, message)
    if client then
        return copas.wrap(client)
    end
    return nil, message
end

local unconnected = { __index = {} }

function unconnected.__index:connect(...)
    local results = table.pack(copas.connect(self.socket, ...))
    if results[1] then
        setmetatable(self, getmetatable(copas.wrap(self.socket)))
    end
    return table.unpack(results, 1, results.n)
end

return {
    _VERSION = copas._VERSION,
    connect = function(...) return wrap(socket.connect(...)) end,
    tcp = function() return setmetatable({ socket = socket.tcp() }, unconnected) end,
    udp = function() return wrap(socket.udp()) end,
    newtry = socket.newtry, -- copas replaces these two, so that its threads can yield in them
    protect = socket.protect,
}
