-- Lines between two sockets of one program: the CPU time of a call, for recorder_cost.py.
local socket = require "socket"
local server = socket.bind("127.0.0.1", 0)
local a = socket.connect("127.0.0.1", (select(2, server:getsockname())))
local b = server:accept()
local t = os.clock()
for _ = 1, 20000 do a:send("a line of text\n") b:receive() end
io.stderr:write(("%.3f\n"):format((os.clock() - t) / 40000 * 1e6))
