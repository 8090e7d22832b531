-- The adapter of @NAME@. Change the part between the lines; the adapter that luasocket-conformance provides does the rest.
-- Its path is the first argument.
local adapter = assert(loadfile(arg[1]))

----------------------------------------------------------------------------------------------------------------------
-- The module under test: a table like LuaSocket's, { tcp = function … end, udp = …, select = …, dns = { … } }, whose
-- objects have LuaSocket's methods. Missing functions are reported as "not implemented". This is LuaSocket itself:
package.preload["module under test"] = function()
    return require("socket")
end
----------------------------------------------------------------------------------------------------------------------

-- Without standard input and output, call it with a table instead; its first lines explain how.
adapter("module under test")
