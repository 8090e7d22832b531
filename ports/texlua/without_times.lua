-- LuaSocket in LuaTeX without the fourth value that send and receive return there: the seconds that the call took, which
-- LUASOCKET_DEBUG adds. So the rest of what they do can be told, which the value would hide.
local socket = require("socket")

-- Both are methods of one class alone, whose metatable LuaSocket keeps in the registry under the name of the class.
local methods = debug.getregistry()["tcp{client}"].__index
for _, name in ipairs({ "send", "receive" }) do
    local method = methods[name]
    methods[name] = function(...)
        local first, second, third = method(...)
        return first, second, third
    end
end

return socket
