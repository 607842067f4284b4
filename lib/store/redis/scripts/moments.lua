-- Stands before the scripts that read a log: finds messages by their time. Numbers have no holes and times only grow, so
-- that it can bisect.
local function now()
  local clock = redis.call('TIME')
  return tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
end
local function entryFrom(log, number)
  return redis.call('XRANGE', log, string.format('%.0f', number) .. '-0', '+', 'COUNT', 1)[1]
end
-- The first number, at least `from`, of a message that is not older than a time; `last` + 1 where none is.
local function firstSince(log, from, last, time)
  local low = entryFrom(log, from)
  if not low then return last + 1 end
  local first, young = tonumber(string.match(low[1], '^%d+')), last + 1
  if tonumber(low[2][4]) >= time then return first end
  while first < young do
    local middle = math.floor((first + young) / 2)
    local entry = entryFrom(log, middle)
    if entry and tonumber(entry[2][4]) < time then first = middle + 1 else young = middle end
  end
  return first
end
-- The first number that is within the limits or, in an inbox, unread.
local function firstKept(log, seq, read, most, age, inbox)
  local first = firstSince(log, math.max(1, seq - tonumber(most) + 1), seq, now() - tonumber(age))
  return inbox and math.min(first, read + 1) or first
end

