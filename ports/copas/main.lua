-- Runs our adapter in a thread of copas, where alone its sockets can wait: lua5.2 main.lua ADAPTER MODULE
local copas = require("copas")
local adapter = assert(loadfile(arg[1]))
copas.addthread(function() adapter(arg[2]) end)
copas.loop()
