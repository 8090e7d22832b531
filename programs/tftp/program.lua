-- A client of TFTP (RFC 1350): reads and writes files of a server, block by block, and repeats what gets lost.
local socket = require "socket"
local port = tonumber(arg[1])

local function word(number)
    return string.char(math.floor(number / 256), number % 256)
end

local function parse(packet)
    return packet:byte(2), packet:byte(3) * 256 + packet:byte(4), packet:sub(5)
end

-- Sends a packet until there is an answer; returns it with the address of its sender.
local function ask(connection, packet, host, to)
    for attempt = 1, 5 do
        connection:sendto(packet, host, to)
        connection:settimeout(attempt) -- longer each time
        local answer, from, from_port = connection:receivefrom()
        if answer then
            return answer, from, from_port
        end
        assert(from == "timeout", from)
    end
    return nil, "timeout"
end

local function get(name)
    local connection = assert(socket.udp())
    local host, to, packet = "127.0.0.1", port, "\0\1" .. name .. "\0octet\0"
    local blocks = {}
    repeat
        local answer, from, from_port = ask(connection, packet, host, to)
        assert(answer, from)
        host, to = from, from_port -- the server answers from a port of its own
        local kind, number, data = parse(answer)
        if kind == 5 then
            connection:close()
            return nil, data:gsub("%z", "")
        end
        blocks[number] = data
        packet = "\0\4" .. word(number)
    until #data < 512
    connection:sendto(packet, host, to)
    connection:close()
    return table.concat(blocks)
end

local function put(name, content)
    local connection = assert(socket.udp())
    connection:settimeout(5)
    assert(connection:sendto("\0\2" .. name .. "\0octet\0", "127.0.0.1", port))
    local answer, host, to = connection:receivefrom()
    assert(answer, host)
    assert(connection:setpeername(host, to)) -- from now on only this server counts
    for number = 0, math.floor(#content / 512) do
        assert(connection:send("\0\3" .. word(number + 1) .. content:sub(number * 512 + 1, number * 512 + 512)))
        answer = assert(connection:receive())
        local kind, acknowledged = parse(answer)
        assert(kind == 4 and acknowledged == number + 1)
    end
    print((connection:getpeername()), connection:receive(0) ~= nil)
    connection:close()
end

local content = ("The quick brown fox jumps over the lazy dog.\r\n"):rep(900)
print(put("fox", content))
print(get("fox") == content)
print(get("missing"))
for size = 511, 513 do
    put("size", content:sub(1, size))
    print(size, #get("size"))
end
print "end"
