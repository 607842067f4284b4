-- Reads a piece of a log.
-- KEYS meta, log
-- ARGV an epoch in case there is none of this generation, the generation, 'after' or 'before', a number, how many
--      messages, how many are kept, for how many ms, '1' for an inbox, and '1' where a topic
--      that does not exist is not made
-- Returns {epoch, head's seq, head's id, read mark, oldest number kept, entries, epoch before, its last number here},
-- each entry {'seq-0', {fields}}.
local meta, log = KEYS[1], KEYS[2]
local epoch, generation, direction, bound, limit, most, age, inbox, peek = unpack(ARGV)
if peek == '1' and redis.call('EXISTS', meta) == 0 then return {epoch, 0, '', 0, 1, {}, '', 0} end
ensureEpoch(meta, epoch, generation)
local state = redis.call('HMGET', meta, 'epoch', 'seq', 'id', 'read', 'previous', 'since')
local seq, read = tonumber(state[2] or '0'), tonumber(state[4] or '0')
local first = firstKept(log, seq, read, most, age, inbox == '1')

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
