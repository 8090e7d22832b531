-- Prints results in Lua's notation, one call of print a line, so that a program can compare them.
local function show(value)
  if type(value) == "number" then
    if value == math.floor(value) then return ("%.0f"):format(value) end
    local short, longer = ("%.15g"):format(value), ("%.16g"):format(value)
    return tonumber(short) == value and short or tonumber(longer) == value and longer or ("%.17g"):format(value)
  elseif type(value) ~= "string" then
    return tostring(value)
  end
  return '"' .. value:gsub('[%c\127-\255"\\]', function(c) return ("\\%03d"):format(c:byte()) end) .. '"'
end
function print(...)
  local shown = {}
  for i = 1, select("#", ...) do shown[i] = show((select(i, ...))) end
  io.write(table.concat(shown, ", "), "\n")
  io.flush()
end
