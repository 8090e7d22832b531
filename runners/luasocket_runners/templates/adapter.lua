-- The adapter of NAME. Change what stands between the lines; the rest is done by the adapter that luasocket-conformance
-- brings along, whose path is the first argument.
local adapter = assert(loadfile(arg[1]))

----------------------------------------------------------------------------------------------------------------------
-- The module under test: a table of LuaSocket's shape, { tcp = function … end, udp = …, select = …, dns = { … } }, whose
-- objects have LuaSocket's methods. What is not there is reported as "not implemented". This is LuaSocket itself:
package.preload["module under test"] = function()
    return require("socket")
end
----------------------------------------------------------------------------------------------------------------------

-- Where there is no standard input and output, call it with a table instead: its first lines say how.
adapter("module under test")
