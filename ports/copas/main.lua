-- Runs the shipped adapter in a thread of copas, because its sockets can wait only there: lua5.2 main.lua ADAPTER MODULE
local copas = require("copas")
local adapter = assert(loadfile(arg[1]))
copas.addthread(function() adapter(arg[2]) end)
copas.loop()
