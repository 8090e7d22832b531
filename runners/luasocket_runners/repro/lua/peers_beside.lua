-- Another program runs the peers. Start it first, in another terminal:
--     luasocket-conformance peer @ID@
-- and give this script the directory that it prints:
--     lua repro.lua DIRECTORY
local directory = (... or (arg or {})[1]) or ""
local pause = select(2, ...) -- called after each action of a peer: a program that loads this script may run its loop there
local requests = io.open(directory .. "/requests", "r+")
local replies = io.open(directory .. "/replies", "r")
if not requests or not replies then
  io.stderr:write("Another program runs the peers of this script. Start it in another terminal:\n",
    "    luasocket-conformance peer @ID@\n", "and give this script the directory that it prints.\n")
  os.exit(2)
end

-- Asks the program for its action with this number; the values are those of the names that the action uses.
local function request(number, ...)
  local words = {tostring(number)}
  for index = 1, select("#", ...) do
    local value = tostring((select(index, ...)))
    words[#words + 1] = "x" .. value:gsub(".", function(c) return ("%02x"):format(c:byte()) end)
  end
  requests:write(table.concat(words, " "), "\n")
  requests:flush()
  local answer = assert(replies:read("*l"), "the program that runs the peers has ended")
  local results = {}
  for hexadecimal in answer:gmatch(" x(%x*)") do
    results[#results + 1] = hexadecimal:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end)
  end
  if answer:sub(1, 2) ~= "ok" then print("    the peer: " .. answer) end
  return results[1], tonumber(results[2]) or results[2]
end

-- Has the program do an action before the next call.
local function peer(...)
  local ip, port = request(...)
  if type(pause) == "function" then pause() end
  return ip, port
end

-- What the peers still have to do while a call blocks is not done any more.
local function returned() request(0) end
