-- Reads a piece of a log.
-- KEYS meta, log
-- ARGV an epoch in case there is none of this generation, the generation, 'after' or 'before', a number, how many
--      messages, how many are kept, for how many ms, '1' for an inbox
-- Returns {epoch, head's seq, head's id, read mark, oldest number kept, entries, epoch before, its last number here},
-- each entry {'seq-0', {fields}}.
local meta, log = KEYS[1], KEYS[2]
local epoch, generation, direction, bound, limit, most, age, inbox = unpack(ARGV)
ensureEpoch(meta, epoch, generation)
local state = redis.call('HMGET', meta, 'epoch', 'seq', 'id', 'read', 'previous', 'since')
local seq, read = tonumber(state[2] or '0'), tonumber(state[4] or '0')

-- The oldest that is within the limits. Numbers have no holes and times only grow: bisect.
local function at(number)
  return redis.call('XRANGE', log, string.format('%.0f', number) .. '-0', '+', 'COUNT', 1)[1]
end
local clock = redis.call('TIME')
local oldest = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000) - tonumber(age)
local low, first = at(math.max(1, seq - tonumber(most) + 1)), seq + 1
if low then
  first = tonumber(string.match(low[1], '^%d+'))
  if tonumber(low[2][4]) < oldest then
    local young = seq + 1
    while first < young do
      local middle = math.floor((first + young) / 2)
      local entry = at(middle)
      if entry and tonumber(entry[2][4]) < oldest then first = middle + 1 else young = middle end
    end
  end
end
if inbox == '1' then first = math.min(first, read + 1) end

local entries
if direction == 'after' then
  local from = math.max(first, tonumber(bound) + 1)
  entries = redis.call('XRANGE', log, string.format('%.0f', from) .. '-0', '+', 'COUNT', limit)
else
  local from = string.format('%.0f', math.max(first, 0)) .. '-0'
  local to = bound == '' and '+' or string.format('(%.0f-0', tonumber(bound))
  entries = bound == '0' and {} or redis.call('XREVRANGE', log, to, from, 'COUNT', limit)
end
return {state[1], seq, state[3] or '', read, first, entries, state[5] or '', tonumber(state[6] or '0')}
