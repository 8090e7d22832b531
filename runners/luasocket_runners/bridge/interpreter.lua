-- What a Lua interpreter does around a program: options, arguments, error messages, the prompt. It ends the process.
-- `actions` is a list of { "execute" | "require" | "file" | "stdin" | "prompt" | "init" | "version", text }; `arguments` is the table
-- arg; `read_line` returns a line for the prompt, or nil at the end.

local actions, arguments, read_line = ...

local load_text = loadstring or load -- luacheck: ignore
local unpack = table.unpack or unpack -- luacheck: ignore
local stdout, stderr, traceback = io.stdout, io.stderr, debug.traceback
local exit, pairs, pcall, collectgarbage, loaded, globals = os.exit, pairs, pcall, collectgarbage, package.loaded, _G
local getmetatable, tostring, type, xpcall, print = debug.getmetatable, tostring, type, xpcall, print

arg = arguments -- luacheck: ignore

local function report(message)
    stderr:write("lua: ", message, "\n")
    stderr:flush()
end

local is_old = _VERSION == "Lua 5.1" or _VERSION == "Lua 5.2" -- LuaJIT is 5.1

-- Returns a traceback without the frames of this file, as if the program had been called by an interpreter in C.
local function own_frames_removed(text)
    local last
    for first in text:gmatch("()\n\t%[C%]: in %a+ 'xpcall'") do
        last = first
    end
    if not last then
        return text
    end
    local tail_call = "\n\t%(%.*tail calls?%.*%)[^\n]*$"
    text = text:sub(1, last - 1):gsub(tail_call, ""):gsub("\n\tlua:%d+: in [^\n]*$", ""):gsub(tail_call, "")
    text = text:gsub("(\n\tstdin:%d+: in )%a+ 'chunk'$", "%1main chunk")
    -- functions of the module are in C
    text = text:gsub("\n\t%[C%]: in %a+ 'error'\n\tsocket%.core:%d+: in ", "\n\t[C]: in ")
    return text .. (_VERSION == "Lua 5.1" and "\n\t[C]: ?" or "\n\t[C]: in ?")
end

-- Returns the message for an error, as the interpreter of each Lua words it.
local function describe(value)
    local metatable = getmetatable(value)
    if type(value) == "string" or (type(value) == "number" and not is_old) then
        return own_frames_removed(traceback(tostring(value), 2))
    elseif metatable and metatable.__tostring and (_VERSION ~= "Lua 5.1" or jit) then -- luacheck: ignore
        return tostring(value)
    elseif _VERSION == "Lua 5.1" then
        return "(error object is not a string)"
    elseif is_old then
        return value == nil and "nil" or "(no error message)"
    end
    return own_frames_removed(traceback("(error object is a " .. type(value) .. " value)", 2))
end

local function run(chunk, ...)
    local values = { n = select("#", ...), ... }
    local ok, text = xpcall(function()
        return chunk(unpack(values, 1, values.n))
    end, describe)
    return ok, text -- no tail call, so that the frame of xpcall has its name
end

local function run_or_report(chunk, message, ...)
    if not chunk then
        report(message)
        return false
    end
    local ok, text = run(chunk, ...)
    if not ok then
        report(text)
    end
    return ok
end

-- A chunk that is not complete may go on in the next line.
local function is_incomplete(message)
    return message and message:find("<eof>", -8, true)
end

local function ask(prompt)
    stdout:flush() -- the prompt is written by Python, which has a buffer of its own
    return read_line(prompt)
end

local function read_chunk()
    local text = ask(_PROMPT or "> ") -- luacheck: ignore
    if not text then
        return nil
    end
    local expression = text:gsub("^=", "")
    local chunk, message = load_text("return " .. expression, "=stdin")
    if chunk then
        -- no tail call, so that the messages of errors have their place
        chunk = load_text("return (...)(" .. expression .. "\n)", "=stdin") or chunk
    end
    while not chunk do
        chunk, message = load_text(text, "=stdin")
        if chunk or not is_incomplete(message) then
            break
        end
        local more = ask(_PROMPT2 or ">> ") -- luacheck: ignore
        if not more then
            break
        end
        text = text .. "\n" .. more
    end
    return text, chunk, message
end

local function print_all(...)
    if select("#", ...) > 0 then
        print(...)
    end
end

local function all(...)
    return ...
end

local function prompt()
    while true do
        local text, chunk, message = read_chunk()
        if not text then
            return true
        elseif not chunk then
            report(message)
        else
            run_or_report(function()
                print_all(chunk(all))
            end)
        end
    end
end

local kinds = {
    execute = function(text)
        return run_or_report(load_text(text, "=(command line)"))
    end,
    require = function(name)
        return run_or_report(function()
            _G[name] = require(name)
        end)
    end,
    file = function(name)
        local chunk, message = loadfile(name)
        return run_or_report(chunk, message, unpack(arguments, 1, #arguments))
    end,
    stdin = function()
        local chunk, message = loadfile()
        return run_or_report(chunk, message, unpack(arguments, 1, #arguments))
    end,
    prompt = prompt,
    init = function(text)
        if text:sub(1, 1) == "@" then
            return run_or_report(loadfile(text:sub(2)))
        end
        return run_or_report(load_text(text, "=LUA_INIT"))
    end,
    version = function(text)
        print(text)
        return true
    end,
}

local ok = true
for i = 1, #actions do
    ok = ok and kinds[actions[i][1]](actions[i][2])
end

-- The finalizers run now, while Python can be called; closing the state with lupa would be too late.
if _VERSION == "Lua 5.1" and not jit then -- luacheck: ignore
    for name in pairs(loaded) do
        loaded[name] = nil
    end
    for name in pairs(globals) do
        globals[name] = nil
    end
    for _ = 1, 2 do
        while not pcall(collectgarbage) do -- the error of a finalizer; the others are still to be called
        end
    end
    exit(ok and 0 or 1)
end
exit(ok, true)
