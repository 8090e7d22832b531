-- The Lua adapter of luasocket-conformance: answers the messages of PROTOCOL.md by calling a Lua module.
--
-- Plain Lua for 5.1 to 5.5 and LuaJIT, one file, no dependencies. It contains JSON and the requests, and nothing about
-- sockets. It has no timeouts and no retries; it ends at "bye" and at the end of its input.
--
--   lua adapter.lua [MODULE [DIALECT]]
--
-- MODULE is the name of the module under test (default: socket) or a path that ends in ".lua", whose file returns a
-- table of the module's shape. DIALECT is the dialect to claim (default: LUASOCKET_CONFORMANCE_DIALECT of the
-- environment; without it, none, and the runner guesses).
--
-- A program that has no standard input and output loads this file and calls it with a table instead:
--   { read = function: returns the next line or nil, write = function: takes a line without its end,
--     module = the table under test, or a name as above, dialect = ..., name = ..., runtime = ... }
-- With by_line = true it returns a function that takes one line and answers it; `read` is called in callbacks only.

local VERSION = 1 -- of the protocol

-- The module under test may change the globals, so the adapter keeps the original ones.
local type, tostring, tonumber, select, next, pairs, ipairs = type, tostring, tonumber, select, next, pairs, ipairs
local pcall, error, getmetatable, setmetatable, rawequal = pcall, error, getmetatable, setmetatable, rawequal
local collectgarbage, coroutine, debug = collectgarbage, coroutine, debug
local byte, char, find, format = string.byte, string.char, string.find, string.format
local gsub, match, sub, gmatch, rep = string.gsub, string.match, string.sub, string.gmatch, string.rep
local insert, remove = table.insert, table.remove
local concat, unpack = table.concat, table.unpack or unpack -- luacheck: ignore
local load_text = loadstring or load -- luacheck: ignore
local integer_or_float = math.type or function() return nil end

local function pack(...)
    return { n = select("#", ...), ... }
end

------------------------------------------------------------------------------------------------------------------------
-- Input and output. The streams are kept here; the module's own output goes to standard error.

local options = ...
local read_line, write_line
if type(options) == "table" then
    read_line, write_line = options.read, options.write
else
    local input, output, errors = io.stdin, io.stdout, io.stderr
    -- where C's standard input is unbuffered (Python under PYTHONUNBUFFERED), each byte would be a system call
    input:setvbuf("full", 65536)
    -- LuaTeX gives a script its arguments in the table alone
    local words = select("#", ...) > 0 and pack(...) or arg or {} -- luacheck: ignore
    options = { module = words[1], dialect = words[2] or os.getenv("LUASOCKET_CONFORMANCE_DIALECT") }
    output:setvbuf("full")
    function read_line()
        return (input:read("*l"))
    end
    function write_line(line)
        if not (output:write(line, "\n") and output:flush()) then
            os.exit(1) -- the runner has gone
        end
    end
    io.output(errors)
    pcall(io.input, "/dev/null")
    io.stdout = errors
    function print(...) -- luacheck: ignore
        local words = pack(...)
        for i = 1, words.n do
            words[i] = tostring(words[i])
        end
        errors:write(concat(words, "\t"), "\n")
    end
end

-- The runner shows the sentence after "unavailable: " to its user.
local function unavailable(sentence)
    if options.read then
        error(sentence, 0)
    end
    io.stderr:write("unavailable: ", (gsub(sentence, "%s*\n%s*", " ")), "\n")
    os.exit(69)
end

------------------------------------------------------------------------------------------------------------------------
-- JSON. An array is a table with its length as n, an object is a table without n (no message has a key of that name),
-- null is the table `null`. Strings may have ten million bytes: they are searched and replaced as a whole, not
-- character by character.

local null = {}

local escapes = {} -- for each byte that has to be escaped
for code = 0, 255 do
    if code < 32 or code > 126 then
        escapes[char(code)] = format("\\u%04x", code)
    end
end
escapes['"'], escapes["\\"], escapes["\n"], escapes["\r"], escapes["\t"] = '\\"', "\\\\", "\\n", "\\r", "\\t"

-- A string is searched for a repetition from LONG bytes on; the repeated unit has UNIT bytes at most.
local LONG, UNIT = 65536, 16

local function write_string(text)
    for length = 1, #text >= LONG and UNIT or 0 do
        -- the beginning tells most strings apart without the work of the whole
        if #text % length == 0 and sub(text, 1 + length, LONG) == sub(text, 1, LONG - length) then
            local unit, times = sub(text, 1, length), #text / length
            if rep(unit, times) == text then
                return format('{"repeat":%s,"times":%d}', write_string(unit), times)
            end
        end
    end
    return '"' .. gsub(text, '[%c"\\\127-\255]', escapes) .. '"'
end

local function write_number(number)
    if number ~= number then
        return '{"number":"nan"}'
    elseif number == 1 / 0 then
        return '{"number":"inf"}'
    elseif number == -1 / 0 then
        return '{"number":"-inf"}'
    end
    local kind = integer_or_float(number)
    if kind == "integer" then
        return format("%d", number)
    end
    local digits = gsub(format("%.17g", number), ",", ".") -- the locale's comma
    if kind == "float" and not find(digits, "[.e]") then
        return digits .. ".0"
    end
    return digits
end

-- The character of four hexadecimal digits.
local characters = setmetatable({}, {
    __index = function(known, digits)
        local code = tonumber(digits, 16)
        if code > 255 then
            error("a string has a character above U+00FF", 0)
        end
        known[digits] = char(code)
        return known[digits]
    end,
})
local letters = { ['"'] = '"', ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

-- Returns the string whose opening quote is at `start`, and the position after the closing one.
local function read_string(text, start)
    local stop = start
    repeat
        stop = find(text, '"', stop + 1, true) or error("a string does not end", 0)
        local before = stop - 1
        while byte(text, before) == 92 do -- a quote after an odd number of backslashes is not the end
            before = before - 1
        end
    until (stop - before) % 2 == 1
    local raw = sub(text, start + 1, stop - 1)
    if find(raw, "\\", 1, true) then
        -- A run of backslashes begins with one that escapes, so its pairs can be taken first, all at once.
        raw = gsub(gsub(gsub(raw, "\\\\", "\\u005c"), '\\([^u])', letters), "\\u(%x%x%x%x)", characters)
    end
    return raw, stop + 1
end

local read_value

local function read_list(text, position)
    local list, n = {}, 0
    position = match(text, "^%s*()", position + 1)
    if byte(text, position) ~= 93 then
        repeat
            n = n + 1
            list[n], position = read_value(text, position)
            local separator
            separator, position = match(text, "^%s*([%],])()", position)
            if not separator then
                error("a list goes on with neither , nor ]", 0)
            end
        until separator == "]"
    else
        position = position + 1
    end
    list.n = n
    return list, position
end

local function read_object(text, position)
    local object = {}
    position = match(text, "^%s*()", position + 1)
    if byte(text, position) ~= 125 then
        repeat
            local key, separator
            position = match(text, '^%s*()"', position) or error("an object's key is not a string", 0)
            key, position = read_string(text, position)
            position = match(text, "^%s*:()", position) or error("an object's key has no colon", 0)
            object[key], position = read_value(text, position)
            separator, position = match(text, "^%s*([},])()", position)
            if not separator then
                error("an object goes on with neither , nor }", 0)
            end
        until separator == "}"
    else
        position = position + 1
    end
    return object, position
end

local words = { ["true"] = true, ["false"] = false, null = null }

-- GopherLua's tonumber knows no exponents.
local function read_number(word)
    local mantissa, exponent = match(word, "^(.-)[eE]%+?(-?%d+)$")
    return tonumber(word) or (mantissa and tonumber(mantissa) * 10 ^ tonumber(exponent))
end

-- Returns the value that begins at `position` or after the space there, and the position after it.
function read_value(text, position)
    position = match(text, "^%s*()", position)
    local first = byte(text, position)
    if first == 34 then
        return read_string(text, position)
    elseif first == 123 then
        return read_object(text, position)
    elseif first == 91 then
        return read_list(text, position)
    end
    local word, after = match(text, "^([%w.+-]+)()", position)
    if word == nil then
        error("a value is missing", 0)
    end
    local value = words[word]
    if value == nil then
        value = match(word, "^-?%d") and read_number(word)
    end
    if value == nil then
        error("this is not a value: " .. word, 0)
    end
    return value, after
end

------------------------------------------------------------------------------------------------------------------------
-- Values. Objects are sent as numbers ("handles"): the same one for the same object until it is released.

local objects, handles, last_handle = {}, {}, 0 -- number -> object, object -> number
local functions, numbers = {}, {} -- of the runner: number -> function, function -> number
local call_back

local function write_handle(object)
    local handle = handles[object]
    if not handle then
        last_handle = last_handle + 1
        handle = last_handle
        objects[handle], handles[object] = object, handle
    end
    return format('{"handle":%d,"type":"%s"}', handle, type(object))
end

-- Plain data is sent by value. A table that has a metatable or contains a function is an object, sent as a handle.
local function is_plain(object)
    if handles[object] or getmetatable(object) ~= nil then
        return false
    end
    for _, value in next, object do
        if type(value) == "function" then
            return false
        end
    end
    return true
end

local function write_value(value, inside)
    local kind = type(value)
    if kind == "nil" then
        return "null"
    elseif kind == "boolean" then
        return tostring(value)
    elseif kind == "number" then
        return write_number(value)
    elseif kind == "string" then
        return write_string(value)
    elseif kind == "function" and numbers[value] then
        return format('{"function":%d}', numbers[value])
    elseif kind ~= "table" or inside[value] or not is_plain(value) then
        return write_handle(value)
    end
    inside[value] = true -- a table inside of itself is sent as a handle
    local pairs_of = {}
    for key, item in next, value do
        pairs_of[#pairs_of + 1] = "[" .. write_value(key, inside) .. "," .. write_value(item, inside) .. "]"
    end
    inside[value] = nil
    return '{"table":[' .. concat(pairs_of, ",") .. "]}"
end

local function write_values(values, first)
    local written = {}
    for i = first or 1, values.n do
        written[#written + 1] = write_value(values[i], {})
    end
    return "[" .. concat(written, ",") .. "]"
end

local function object_of(handle)
    local object = objects[handle]
    if object == nil then
        error("there is no handle " .. tostring(handle), 0)
    end
    return object
end

local function function_of(number)
    if not functions[number] then
        local function proxy(...)
            if functions[number] ~= proxy then
                error("this function of the runner has been forgotten", 0)
            end
            return call_back(number, pack(...))
        end
        functions[number], numbers[proxy] = proxy, number
    end
    return functions[number]
end

-- The processor chooses the sign of 0 / 0, and some Luas write it.
local nan = 0 / 0
if tostring(nan):sub(1, 1) == "-" then
    nan = -nan
end

local specials = { inf = 1 / 0, ["-inf"] = -1 / 0, nan = nan }

local function to_lua(value)
    if type(value) ~= "table" then
        return value
    elseif value == null then
        return nil
    elseif value.handle then
        return object_of(value.handle)
    elseif value["function"] then
        return function_of(value["function"])
    elseif specials[value.number] then
        return specials[value.number]
    elseif value["repeat"] then
        return rep(value["repeat"], value.times)
    elseif type(value.table) == "table" and value.table.n then
        local result = {}
        for i = 1, value.table.n do
            local key = to_lua(value.table[i][1])
            if key == nil or key ~= key then
                error("a table has nil or NaN as a key", 0)
            end
            result[key] = to_lua(value.table[i][2])
        end
        return result
    end
    error("a value is none of the protocol's", 0)
end

local function to_lua_list(list)
    if type(list) ~= "table" or not list.n then
        error("a list of values is missing", 0)
    end
    local values = { n = list.n }
    for i = 1, list.n do
        values[i] = to_lua(list[i])
    end
    return values
end

------------------------------------------------------------------------------------------------------------------------
-- The module under test

local function load_module(name)
    if type(name) == "table" then
        return name
    end
    local ok, result
    if match(name, "%.lua$") then
        local chunk, message = loadfile(name)
        if not chunk then
            unavailable(message)
        end
        ok, result = pcall(chunk, name)
    else
        ok, result = pcall(require, name)
    end
    if not ok then
        local message = tostring(result)
        if find(message, "module '" .. name .. "' not found", 1, true) then
            message = format("the Lua module '%s' is not installed for %s, or LUA_PATH and LUA_CPATH do not lead to it."
                .. " (LuaSocket is Debian's lua-socket, or luarocks install luasocket.)", name, _VERSION)
        end
        unavailable(message)
    elseif type(result) ~= "table" then
        unavailable("the module " .. name .. " is a " .. type(result) .. ", not a table.")
    end
    return result
end

local module = load_module(options.module or "socket")

-- coroutine.yield may be called where it cannot yield: then it raises an error. The error must not end the callback that
-- the request is part of, so it is caught where Lua can yield across pcall, and predicted where it cannot (Lua 5.1).
local yields_across_pcall = coroutine.wrap(function() pcall(coroutine.yield, true) end)() == true

-- Returns whether a function written in C is called between here and the coroutine's beginning.
local function inside_c()
    local level = 2
    while true do
        local info = debug.getinfo(level, "S")
        if not info then
            return false
        elseif info.what == "C" then
            return true
        end
        level = level + 1
    end
end

local roots = {
    socket = module, tostring = tostring, type = type, rawequal = rawequal,
    coroutine = { wrap = coroutine.wrap, yield = coroutine.yield },
}

-- Keys of the errors that `operations` raise: the name of a missing function; a list with the port's own error.
local missing, raised = {}, {}

local function field(object, name)
    return object[name]
end

-- Returns object[name]. An error in the port's __index is the port's, but LuaJIT's structs raise one for what they lack.
local function index(object, name)
    local ok, value = pcall(field, object, name)
    if not ok and type(object) == "cdata" and find(tostring(value), "has no member named", 1, true) then
        return nil
    end
    if not ok then
        error({ [raised] = pack(value) }, 0)
    end
    return value
end

-- Returns the value at a path, and the table that holds it with its last name.
local function look_up(path)
    local holder, value, last = nil, roots, nil
    for name in gmatch(path, "[^.]+") do
        if value == nil then
            break
        end
        holder, value, last = value, index(value, name), name
    end
    return value, holder, last
end

------------------------------------------------------------------------------------------------------------------------
-- Requests

-- A call is compiled as in a program, so that Lua's messages name the function and count its arguments as they do there.
-- It is not a tail call: that would have no name.
local callers = {}

-- `how`: the text between the object and its arguments: nothing, ".name", or ":name".
local function caller(how)
    local made = callers[how]
    if not made then
        if how ~= "" and not match(how, "^[.:][%a_][%w_]*$") then
            error("this is not a name: " .. sub(how, 2), 0)
        end
        local source = "local pack = ... return function(object, ...) return pack(object" .. how .. "(...)) end"
        made = load_text(source, "=port")(pack)
        callers[how] = made
    end
    return made
end

local nothing = {}

-- Overwrites the values that earlier calls left on the stack above this point: the collector takes them for references.
-- 200 slots are more than the adapter's functions use between here and the call of the collector.
local function scrub()
    return (select("#", unpack(nothing, 1, 200)))
end

local function collect()
    collectgarbage()
    collectgarbage() -- finalizers ran in the first one; the objects that they held go now
end

local unanswered = {} -- ids of requests, each one made inside the one before it
local asleep = {} -- the ids inside of a coroutine that has yielded, by the last of them

-- Removes a request from the list. Unanswered requests inside of it belong to a coroutine that has yielded.
local function remove_request(id)
    local inside = {}
    while #unanswered > 0 do
        local last = remove(unanswered)
        if last == id then
            break
        end
        insert(inside, 1, last)
    end
    if #inside > 0 then
        asleep[inside[#inside]] = inside
    end
end

-- Lists the requests of a coroutine that had yielded with the request `id` again, inside the one that resumed it.
local function wake(id)
    for _, one in ipairs(asleep[id] or {}) do
        unanswered[#unanswered + 1] = one
    end
    asleep[id] = nil
end

local function forget(list)
    for i = 1, list.n do
        local object = objects[list[i]]
        if object ~= nil then
            objects[list[i]], handles[object] = nil, nil
        end
    end
end

-- Closes an object. Tables that the runner made are not the port's; the runner's functions are forgotten before.
local made_here = setmetatable({}, { __mode = "k" })

local function close(object)
    local kind = type(object)
    if kind == "userdata" or kind == "cdata" or (kind == "table" and not made_here[object]) then
        object:close()
    end
end

local function reset()
    functions, numbers, asleep = {}, {}, {}
    local open = objects
    objects, handles = {}, {}
    for _, object in pairs(open) do
        pcall(close, object)
    end
end

-- One function for each operation. It returns the function to call and its arguments as a packed list; or nil, and the
-- list of results. The only code of the port that runs here is __index.
local operations = {}

function operations.call(request)
    local args = to_lua_list(request.args)
    local object, call, name
    if request.target then
        local value, holder, last = look_up(request.target)
        if value == nil then
            error({ [missing] = request.target }, 0)
        end
        if value == coroutine.yield then
            return "yield", args
        end
        object, name = holder, last
        call = caller("." .. name)
    else
        object = object_of(request.handle)
        name = request.method
        if name then
            if index(object, name) == nil then
                error({ [missing] = type(object) .. ":" .. name }, 0)
            end
        end
        call = caller(name and ":" .. name or "")
    end
    return call, { n = args.n + 1, object, unpack(args, 1, args.n) }
end

function operations.get(request)
    if request.target then
        return nil, { n = 1, (look_up(request.target)) }
    end
    return nil, { n = 1, index(object_of(request.handle), request.field) }
end

function operations.set(request)
    local _, holder, last = look_up(request.target)
    if holder == nil then
        error({ [missing] = request.target }, 0)
    end
    holder[last] = to_lua(request.value)
    return nil, { n = 0 }
end

function operations.make(request)
    local object = to_lua(request.value)
    if type(object) ~= "table" then
        error("only a table can be made", 0)
    end
    if request.calls ~= nil or request.inherits ~= nil then
        setmetatable(object, { __call = to_lua(request.calls), __index = to_lua(request.inherits) })
    end
    made_here[object] = true
    write_handle(object)
    return nil, { n = 1, object }
end

function operations.release(request)
    forget(request.handles)
    collect()
    return nil, { n = 0 }
end

function operations.reset()
    reset()
    collect()
    return nil, { n = 0 }
end

function operations.bye()
    return nil, { n = 0 }
end

-- Returns whether an object that is not referred to any more is collected and finalized at a request: some Lua runtimes
-- have neither weak tables nor finalizers. The objects are the adapter's own: those of the port are under test.
local function collects_garbage()
    local weak, finalized = setmetatable({}, { __mode = "v" }), false
    local function finalize()
        finalized = true
    end
    local function drop_objects() -- in a function of its own, so that no reference stays on the stack
        weak[1] = {}
        if newproxy then -- luacheck: ignore
            getmetatable(newproxy(true)).__gc = finalize -- luacheck: ignore
        else
            setmetatable({}, { __gc = finalize })
        end
    end
    drop_objects()
    scrub()
    collect()
    return weak[1] == nil and finalized
end

function operations.describe()
    local capabilities = {
        n = 6, "coroutines", "descriptors", "repeat", "kept-tables", "callable-tables", "inheriting-tables",
    }
    -- LuaJIT yields across Lua's own pcall, but not across one that C calls, as a library's protect does
    if _VERSION ~= "Lua 5.1" then
        insert(capabilities, "yield-across-pcall")
        capabilities.n = capabilities.n + 1
    end
    if integer_or_float(1) == "integer" then
        insert(capabilities, "subtypes")
        capabilities.n = capabilities.n + 1
    end
    if collects_garbage() then
        insert(capabilities, "gc")
        capabilities.n = capabilities.n + 1
    end
    local described = {
        name = options.name or "LuaSocket",
        version = tostring(module._VERSION or "unknown"),
        dialect = options.dialect, -- where there is none, the runner guesses it
        token = os and os.getenv and os.getenv("LUASOCKET_CONFORMANCE_TOKEN"),
        runtime = options.runtime or (jit and jit.version) or _VERSION, -- luacheck: ignore
    }
    local text = { format('"protocol":%d', VERSION), '"capabilities":' .. write_values(capabilities) }
    for key, value in pairs(described) do
        text[#text + 1] = format('"%s":%s', key, write_string(value))
    end
    return "written", concat(text, ",")
end

local function write_returns(results, first)
    return '"returns":' .. write_values(results, first)
end

-- The error's value; a position in the adapter's own text is removed from a message.
local function write_raises(value)
    if type(value) == "string" then
        value = gsub(value, "^port:1: ", "", 1)
    end
    return '"raises":' .. write_value(value, {})
end

local function yield(args)
    local request, outcome = unanswered[#unanswered], nil
    if yields_across_pcall or coroutine.running() == nil or inside_c() then
        outcome = pack(pcall(coroutine.yield, unpack(args, 1, args.n)))
    else
        outcome = pack(true, coroutine.yield(unpack(args, 1, args.n)))
    end
    wake(request)
    return outcome
end

-- Gives a handle to each table among results, so that it is not sent by value. Its contents are plain, so it is not closed.
local function keep_tables(results)
    for i = 1, results.n do
        local value = results[i]
        if type(value) == "table" and is_plain(value) then
            made_here[value] = true
            write_handle(value)
        end
    end
end

-- Returns whether an error is about the adapter: where it runs in the thread of a scheduler, the port may yield.
local function stops_yields(reason)
    return not yields_across_pcall and #unanswered == 1 and coroutine.running() ~= nil and type(reason) == "string"
        and find(reason, "attempt to yield across", 1, true) ~= nil
end

-- Carries out a request; returns the reply without its braces and id. The port runs in between, and may yield, so it must
-- not be called inside of a pcall of the adapter.
local function perform(request)
    local operation = operations[request.op]
    if not operation then
        return '"fault":' .. write_string("this operation is not known: " .. tostring(request.op))
    end
    local ok, call, values = pcall(operation, request)
    local results
    if not ok then
        local reason = call
        if type(reason) ~= "table" then
            return '"fault":' .. write_string(tostring(reason))
        elseif reason[raised] then
            return write_raises(reason[raised][1])
        end
        return '"missing":' .. write_string(reason[missing])
    elseif call == "written" then
        return values
    elseif call == "yield" then
        local outcome = yield(values)
        ok = outcome[1]
        if not ok then
            return write_raises(outcome[2])
        end
        return write_returns(outcome, 2)
    elseif call then
        ok, results = pcall(call, unpack(values, 1, values.n))
        if not ok and stops_yields(results) then
            return '"fault":' .. write_string("the port waits by yielding, and this Lua cannot yield across the pcall of " ..
                "the adapter: run it with LuaJIT, or with Lua 5.2 or later")
        end
        if not ok then
            return write_raises(results)
        end
        if request.keep then
            keep_tables(results)
        end
    else
        results = values
    end
    return write_returns(results)
end

local function finish()
    if options.read then
        error(nothing, 0)
    end
    os.exit(0)
end

local function handle(message)
    local id = message.id
    unanswered[#unanswered + 1] = id
    local text = perform(message)
    remove_request(id)
    write_line(format('{"id":%d,', id) .. text .. "}")
    if message.op == "bye" then
        finish()
    end
end

-- Handles one message. Returns the message if it ends a callback.
local function answer(line, in_callback)
    local ok, message = pcall(read_value, line, 1)
    if not ok or type(message) ~= "table" then
        write_line('{"id":null,"fault":' .. write_string("this is not a message: " .. tostring(message)) .. "}")
    elseif type(message.id) == "number" then
        line = nil -- luacheck: ignore (it may be long)
        if message.op == "release" or message.op == "reset" then
            scrub()
        end
        handle(message)
    elseif in_callback and (message.op == "return" or message.op == "raise") then
        return message
    else
        write_line('{"id":null,"fault":"this message has no id"}')
    end
end

-- Handles messages. In a callback, until the runner ends it: returns that message.
local function serve(in_callback)
    while true do
        local last = answer(read_line() or finish(), in_callback)
        if last then
            return last
        end
    end
end

function call_back(number, args)
    write_line(format('{"id":%d,"callback":%d,"args":%s}', unanswered[#unanswered], number, write_values(args)))
    local message = serve(true)
    if message.op == "raise" then
        error(to_lua(message.value), 0)
    end
    local values = to_lua_list(message.values)
    return unpack(values, 1, values.n)
end

if options.by_line then
    return function(line)
        answer(line, false)
    end
elseif options.read then
    local _, reason = pcall(serve, false)
    if reason ~= nothing then
        error(reason, 0)
    end
else
    serve(false)
end
