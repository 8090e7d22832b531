-- The TCP sockets that copas wraps, as a module of LuaSocket's shape.
--
-- copas wraps what is connected already. So an object has nothing but connect, which is copas.connect, until that has
-- succeeded; from then on it is what copas.wrap makes. What copas leaves to the socket inside is not there: a program
-- reaches it as client.socket, past copas.
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
