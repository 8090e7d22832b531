-- Coroutines as arguments: they are returned as they were, and named in errors.
local socket = require("socket")

local fresh = coroutine.create(function(...)
    return "ran", ...
end)
local waiting = coroutine.create(function()
    return coroutine.yield()
end)
coroutine.resume(waiting)

print(rawequal(socket.skip(1, 2, fresh), fresh), rawequal(socket.skip(0, waiting), waiting))
print(select("#", socket.skip(0, nil, fresh, nil)), select("#", socket.skip(2, fresh)), select("#", socket.skip(-1, fresh)))
print(socket.skip(1, 1, 2, 3, 4, 5, 6, 7))
print(rawequal(select(4, socket.skip(0, 1, 2, 3, fresh, 5)), fresh))
for _, thread in ipairs({ fresh, waiting }) do
    for _, func in ipairs({ socket.skip, socket.sleep }) do
        -- a name that is taken from package.loaded differs from run to run
        print((select(2, pcall(func, thread)):gsub("'.*'", "it")))
    end
    print(pcall(socket.tcp().settimeout, socket.tcp(), thread))
    print(pcall(socket.tcp().send, thread))
    print(pcall(socket.select, { thread }, nil, 0))
end
print(coroutine.wrap(function()
    return type(socket.skip(0, coroutine.running()))
end)())
print(coroutine.status(fresh), coroutine.resume(fresh, 1))
print(coroutine.status(waiting), coroutine.resume(waiting, 2))
print("end")
