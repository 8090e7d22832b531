local socket = require "@MODULE@"
local unpack = table.unpack or unpack
local names = {}

local function quote(text)
  return '"' .. text:gsub('[%c"\\\128-\255]', function(c) return ("\\%03d"):format(c:byte()) end) .. '"'
end

local function show(value)
  local kind = type(value)
  if kind == "string" then
    if #value > 160 then return quote(value:sub(1, 160)) .. "... (" .. #value .. " bytes)" end
    return quote(value)
  elseif names[value] then
    return names[value]
  elseif kind == "table" and not getmetatable(value) then
    local pieces = {}
    for index = 1, #value do pieces[index] = show(value[index]) end
    local items = #pieces
    for key, item in pairs(value) do
      local is_item = type(key) == "number" and key >= 1 and key <= items and key % 1 == 0
      if not is_item then pieces[#pieces + 1] = "[" .. show(key) .. "] = " .. show(item) end
    end
    return "{" .. table.concat(pieces, ", ") .. "}"
  elseif kind == "number" and not @SUBTYPES@ and value == math.floor(value) and math.abs(value) < 2 ^ 53 then
    return ("%d"):format(value)
  end
  return tostring(value)
end

-- Has an object or a function shown by the name of its variable.
local function name(value, text)
  local kind = type(value)
  if kind == "userdata" or kind == "function" or (kind == "table" and getmetatable(value)) then names[value] = text end
end

local function forget(value)
  if value ~= nil then names[value] = nil end
end

local function list(results, first)
  if results.n < first then return "(nothing)" end
  local pieces = {}
  for index = first, results.n do pieces[#pieces + 1] = show(results[index]) end
  return table.concat(pieces, ", ")
end

local function pack(...) return {n = select("#", ...), ...} end

-- Prints what is expected of a step, runs it, and prints what came of it. The step may hang, or end the program.
local function step(text, expected, run, ...)
  print(text)
  print("    expected  " .. expected)
  io.stdout:flush()
  local began = os.time()
  local results = pack(pcall(run, ...))
  if results[1] then
    print("    returned  " .. list(results, 2))
  else
    print("    raised    " .. show(results[2]))
  end
  local seconds = os.difftime(os.time(), began) -- whole seconds: nothing but the calls under test is asked of the port
  if seconds > 1 then print(("    after     %d s"):format(seconds)) end
  return unpack(results, 2, results.n) -- the results, or the error's value
end
