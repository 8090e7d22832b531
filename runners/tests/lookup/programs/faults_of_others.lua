-- Lines for each fault of existing annotations. A line that ends in "--!" has a mistake, which an editor has to show; any other has
-- none. LuaCATS n and Teal n are the numbers of the faults in `test_annotations_of_others.py`.
local socket = require "socket"
local c = assert(socket.connect("127.0.0.1", 80))
local s = assert(socket.bind("*", 0))
local u = assert(socket.udp())
local m = assert(socket.tcp())
-- LuaCATS 1, Teal 1
local line1, err1, partial1 = c:receive(); if not line1 then print(err1:upper(), partial1:upper()) end
local line2, err2, partial2 = c:receive(); print(partial2:upper(), line2, err2) --!
-- LuaCATS 2
local r2, w2, e2 = socket.select({c}, nil, 0); print(r2[1], w2[1], e2)
local _, _, e3 = socket.select({c}); print(e3:upper()) --!
-- LuaCATS 3, LuaCATS 4, Teal 4
socket.select({c}, nil, 0.01)
socket.sleep(0.01)
socket.sleep("soon") --!
-- LuaCATS 5
local received, sent, age = c:getstats(); print(received + sent + age)
print(c:getstats():upper()) --!
-- LuaCATS 6
c:setstats()
c:setstats(1, 2)
c:setstats(1, 2, 0.5)
c:setstats("x") --!
-- LuaCATS 7
c:listen() --!
c:bind("*", 0) --!
s:getstats() --!
s:setstats() --!
s:bind("*", 0) --!
-- LuaCATS 8
m:setoption("reuseaddr", true)
print(m:getoption("reuseaddr"))
m:setoption("reuseadr", true) --!
-- LuaCATS 9, LuaCATS 10
m:bind("*", 0); m:listen()
m:listen(5)
m:listen("many") --!
-- LuaCATS 11, Teal 2
local s2, err4 = socket.bind("*", 0); if s2 then print(s2:accept()) else print(err4:upper()) end
local s3 = socket.bind("*", 0); s3:accept() --!
local done5, err5 = m:bind("*", 0); if not done5 then print(err5:upper()) end
-- LuaCATS 12
c:shutdown()
c:shutdown("write") --!
-- LuaCATS 13
print(c:close() + 1, c:settimeout(1) + 1, u:close() + 1)
local fd = c:setfd(3); print(fd + 1) --!
-- LuaCATS 14
local bytes = u:sendto("x", "127.0.0.1", 9); if bytes and bytes < 1000 then print(bytes + 1) end
local bytes2 = u:sendto("x", "127.0.0.1", 9); if bytes2 then print(bytes2:upper()) end --!
-- LuaCATS 15, Teal 15
u:settimeout(nil)
u:settimeout()
u:settimeout(1, "t")
u:settimeout(1, "x") --!
-- LuaCATS 16
local block, total = u:gettimeout(); print(block + total)
print(select(2, u:gettimeout()) + 1)
-- LuaCATS 17
local data7, err7 = u:receive(); if not data7 and (err7 == "connection refused" or err7 == "refused") then print(err7:upper()) end
-- LuaCATS 18, Teal 9
local data8, ip8, port8 = u:receivefrom(); if data8 then print(ip8:upper(), port8 + 1) end
local data9, ip9, port9 = u:receivefrom(); print(port9 + 1, data9, ip9) --!
local data10, err10 = u:receivefrom(); if not data10 and err10 == "connection refused" then print(err10:upper()) end
-- LuaCATS 19
u:sendto("x", "127.0.0.1", 9); u:setpeername("127.0.0.1", 9); u:send("x")
-- LuaCATS 20
u:setpeername("127.0.0.1", 10)
u:setpeername("*")
-- LuaCATS 21
u:setsockname("*", 0)
u:setsockname({}, 0) --!
u:setsockname("*", true) --!
-- LuaCATS 22
print(socket.dns.toip("localhost"), socket.dns.tohostname("127.0.0.1"), socket.dns.gethostname())
print(socket.dns.getaddrinfo("localhost"), socket.dns.getnameinfo("127.0.0.1"))
socket.dns.tohostname() --!
socket.dns.getaddrinfo() --!
socket.dns.getnameinfo() --!
-- LuaCATS 23
print(c:getfamily(), u:getfamily(), socket.BLOCKSIZE + 1, socket.choose({}))
m:setsockname("*", 0)
m:setpeername("127.0.0.1", 80)
socket.sleep(c:getfamily()) --!
-- LuaCATS 24
c:setoption("reuseport", true)
c:setoption("recv-buffer-size", 4096)
c:setoption("send-buffer-size", 4096)
print(c:getoption("error"))
c:getoption("ipv6-v6only") --!
c:getoption("tcp-defer-accept") --!
c:getoption("tcp-fastopen") --!
-- LuaCATS 25
u:setoption("ipv6-unicast-hops", 1)
u:setoption("recv-buffer-size", 4096)
print(u:getoption("error"))
u:getoption("ip-multicast-ttl") --!
u:getoption("ip-add-membership") --!
-- LuaCATS 26
c:getoption("nonsense") --!
u:getoption("nonsense") --!
-- LuaCATS 27, Teal 14
print(socket.newtry()(1))
socket.newtry(nil)
socket.newtry(function() c:close() end)
print(socket.try(1, 2))
socket.newtry(1) --!
-- LuaCATS 28
print(socket._SOCKETINVALID + 1, socket._SETSIZE + 1)
print(socket._DEBUG) --!
-- LuaCATS 29
print(socket.source("until-closed", c), socket.source("by-length", c, 5))
socket.source("until-closed") --!
socket.source("by-length", c, "x") --!
-- LuaCATS 30
local last = c:send("abcdef", 2, 4); if last then print(("abcdef"):sub(last + 1)) end
-- LuaCATS 31
c:settimeout(1, "r")
-- Teal 3
print(("%.3f"):format(socket.gettime()))
print(socket.gettime():upper()) --!
-- Teal 5
socket.select({c, u, s}, {c, u}, 0)
socket.select({c})
socket.select(nil, nil, 0)
socket.select({c}, {u}, "x") --!
-- Teal 6
print(c:getoption("keepalive"), c:gettimeout(), c:dirty(), c:getfd(), c:getfamily())
print(socket.tcp4(), socket.tcp6(), socket.udp4(), socket.udp6())
-- Teal 7
local ip11, port11, family11 = c:getpeername(); if ip11 then print(ip11:upper(), port11, family11:upper()) end
local ip12, port12, family12 = c:getsockname(); print(family12:upper(), ip12, port12) --!
-- Teal 8
u:receive()
u:receive(10)
u:receive("all") --!
-- Teal 10
print(socket.dns.toip("localhost"))
socket.dns.toip() --!
-- Teal 11
print(socket.dns.gethostname():upper())
socket.dns.gethostname("localhost") --!
-- Teal 12
local c13, err13 = socket.connect("127.0.0.1", 80); if c13 then c13:send("x") else print(err13:upper()) end
local c14 = socket.connect("127.0.0.1", 80); c14:send("x") --!
socket.connect("127.0.0.1", 80, "127.0.0.1", 0)
socket.connect("127.0.0.1", 80, nil, nil, "inet")
-- Teal 13
u:setoption("reuseaddr", true)
u:setoption("ip-multicast-ttl", 2)
u:setoption("ip-multicast-if", "127.0.0.1")
u:setoption("ip-multicast-ttl", "two") --!
-- Teal 16
c:accept() --!
s:receive() --!
s:send("x") --!
