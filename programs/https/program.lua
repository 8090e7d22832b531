-- LuaSec on the descriptors of the module: a handshake, lines, counts, and a large body.
local socket, ssl = require "socket", require "ssl"
local client = assert(socket.connect("127.0.0.1", arg[1]))
client = assert(ssl.wrap(client, { mode = "client", protocol = "any", verify = "none", options = "all" }))
print(client:dohandshake())
print(client:send("GET /large HTTP/1.0\r\n\r\n"))
repeat
    local line = client:receive()
until line == ""
print(client:receive(10))
print(#client:receive(999990))
client:close()
print "end"
