-- Forgets the oldest of what a log has over its limits; what is unread in an inbox stays.
-- KEYS meta, log, for an inbox and a log of copies its talks, and for an inbox what is unread by sender
-- ARGV how many messages are kept, for how many ms, how many are forgotten at most, and what time it is at most, since a
--      clock that is set forward makes nothing old
-- Returns how many were forgotten.
local meta, log, talks, counts = unpack(KEYS)
local most, age, step, latest = unpack(ARGV)
local oldest = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
if not oldest then
  redis.call('DEL', log)
  return 0
end
local state = redis.call('HMGET', meta, 'seq', 'read')
local read = tonumber(state[2] or '0')
local from = tonumber(string.match(oldest[1], '^%d+'))
local seq = tonumber(state[1] or '0')
local oldestTime = math.min(now(), tonumber(latest)) - tonumber(age)
local keep = math.min(firstSince(log, math.max(1, seq - tonumber(most) + 1), seq, oldestTime), from + tonumber(step))
if counts then keep = math.min(keep, read + 1) end
if keep <= from then return 0 end
if counts then
  -- What was read, but not yet taken out of the count, cannot be taken out later: it is counted anew.
  if tonumber(redis.call('HGET', counts, 'read') or '-1') < keep - 1 then redis.call('DEL', counts) end
end
if talks then
  local others = {}
  for _, entry in ipairs(redis.call('XRANGE', log, '-', string.format('(%.0f-0', keep))) do
    others[string.lower(otherOf(entry[2][6], not counts))] = true
  end
  for other in pairs(others) do cutTalk(talks, other, keep) end
end
local forgotten = redis.call('XTRIM', log, 'MINID', string.format('%.0f-0', keep))
if redis.call('XLEN', log) == 0 then redis.call('DEL', log) end
return forgotten
