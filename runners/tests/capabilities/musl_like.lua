-- Real LuaSocket that answers as a build with musl does: other texts of strerror, and a name look-up that refuses "*",
-- capitals and ports above 65535. It filters the messages of the shipped adapter, so that the port itself stays untouched.
--
--   lua5.4 musl_like.lua ADAPTER

local texts = {
    ["Message too long"] = "Message too large",
    ["Network is unreachable"] = "Network unreachable",
    ["Cannot assign requested address"] = "Address not available",
    ["Transport endpoint is not connected"] = "Socket not connected",
}
local not_known = '"host or service not provided, or not known"'

-- Returns the results with which a look-up refuses a request, or nothing where it does not.
local function refused(line)
    local method, args = line:match('"method":"(%w+)","args":(%[.*%])')
    if method == "connect" or method == "sendto" then
        if args:find('"*"', 1, true) then
            return "null," .. not_known
        end
    end
    if method == "connect" or method == "bind" or method == "setpeername" or method == "setsockname" then
        local port = args:match('^%[".-","?(%d+)"?[],]')
        if port and tonumber(port) > 65535 then
            return 'null,"service not supported for socket type"'
        end
    end
    if method == "sendto" then
        local port = args:match('"?(%d+)"?%]$')
        if port and tonumber(port) > 65535 then
            return 'null,"Unrecognized service"'
        end
    end
    local name = line:match('"target":"socket%.dns%.%w+","args":%["([^"]*)"')
    if name and name:find("%u") then
        return "null," .. not_known
    end
end

local function write(line)
    for glibc, musl in pairs(texts) do
        line = line:gsub(glibc, musl)
    end
    io.write(line, "\n")
    io.flush()
end

local function read()
    for line in io.lines() do
        local results = refused(line)
        if not results then
            return line
        end
        write(('{"id":%s,"returns":[%s]}'):format(line:match('"id":(%d+)'), results))
    end
end

assert(loadfile(arg[1]))({ read = read, write = write, module = "socket" })
