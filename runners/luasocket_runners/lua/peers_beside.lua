-- The peers are played by another program, because one of them acts while a call of this script blocks, or does what
-- LuaSocket cannot. Start it first, in another terminal:
--     luasocket-conformance peer @ID@
-- and give this script the number that it prints:
--     lua repro.lua NUMBER
local number = tonumber((arg or {...})[1] or "")
if not number then
  io.stderr:write("The peers of this script are played beside it. Start them in another terminal:\n",
    "    luasocket-conformance peer @ID@\n", "and give this script the number that is printed there.\n")
  os.exit(2)
end
local control, reason = socket.connect("127.0.0.1", number)
if not control then
  io.stderr:write("Nobody waits at ", number, ": ", reason, ". Start 'luasocket-conformance peer @ID@' anew.\n")
  os.exit(2)
end
control:setoption("tcp-nodelay", true)

-- Has the program do its action with this number; the values are those of the names that the action uses.
local function peer(number, ...)
  local words = {tostring(number)}
  for index = 1, select("#", ...) do
    local value = tostring((select(index, ...)))
    words[#words + 1] = "x" .. value:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  end
  assert(control:send(table.concat(words, " ") .. "\n"))
  local answer = assert(control:receive(), "the program that plays the peers has gone")
  local results = {}
  for hexadecimal in answer:gmatch(" x(%x*)") do
    results[#results + 1] = hexadecimal:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)
  end
  if answer:sub(1, 2) ~= "ok" then print("    the peer: " .. answer) end
  return results[1], tonumber(results[2]) or results[2]
end

-- What the peers still have to do while a call blocks is not done any more.
local function returned() peer(0) end
