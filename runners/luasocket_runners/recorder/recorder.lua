-- Records every call of a LuaSocket module, one line of JSON for each: what was passed, returned or raised, and when.
--
-- Plain Lua for 5.1 to 5.5 and LuaJIT, one file, no dependencies. It works with any module of LuaSocket's shape:
--
--   LUA_INIT=@recorder.lua LUASOCKET_TRACE=trace.jsonl lua program.lua
--   require "recorder" -- before or after the module is loaded
--
-- Without LUASOCKET_TRACE the file is luasocket-trace.jsonl. A host without files sets the field `write` of the table
-- that this file returns to a function that takes a line, and passes its module to the field `instrument`.

local VERSION = 1 -- of the format

local type, tostring, pairs, next, select, rawget = type, tostring, pairs, next, select, rawget
local pcall, error, setmetatable, getmetatable = pcall, error, setmetatable, getmetatable
local format, gsub, find, byte, match = string.format, string.gsub, string.find, string.byte, string.match
local concat, insert = table.concat, table.insert
local unpack = table.unpack or unpack -- luacheck: ignore
local kind_of_number = math.type or function() end
local running = coroutine.running
local getinfo = debug and debug.getinfo

local function pack(...)
    return { n = select("#", ...), ... }
end

------------------------------------------------------------------------------------------------------------------------
-- JSON. A byte above 126 is written as the character of that number.

local function escape(character)
    return format("\\u%04x", byte(character))
end

local function write_string(text)
    return '"' .. gsub(text, '[%c"\\\127-\255]', escape) .. '"'
end

local function write_number(number)
    if number ~= number then
        return '{"number":"nan"}'
    elseif number == 1 / 0 or number == -1 / 0 then
        return number > 0 and '{"number":"inf"}' or '{"number":"-inf"}'
    elseif kind_of_number(number) == "integer" then
        return format("%d", number)
    end
    local digits = gsub(format("%.17g", number), ",", ".") -- the locale's comma
    return kind_of_number(number) and not find(digits, "[.e]") and digits .. ".0" or digits
end

local objects, classes = setmetatable({}, { __mode = "k" }), setmetatable({}, { __mode = "k" })
local last_object = 0

-- Returns the class of an object of the module, nil for any other value.
local function class_of(value)
    local kind = type(value)
    if kind ~= "userdata" and kind ~= "table" then
        return nil
    end
    local ok, class = pcall(function()
        return value.class
    end)
    if ok and type(class) == "string" and find(class, "^[tu][cd]p{") then
        return class
    end
    return objects[value] and (classes[value] or kind)
end

local function number_of(object)
    if not objects[object] then
        last_object = last_object + 1
        objects[object] = last_object
    end
    return objects[object]
end

local function write_value(value, depth)
    local kind = type(value)
    if kind == "nil" then
        return "null"
    elseif kind == "boolean" then
        return tostring(value)
    elseif kind == "number" then
        return write_number(value)
    elseif kind == "string" then
        return write_string(value)
    end
    local class = class_of(value)
    if class then
        return format('{"object":%d,"class":%s}', number_of(value), write_string(class))
    elseif kind ~= "table" or depth > 2 then
        return format('{"type":"%s"}', kind)
    end
    local fields = {}
    for key, item in next, value do
        fields[#fields + 1] = "[" .. write_value(key, depth + 1) .. "," .. write_value(item, depth + 1) .. "]"
    end
    return '{"table":[' .. concat(fields, ",") .. "]}"
end

local function write_values(values, first)
    local written = {}
    for i = first, values.n do
        written[#written + 1] = write_value(values[i], 0)
    end
    return "[" .. concat(written, ",") .. "]"
end

------------------------------------------------------------------------------------------------------------------------
-- Output

local recorder = {}

local file
function recorder.write(line)
    if not file then
        local name = os.getenv("LUASOCKET_TRACE") or "luasocket-trace.jsonl"
        file = assert(io.open(name, "w"))
        file:setvbuf("line") -- a program that is killed leaves what it did
    end
    file:write(line, "\n")
end

local clock = os.time
local begun
local threads, last_thread = setmetatable({}, { __mode = "k" }), 0

-- Returns the number of the running coroutine, nil for the main one.
local function thread_number()
    local thread, is_main = running()
    if not thread or is_main then
        return nil
    end
    if not threads[thread] then
        last_thread = last_thread + 1
        threads[thread] = last_thread
    end
    return threads[thread]
end

local calls = 0

------------------------------------------------------------------------------------------------------------------------
-- Messages. A function in C finds its name and its caller's place on the stack; called by pcall it finds neither.

local function in_c(func)
    if not getinfo then
        return false
    end
    local info = getinfo(func, "S")
    return info.what == "C" or info.short_src == "socket.core"
end

-- Returns the message as it would be without the recorder, but for the place.
local function restore(message, name, info, is_method)
    if info and info.name == nil and not info.istailcall then
        return message -- the program called it by pcall, too
    end
    local by_colon = info and (info.namewhat == "method" or (info.istailcall and is_method))
    local position, reason = match(message, "^bad argument #(%-?%d+) to '[^']*' (%(.*)$")
    if not position then
        return message
    end
    name = info and not info.istailcall and info.name or name
    if by_colon then
        if position == "1" then
            return "calling '" .. name .. "' on bad self " .. reason
        end
        position = position - 1
    end
    return format("bad argument #%d to '%s' %s", position, name, reason)
end

local yields_across_pcall = coroutine.wrap(function()
    pcall(coroutine.yield, true)
end)() == true

------------------------------------------------------------------------------------------------------------------------
-- Calls

local patch

-- The methods of an object that give its addresses, before they are replaced.
local originals = {}

local function address(object, method)
    local class = class_of(object)
    local original = originals[class] and originals[class][method]
    if not original then
        return nil
    end
    local ok, host, port = pcall(original, object)
    if ok and host then
        return format("[%s,%s]", write_string(host), write_string(tostring(port)))
    end
end

-- Functions after which an object's addresses are known.
local CONNECTING = { connect = true, accept = true, setpeername = true, bind = true, setsockname = true, sendto = true }

-- Clients whose addresses have been written. One that connects in the background has none before it sends or receives.
local addressed = setmetatable({}, { __mode = "k" })

local function add_addresses(fields, name, object, result)
    local connected = (name == "accept" or object == nil) and class_of(result) and result or object
    if not connected then
        return
    end
    local is_late = (name == "send" or name == "receive") and not addressed[connected]
    if CONNECTING[name] or (is_late and class_of(connected) == "tcp{client}") then
        local own, peer = address(connected, "getsockname"), address(connected, "getpeername")
        fields[#fields + 1] = own and '"local":' .. own
        fields[#fields + 1] = peer and '"peer":' .. peer
        addressed[connected] = peer ~= nil or nil
    end
end

-- Writes a call; `outcome` is what pcall returned. Arguments are written before the call: it may change them.
local function record(name, is_method, args, written, class, start, stop, outcome)
    local object = args[1]
    calls = calls + 1
    local fields = { format('"call":%d,"at":%.6f,"took":%.6f,"function":%s', calls, start - begun, stop - start,
        write_string(name)) }
    local thread = thread_number()
    fields[#fields + 1] = thread and format('"thread":%d', thread)
    if is_method and class then
        fields[#fields + 1] = format('"object":%d,"class":%s', number_of(object), write_string(class))
        local after = class_of(object)
        fields[#fields + 1] = after ~= class and after and '"becomes":' .. write_string(after) or nil
    elseif is_method then
        fields[#fields + 1] = '"self":' .. write_value(object, 0)
    end
    fields[#fields + 1] = '"args":' .. written
    if outcome[1] then
        for i = 2, outcome.n do
            patch(outcome[i])
        end
        fields[#fields + 1] = '"results":' .. write_values(outcome, 2)
        add_addresses(fields, name, is_method and object or nil, outcome[2])
    else
        fields[#fields + 1] = '"error":' .. write_value(outcome[2], 0)
    end
    recorder.write("{" .. concat(fields, ",") .. "}")
end

-- Lua 5.2 and later know whether the caller is lost, since it called in tail position.
local knows_tail_calls = getinfo and pcall(getinfo, 1, "t")

local function wrap(name, func, is_method)
    local places = in_c(func)
    return function(...)
        if not (places or yields_across_pcall or running() == nil) then
            return func(...) -- it may yield, which Lua 5.1 cannot do across pcall
        end
        local args, info = pack(...), places and getinfo(1, knows_tail_calls and "nt" or "n")
        local object = args[1]
        local class = is_method and class_of(object)
        local written = write_values(args, is_method and 2 or 1)
        local start = clock()
        local outcome = pack(pcall(func, ...))
        local stop = clock()
        if not outcome[1] and places and type(outcome[2]) == "string" then
            outcome[2] = restore(outcome[2], name, info, is_method)
        end
        if is_method and class then
            patch(object)
        end
        record(name, is_method, args, written, class, start, stop, outcome)
        if outcome[1] then
            return unpack(outcome, 2, outcome.n)
        end
        local value = outcome[2]
        if places and type(value) == "string" and not find(value, "^[^\n]-:%d+: ") then
            error(value, info.istailcall and 0 or 2)
        end
        error(value, 0)
    end
end

local patched = setmetatable({}, { __mode = "k" })

-- Writes that an object is collected, which closes it. The file may be gone already, as a state that is closed collects
-- it, too.
local function record_collection(object)
    if objects[object] and (not file or io.type(file) == "file") then
        calls = calls + 1
        recorder.write(format('{"call":%d,"at":%.6f,"took":0,"function":"__gc","object":%d,"class":%s,', calls,
            clock() - begun, objects[object], write_string(classes[object] or "")) .. '"args":[],"results":[]}')
    end
end

-- Replaces the methods of an object's class.
function patch(object)
    local class = class_of(object)
    if not class then
        return
    end
    classes[object] = class
    local metatable = getmetatable(object)
    local methods = type(metatable) == "table" and rawget(metatable, "__index")
    if type(methods) ~= "table" then
        methods = type(object) == "table" and object or nil
    end
    if not methods or patched[methods] then
        return
    end
    patched[methods] = true
    originals[class] = { getsockname = methods.getsockname, getpeername = methods.getpeername }
    local collect = type(metatable) == "table" and rawget(metatable, "__gc")
    if type(collect) == "function" then
        metatable.__gc = function(value)
            pcall(record_collection, value)
            return collect(value)
        end
    end
    local found = {}
    for name, func in pairs(methods) do
        if type(func) == "function" and type(name) == "string" and not find(name, "^__") then
            found[name] = func
        end
    end
    for name, func in pairs(found) do
        methods[name] = wrap(name, func, true)
    end
end

-- Functions that do nothing with sockets, or that call the others.
local UNRECORDED = { newtry = true, protect = true, skip = true, ["try"] = true, choose = true, __unload = true,
    sink = true, source = true, bind = true, connect4 = true, connect6 = true }

-- Replaces the functions of a module of LuaSocket's shape; returns the module.
function recorder.instrument(module)
    if type(module) ~= "table" or patched[module] then
        return module
    end
    patched[module] = true
    clock = rawget(module, "gettime") or clock
    begun = begun or clock()
    if calls == 0 then
        local header = format('{"trace":%d,"lua":%s,"module":%s,"started":%.6f', VERSION,
            write_string(jit and jit.version or _VERSION), -- luacheck: ignore
            write_string(tostring(rawget(module, "_VERSION"))), begun)
        recorder.write(header .. (clock == os.time and ',"resolution":1}' or "}"))
    end
    local found = {}
    for name, func in pairs(module) do
        if type(func) == "function" and not UNRECORDED[name] then
            found[name] = func
        end
    end
    for name, func in pairs(found) do
        module[name] = wrap(name, func, false)
    end
    local dns = rawget(module, "dns")
    for name, func in pairs(type(dns) == "table" and dns or {}) do
        dns[name] = type(func) == "function" and wrap("dns." .. name, func, false) or func
    end
    return module
end

------------------------------------------------------------------------------------------------------------------------
-- Modules: those that are loaded already, and those that will be.

local loaded = package and package.loaded or {}
local searchers = package and (package.searchers or package.loaders) -- luacheck: ignore

if loaded["socket.core"] or loaded.socket then
    recorder.instrument(loaded["socket.core"] or loaded.socket)
elseif type(socket) == "table" then -- luacheck: ignore (a host's global)
    recorder.instrument(socket) -- luacheck: ignore
elseif searchers then
    local function search(name)
        if name ~= "socket.core" and name ~= "socket" then
            return nil
        end
        for _, searcher in ipairs(searchers) do
            if searcher ~= search then
                local loader, extra = searcher(name)
                if type(loader) == "function" then
                    return function(...)
                        local module = loader(...)
                        if module == nil then
                            module = loaded[name]
                        end
                        -- LuaSocket's socket is the table of socket.core; a host's may be one of its own
                        if name == "socket.core" or not loaded["socket.core"] then
                            recorder.instrument(module)
                        end
                        return module
                    end, extra
                end
            end
        end
    end
    insert(searchers, 1, search)
end

return recorder
