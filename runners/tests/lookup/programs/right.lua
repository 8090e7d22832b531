-- A program without a mistake, in which an editor has nothing to show.
local socket = require "socket"
-- a client
local c, err = socket.connect("127.0.0.1", 80)
if not c then error(err) end
c:settimeout(0.01)
c:settimeout(nil, "t")
c:setoption("tcp-nodelay", true)
c:setoption("linger", {on = true, timeout = 0})
local line, e, partial = c:receive("*l", "prefix")
if not line then print(e:upper(), partial:upper()) else print(line:upper()) end
local last, why, sent = c:send("abc", 2, -1)
if not last then print(why:upper(), sent + 1) else print(last + 1) end
local received, bytes, age = c:getstats()
print(received + bytes + age)
c:setstats(1)
c:shutdown()
print(c:getfd() + 1, c:dirty(), c:getfamily())
local ip, port, family = c:getpeername()
print(ip, port, family)
c:close()
-- a master
local m = assert(socket.tcp())
assert(m:setoption("reuseaddr", true))
assert(m:bind("*", 0))
assert(m:listen())
m:settimeout(1)
local peer, why2 = m:accept()
if peer then print(peer:receive(5)) else print(why2:upper()) end
local n = assert(socket.tcp())
n:connect("127.0.0.1", "80")
n:send("x")
-- a server
local s = assert(socket.bind("127.0.0.1", 0, 5))
print(s:accept())
-- UDP
local u = assert(socket.udp())
u:settimeout(nil)
u:setsockname("*", 0)
u:setpeername("127.0.0.1", 9)
print(u:send("x"))
u:setpeername("*")
print(u:sendto("x", "127.0.0.1", 9))
local data, from, fromport = u:receivefrom()
if data then print(data:upper(), from:upper(), fromport + 1) end
u:setoption("ip-add-membership", {multiaddr = "224.0.0.1", interface = "*"})
print(u:getoption("ip-multicast-loop"))
-- select
local readable, writable, timeout = socket.select({c, s, u}, nil, 0.5)
print(readable[1], writable[1], timeout)
socket.select(nil, {c})
-- exceptions
local try = socket.newtry(function() c:close() end)
local f = socket.protect(function(host) return try(socket.connect(host, 80)) end)
print(f("localhost"))
print(socket.newtry()(1))
print(socket.skip(1, 2, 3), socket.gettime() - 1, socket._VERSION:upper(), socket._SETSIZE + 1)
socket.sleep(0.1)
print(socket.dns.toip("localhost"), socket.dns.gethostname():upper())
local list = socket.dns.getaddrinfo("localhost")
if list and list[1] then print(list[1].addr:upper()) end
print(socket.source("by-length", c, 5), socket.source(nil, c), socket.sink("keep-open", c))
