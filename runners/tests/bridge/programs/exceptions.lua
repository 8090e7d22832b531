-- protect, newtry, and coroutines across them.
local socket = require "socket"
local function yielding()
    coroutine.yield(1)
    return 2
end
local function plain(f)
    return function(...) return f(...) end -- Lua 5.1 makes no coroutine of a C function
end
local fails = socket.protect(function(x) socket.newtry(function() print "finalizer" end)(nil, x) end)
print(fails("message"))
print(fails())
local co = coroutine.wrap(plain(socket.protect(yielding)))
print(pcall(co))
print(pcall(co))
print(pcall(socket.newtry(coroutine.yield), nil, 1))
print(pcall(socket.protect(function() error("text", 0) end)))
print(pcall(socket.newtry(5), nil, 1))
print(socket.newtry()(1, 2, nil))
print(pcall(socket.try, nil, "why"))
local ok, value = pcall(socket.try, nil, "why")
print(ok, type(value), value[1], getmetatable(value))
print "end"
