-- Copas: an echo server and 20 clients in one program, each in a coroutine.
local socket, copas = require "socket", require "copas"
local server = assert(socket.bind("127.0.0.1", 0))
local _, port = server:getsockname()
local done, bytes = 0, 0
copas.addserver(server, function(connection)
    connection:settimeout(0)
    connection = copas.wrap(connection)
    while true do
        local line = connection:receive()
        if not line then
            break
        end
        connection:send(line .. "\n")
    end
end)
for number = 1, 20 do
    copas.addthread(function()
        local plain = assert(socket.connect("127.0.0.1", port))
        plain:settimeout(0) -- old versions of copas leave that to the program
        local client = copas.wrap(plain)
        for i = 1, 20 do
            client:send(("client %d line %d %s\n"):format(number, i, ("x"):rep(i * 50)))
            bytes = bytes + #client:receive()
        end
        plain:close()
        done = done + 1
    end)
end
while done < 20 do
    copas.step(1)
end
print(done, bytes)
print "end"
