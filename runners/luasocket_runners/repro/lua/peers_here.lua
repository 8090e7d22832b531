-- The peers, played here with LuaSocket itself.
local peers = {}

local function the(name)
  peers[name] = peers[name] or {}
  return peers[name]
end

local function bound(object)
  local ip, port = object:getsockname()
  return ip, tonumber(port)
end

local peer = {}

function peer.listen(name, ip)
  the(name).listener = assert(socket.bind(ip, 0))
  return bound(peers[name].listener)
end

function peer.accept(name)
  the(name).listener:settimeout(5)
  the(name).socket = assert(the(name).listener:accept())
end

function peer.connect(name, port, to)
  the(name).socket = assert(socket.connect(to or "127.0.0.1", tonumber(port)))
  return bound(peers[name].socket)
end

function peer.refuse(name, ip)
  the(name).held = assert(socket.tcp())
  assert(the(name).held:bind(ip, 0))
  return bound(peers[name].held)
end

function peer.udp(name, ip)
  the(name).socket = assert(socket.udp())
  assert(the(name).socket:setsockname(ip, 0))
  return bound(peers[name].socket)
end

function peer.send(name, data, to, ip)
  if to then
    assert(the(name).socket:sendto(data, ip or "127.0.0.1", tonumber(to)))
  else
    assert(the(name).socket:send(data))
  end
end

function peer.receive(name, expected)
  local object = the(name).socket
  object:settimeout(5)
  local got, ip, port, partial
  if object.receivefrom then
    got, ip, port = object:receivefrom()
  else
    got, ip, partial = object:receive(#expected)
  end
  print("peer " .. name .. " receives")
  print("    expected  " .. show(expected))
  print("    received  " .. (got and show(got) or show(partial) .. " and " .. show(ip)))
  return ip, tonumber(port)
end

function peer.expect(name, state)
  local object = the(name).socket
  object:settimeout(state == "open" and 0 or 5)
  local got, message = object:receive(1)
  print("peer " .. name .. " looks at the connection")
  print("    expected  " .. state)
  print("    saw       " .. (got and "data: " .. show(got) or message == "timeout" and "open" or show(message)))
end

function peer.shutdown(name, way) the(name).socket:shutdown(way) end

function peer.close(name) the(name).socket:close() end

function peer.reset(name)
  the(name).socket:setoption("linger", {on = true, timeout = 0})
  the(name).socket:close()
end
