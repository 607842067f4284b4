-- Stands before the scripts that need the time as text, in ms.
local function nowText()
  local clock = redis.call('TIME')
  return string.format('%.0f', tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000))
end

