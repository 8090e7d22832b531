-- The peers are played by another program, because one of them acts while a call of this script blocks, or does what
-- LuaSocket cannot. Start it first, in another terminal:
--     luasocket-conformance peer @ID@
-- and give this script the number that it prints:
--     lua repro.lua NUMBER
local number = assert(tonumber(arg[1]), "give the number that 'luasocket-conformance peer @ID@' prints")
local control = assert(socket.connect("127.0.0.1", number))
control:setoption("tcp-nodelay", true)

-- Has the program do its action with this number; the values are those of the names that the action uses.
local function peer(number, ...)
  local words = {tostring(number)}
  for index = 1, select("#", ...) do
    words[#words + 1] = (tostring((select(index, ...))):gsub(".", function(c) return ("%02x"):format(c:byte()) end))
  end
  assert(control:send(table.concat(words, " ") .. "\n"))
  local answer = assert(control:receive())
  local word, ip, port = answer:match("^(%S+)%s*(%S*)%s*(%S*)")
  if word ~= "ok" then print("    the peer: " .. answer) end
  return ip, tonumber(port)
end
