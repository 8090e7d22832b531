-- Live tables of the program: select, options, sources and sinks; replaced functions and constants.
local socket = require "socket"
local ltn12 = require "ltn12"
local server = assert(socket.bind("127.0.0.1", 0))
local client = socket.connect(server:getsockname() , (select(2, server:getsockname())))
local accepted = server:accept()
local r, w, e = socket.select({ client, server, accepted }, { client }, 0.01)
print(#r, #w, w[1] == client, w[client], e)
print(pcall(socket.select, { 5 }))
local asked = 0
local foreign = { getfd = function() asked = asked + 1 return server:getfd() end, dirty = function() return true end }
r = coroutine.wrap(function() return (socket.select({ foreign }, nil, 0)) end)()
print(#r, r[1] == foreign, r[foreign], asked)
print(pcall(socket.select, { { getfd = function() error({}) end } }) == false)
print(pcall(socket.select, setmetatable({}, { __index = function(_, k) if k == 1 then return client end end }), nil, 0))
print(client:setoption("linger", setmetatable({}, { __index = function(_, k) return ({ on = true, timeout = 3 })[k] end })))
print(client:getoption("linger").timeout, client:getoption("linger").on)
socket.BLOCKSIZE = 3
accepted:send("hello world")
accepted:close()
local chunks = {}
ltn12.pump.all(ltn12.source.simplify(socket.source("until-closed", client)), (ltn12.sink.table(chunks)))
print(table.concat(chunks, "|"))
local methods = getmetatable(server).__index
local original = methods.getfd
local heard = 0
methods.getfd = function(self) heard = heard + 1 return original(self) end
socket.select({ server }, nil, 0)
print(heard)
print "end"
