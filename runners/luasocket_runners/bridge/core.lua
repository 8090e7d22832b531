-- Makes socket.core out of functions of the reference: userdata, metatables, and errors as Lua's auxiliary library
-- raises them. Plain Lua for 5.1 to 5.5 and LuaJIT; bridge/core.py runs it once and passes the functions.
--
-- A call into Python returns a number first: 0 to 3 says how many results follow; a larger one is explained below.

local as_function, release, fetch, new_placeholder, coroutine_placeholder, traits = ...

local CHANGED, NEW, MANY, BAD_ARGUMENT, MESSAGE, RAISED = 4, 5, 6, 7, 8, 9

local type, error, pcall, rawget, rawequal, next, select = type, error, pcall, rawget, rawequal, next, select
local pairs = pairs
local setmetatable, getinfo, registry = setmetatable, debug.getinfo, debug.getregistry()
local getmetatable, set_any_metatable = debug.getmetatable, debug.setmetatable
local format, gsub, sub = string.format, string.gsub, string.sub
local unpack = table.unpack or unpack -- luacheck: ignore
local newproxy = newproxy -- luacheck: ignore (Lua 5.1 and LuaJIT)

local function pack(...)
    return { n = select("#", ...), ... }
end

------------------------------------------------------------------------------------------------------------------------
-- Objects. The reference's object of a number is the userdata of that number.

local numbers = setmetatable({}, { __mode = "k" }) -- userdata -> number
local userdata = setmetatable({}, { __mode = "v" }) -- number -> userdata
local anchors = setmetatable({}, { __mode = "k" }) -- userdata -> sentinel, which is collected after it
local metatables = {} -- class -> metatable
-- Changing the metatable of an object that is being finalized has it finalized once more.
local finalized = setmetatable({}, { __mode = "k" })
local original = {} -- the methods as they were made; a program may replace them

-- A sentinel's finalizer lets the reference's object go. That of the userdata only closes: a finalizer can be called by
-- the program, too, and the object is used after that. When a state is closed, the sentinel may come first: then its
-- userdata is still known.
local function let_go(number)
    if not userdata[number] then
        release(number)
    end
end

local new_sentinel
if newproxy then
    local sentinels = setmetatable({}, { __mode = "k" }) -- sentinel -> number
    local first = newproxy(true)
    getmetatable(first).__gc = function(sentinel)
        if sentinels[sentinel] then
            let_go(sentinels[sentinel])
        end
    end
    function new_sentinel(number)
        local sentinel = newproxy(first)
        sentinels[sentinel] = number
        return sentinel
    end
else
    local finalizer = {
        __gc = function(sentinel)
            let_go(sentinel[1])
        end,
    }
    function new_sentinel(number)
        return setmetatable({ number }, finalizer)
    end
end

-- Userdata of our own. Where Lua makes none, it is what lupa makes of a Python object, under another metatable; then
-- lupa's finalizer has to be called as well, once, and it wants its own metatable.
local new_userdata, finalize
if newproxy then
    function new_userdata()
        return newproxy(false)
    end
    function finalize() end
else
    new_userdata = new_placeholder
    function finalize(object)
        local metatable = getmetatable(object)
        local lupa = traits.placeholder_metatable
        set_any_metatable(object, lupa)
        lupa.__gc(object)
        set_any_metatable(object, metatable)
    end
end

-- Returns the userdata of a new object. Both may be collected at once, and the younger is finalized first: the userdata.
local function made(number, class)
    local sentinel = new_sentinel(number)
    local object = new_userdata()
    numbers[object], userdata[number], anchors[object] = number, object, sentinel
    set_any_metatable(object, metatables[class]) -- Lua 5.1 returns no object
    return object
end

------------------------------------------------------------------------------------------------------------------------
-- Errors

-- Where Lua looks for the name of a function that is called without one.
local named = traits.names_globals and _G or traits.names_loaded and package.loaded or {}

-- Returns the name of such a function, as a field of that table or of a table in it.
local function global_name(func)
    for module, fields in next, named do
        if type(module) == "string" and rawequal(fields, func) then
            return module
        elseif type(module) == "string" and type(fields) == "table" then
            for name, value in next, fields do
                if type(name) == "string" and rawequal(value, func) then
                    return module == "_G" and name or module .. "." .. name
                end
            end
        end
    end
    return "?"
end

-- A function in Lua that is called in tail position has lost its caller, which a function in C has not. Then its own
-- name is taken, and that it was called as a method if it is one.
local function is_tail_call(info)
    if info.istailcall == nil then
        return info.name == nil and (getinfo(4, "S") or info).what == "tail"
    end
    return info.istailcall
end

-- Returns the message for a bad argument, given what `getinfo` says of the function (fields n, f, t).
local function bad_argument(position, reason, known, is_method, info)
    local name, by_colon = info.name, info.namewhat == "method"
    if name == nil and is_tail_call(info) then
        name, by_colon = known, is_method
    end
    if by_colon then
        position = position - 1
        if position == 0 then
            return format("calling '%s' on bad self (%s)", name, reason)
        end
    end
    return format("bad argument #%d to '%s' (%s)", position, name or global_name(info.func), reason)
end

-- What `getinfo` is asked for.
local FIELDS = traits.has_tail_field and "nft" or "nfS"

------------------------------------------------------------------------------------------------------------------------
-- Functions and methods

local function take(count, first, second, third)
    if count == 1 then
        return first
    elseif count == 2 then
        return first, second
    elseif count == 3 then
        return first, second, third
    end
end

fetch = as_function(fetch)

-- Returns results that Python has taken apart. `form` has a letter for each value: "v" for one that is the same here, "o"
-- for the number of an object; a table is "(", its keys and values in turn, and ")".
local function build(form, ...)
    local values, place, letter = pack(...), 0, 0
    local function next_one()
        letter = letter + 1
        local kind = sub(form, letter, letter)
        if kind == "(" then
            local made_table = {}
            while sub(form, letter + 1, letter + 1) ~= ")" do
                local key = next_one()
                made_table[key] = next_one()
            end
            letter = letter + 1
            return made_table
        end
        place = place + 1
        if kind == "o" then
            return userdata[values[place]]
        end
        return values[place]
    end
    local results, count = {}, 0
    while letter < #form do
        count = count + 1
        results[count] = next_one()
    end
    return unpack(results, 1, count)
end

-- Returns values as they are passed to Python: a coroutine is replaced, because lupa takes the function out of one that
-- has not started, which ends it.
local function for_python(...)
    for place = 1, select("#", ...) do
        if type((select(place, ...))) == "thread" then
            local values = pack(...)
            for index = place, values.n do
                if type(values[index]) == "thread" then
                    values[index] = coroutine_placeholder
                end
            end
            return unpack(values, 1, values.n)
        end
    end
    return ...
end

local function last(count, ...)
    if count > 0 then
        return select(-count, ...)
    end
end

-- The beginning is the same for functions and methods, but a shared function would cost each call as much again.
-- `returns_arguments`: the results are the last arguments, and then they are taken from these.
local function new_function(name, call, returns_arguments)
    return function(...)
        local n, a, b, c = call(for_python(...))
        if returns_arguments and (n <= 3 or n == MANY) then
            return last(n == MANY and #a or n, ...)
        elseif n <= 3 then
            return take(n, a, b, c)
        elseif n == NEW then
            return made(a, b)
        elseif n == MANY then
            return build(a, fetch())
        elseif n == RAISED then
            error(a, 0)
        elseif n == BAD_ARGUMENT then
            a = bad_argument(a, b, name, false, getinfo(1, FIELDS))
        end
        error(a, traits.has_tail_field and getinfo(1, "t").istailcall and 0 or 2) -- the caller's line, if it is known
    end
end

local function new_method(name, call)
    local function method(self, ...)
        local number = numbers[self]
        local n, a, b, c, d, e
        if number then
            n, a, b, c, d, e = call(number, for_python(...))
        else
            n, a, b, c = call(false, for_python(self, ...))
        end
        if n == 3 then
            return a, b, c
        elseif n <= 3 then
            return take(n, a, b)
        elseif n == CHANGED then
            set_any_metatable(self, metatables[a])
            return take(b, c, d, e)
        elseif n == NEW then
            return made(a, b)
        elseif n == MANY then
            return build(a, fetch())
        elseif n == RAISED then
            error(a, 0)
        elseif n == BAD_ARGUMENT then
            a = bad_argument(a, b, name, true, getinfo(1, FIELDS))
        end
        error(a, traits.has_tail_field and getinfo(1, "t").istailcall and 0 or 2) -- the caller's line, if it is known
    end
    original[method] = true
    return method
end

------------------------------------------------------------------------------------------------------------------------
-- Values that the reference asks for. Each of these functions is passed with the call that uses it, so that it runs in
-- the coroutine of that call.

-- Returns whether `select` can ask the reference for descriptor and buffer, because no program has replaced the methods.
local function is_pristine(object)
    local index = rawget(getmetatable(object), "__index")
    return type(index) == "table" and original[rawget(index, "getfd")] and original[rawget(index, "dirty")]
end

local function get(value, key)
    return value[key]
end

-- Tells whether a value that is no function can be called like one.
local function can_be_called(value)
    local metatable = getmetatable(value)
    return metatable ~= nil and rawget(metatable, "__call") ~= nil
end

-- Returns whether it went well; then value[key] and, if that is one of our objects, its number, or false if it is no
-- function, but can be called; else what was raised.
local function index(value, key)
    local metatable = getmetatable(value)
    if type(value) ~= "table" and not (metatable and metatable.__index) then
        return false, format("attempt to index a %s value", type(value))
    end
    local ok, result = pcall(get, value, key)
    local number = ok and numbers[result]
    if number and is_pristine(result) then
        return true, nil, number
    end
    if ok and type(result) ~= "function" and can_be_called(result) then
        return true, result, false
    end
    return ok, for_python(result)
end

-- Calls a function with values; a value whose number is given in place of it is one of our objects.
local function invoke(func, ...)
    return pcall(func, ...)
end

-- Returns what errors call a value besides its type: the field __name of its metatable.
local function name_of(value)
    local metatable = getmetatable(value)
    return metatable and rawget(metatable, "__name")
end

------------------------------------------------------------------------------------------------------------------------
-- Exceptions. They are made here, since Python cannot stand between a coroutine and its yield.

-- Calls a function so that it cannot yield, as C does.
local function call_in_c(func, ...)
    local args, results = pack(...), nil
    gsub("x", "x", function()
        results = pack(pcall(func, unpack(args, 1, args.n)))
    end)
    if not results[1] then
        error(results[2], 0)
    end
    return unpack(results, 2, results.n)
end

local protected_call = pcall
if traits.protect_cannot_yield then
    function protected_call(func, ...)
        return call_in_c(pcall, func, ...)
    end
end

local exception = { __metatable = false }

local function is_exception(value)
    return type(value) == "table" and (traits.catches_any_table or rawequal(getmetatable(value), exception))
end

local function finish(ok, ...)
    if ok then
        return ...
    end
    local value = ...
    if is_exception(value) then
        return nil, value[1]
    end
    error(value, 0)
end

-- socket.protect
local function protect(...)
    local func = select(traits.protects_last_argument and select("#", ...) or 1, ...)
    return function(...)
        return finish(protected_call(func, ...))
    end
end

local function run_finalizer(finalizer)
    if type(finalizer) ~= "function" and not can_be_called(finalizer) then
        error(format("attempt to call a %s value", type(finalizer)), 0)
    end
    call_in_c(finalizer)
end

-- socket.newtry
local function newtry(finalizer)
    return function(...)
        if (...) then
            return ...
        end
        local _, message = ...
        if finalizer ~= nil then
            if traits.finalizer_protected then
                pcall(run_finalizer, finalizer)
            else
                run_finalizer(finalizer)
            end
        end
        local value = { message }
        error(traits.catches_any_table and value or setmetatable(value, exception), 0)
    end
end

------------------------------------------------------------------------------------------------------------------------
-- What bridge/core.py calls to put the module together

local builder = {
    index = index,
    invoke = invoke,
    name_of = name_of,
    protect = protect,
    newtry = newtry,
}

-- `reads`: whether the function reads tables of the program; then it is passed the functions for that.
local function reader(call, reads, is_method)
    call = as_function(call)
    if not reads then
        return call
    elseif is_method then
        return function(number, ...)
            return call(number, index, invoke, ...)
        end
    end
    return function(...)
        return call(index, invoke, ...)
    end
end

function builder.add_function(module, name, call, reads)
    module[name] = new_function(name, reader(call, reads, false), name == "skip")
end

-- `methods`: a list of name, Python function, whether it reads tables. Several classes share the functions of a kind.
function builder.add_classes(classes, groups, methods)
    local functions = {}
    for _, row in pairs(methods) do
        functions[row[1]] = new_method(row[1], reader(row[2], row[3], true))
    end
    local close = functions.__gc
    functions.__gc = function(object)
        if not finalized[object] then
            finalized[object] = true
            close(object)
            finalize(object)
        end
    end
    for _, class in pairs(classes) do
        local fields, metatable = { class = class }, {}
        for name, func in pairs(functions) do
            if name:sub(1, 2) == "__" then
                metatable[name] = func
            else
                fields[name] = func
            end
        end
        metatable.__index = fields
        if traits.names_classes then
            metatable.__name = class
        end
        for _, group in pairs(groups) do
            metatable[group] = true
        end
        metatables[class], registry[class] = metatable, metatable
    end
end

return builder
