-- A chat server that serves all its clients with one select, and clients that join, talk, flood and leave.
local socket = require "socket"

local server = assert(socket.bind("127.0.0.1", 0))
server:settimeout(0)
local _, port = server:getsockname()

-- The server: what each client has sent and what is still to be sent to it.
local sockets, people = { server }, {}

local function broadcast(text, except)
    for _, person in pairs(people) do
        if person ~= except then
            person.output = person.output .. text .. "\n"
        end
    end
end

local function leave(connection)
    local person = people[connection]
    people[connection] = nil
    for i, value in ipairs(sockets) do
        if value == connection then
            table.remove(sockets, i)
            break
        end
    end
    connection:close()
    broadcast("* " .. person.name .. " left")
end

local function hear(connection)
    local person = people[connection]
    local line, message, partial = connection:receive("*l", person.input)
    person.input = partial or ""
    if line and not person.name then
        person.name = line
        broadcast("* " .. line .. " joined", person)
    elseif line then
        broadcast(person.name .. ": " .. line, person)
    elseif message == "closed" then
        leave(connection)
    end
    if connection:dirty() then
        return hear(connection)
    end
end

local function serve(seconds)
    local writers = {}
    for connection, person in pairs(people) do
        if person.output ~= "" then
            writers[#writers + 1] = connection
        end
    end
    local readable, writable, message = socket.select(sockets, writers, seconds)
    for _, connection in ipairs(readable) do
        if connection == server then
            local accepted = server:accept()
            accepted:settimeout(0)
            accepted:setoption("tcp-nodelay", true)
            people[accepted] = { input = "", output = "" }
            sockets[#sockets + 1] = accepted
        elseif people[connection] then
            hear(connection)
        end
    end
    for _, connection in ipairs(writable) do
        local person = people[connection]
        if person then
            local last, _, partial = connection:send(person.output)
            person.output = person.output:sub((last or partial) + 1)
        end
    end
    return message
end

-- The clients
local function join(name)
    local client = assert(socket.tcp())
    assert(client:connect("127.0.0.1", port))
    client:settimeout(0)
    assert(client:send(name .. "\n"))
    local input = ""
    return {
        client = client,
        -- Returns the next line, while the server works.
        expect = function()
            for _ = 1, 10000 do
                local line, message, partial = client:receive("*l", input)
                input = partial or ""
                if line or message == "closed" then
                    return line or "(closed)"
                end
                serve(0.01)
            end
            return "(nothing)"
        end,
        say = function(text)
            local first = 1
            text = text .. "\n"
            while first <= #text do
                local last, _, partial = client:send(text, first)
                first = (last or partial) + 1
                serve(0)
            end
        end,
    }
end

local ann = join "ann"
serve(1)
serve(1)
local bob = join "bob"
print(ann.expect())
local eve = join "eve"
print(ann.expect(), bob.expect())
ann.say "hello"
print(bob.expect(), eve.expect())
bob.say("two\r\nlines")
print(ann.expect(), ann.expect(), eve.expect(), eve.expect())
for i = 1, 20 do
    eve.say(("flood"):rep(i * 100))
end
for i = 1, 20 do
    local one, two = ann.expect(), bob.expect()
    assert(one == two and #one == i * 500 + 5, #one)
end
bob.client:shutdown("send")
print(ann.expect(), bob.expect(), bob.expect())
eve.client:close()
print(ann.expect())
ann.client:send("half a line")
ann.client:close()
while next(people) do
    serve(1)
end
print(serve(0), #sockets)
server:close()
print "end"
