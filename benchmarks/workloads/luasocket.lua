-- The workloads of bench.py on real LuaSocket: lua luasocket.lua WORKLOAD PORT COUNT prints the seconds that it took.
--
-- The steps are those of reference.py and cpython.py.

local socket = require "socket"

local workload, port, count = arg[1], tonumber(arg[2]), tonumber(arg[3])
local HOST = "127.0.0.1"

local function stream(pattern)
  return function()
    local client = assert(socket.tcp())
    assert(client:connect(HOST, port))
    local began = socket.gettime()
    local pieces = 0
    while client:receive(pattern) do
      pieces = pieces + 1
    end
    local seconds = socket.gettime() - began
    assert(pieces >= count, "the connection ended early")
    client:close()
    return seconds
  end
end

local function datagram_socket()
  local object = assert(socket.udp4())
  assert(object:setsockname(HOST, 0))
  return object, select(2, object:getsockname())
end

local workloads = {
  lines = stream("*l"),
  blocks = stream(8192),
  all = stream("*a"),
  datagrams = function()
    local object, own = datagram_socket()
    assert(object:setpeername(HOST, own))
    local payload = string.rep("x", 100)
    local began = socket.gettime()
    for _ = 1, count do
      object:send(payload)
      object:receive()
    end
    return socket.gettime() - began
  end,
  select = function()
    local objects = {}
    for index = 1, 500 do
      objects[index] = datagram_socket()
    end
    local _, own = objects[250]:getsockname()
    objects[250]:sendto("x", HOST, own)
    local began = socket.gettime()
    for _ = 1, count do
      assert(socket.select(objects, nil, 0)[1] == objects[250])
    end
    return socket.gettime() - began
  end,
  call = function()
    local gettime = socket.gettime
    local began = gettime()
    for _ = 1, count do
      gettime()
    end
    return gettime() - began
  end,
}

print(string.format("%.6f", workloads[workload]()))
