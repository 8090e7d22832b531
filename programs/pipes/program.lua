-- ltn12 and mime between two sockets: chains of filters, sources and sinks of the module.
local socket, ltn12, mime = require "socket", require "ltn12", require "mime"
local server = assert(socket.bind("127.0.0.1", 0))
local function pair()
    local client = assert(socket.connect("127.0.0.1", (select(2, server:getsockname()))))
    return client, assert(server:accept())
end
local data = {}
for i = 1, 2000 do
    data[i] = ("%d: caf\233 = %s\r\n"):format(i, ("x"):rep(i % 90))
end
data = table.concat(data)
for _, encoding in ipairs { "base64", "quoted-printable" } do
    local client, accepted = pair()
    print(ltn12.pump.all(
        ltn12.source.chain(ltn12.source.string(data), ltn12.filter.chain(mime.encode(encoding), mime.wrap(encoding))),
        socket.sink("close-when-done", client)))
    local decoded = {}
    local source = socket.source("until-closed", accepted)
    local encoded = 0
    print(ltn12.pump.all(
        ltn12.source.chain(function()
            local chunk, message = source()
            encoded = encoded + #(chunk or "")
            return chunk, message
        end, mime.decode(encoding)),
        (ltn12.sink.table(decoded))))
    print(encoding, encoded, table.concat(decoded) == data)
end
local client, accepted = pair()
accepted:send(data)
local counted = socket.source("by-length", client, 5000)
local got = 0
for chunk in counted do
    got = got + #chunk
end
print(got, (client:receive()))
print "end"
