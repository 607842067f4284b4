-- Sets a user's read mark of a topic, which never goes back.
-- KEYS marks
-- ARGV topic, the mark's epoch and number, how many of the user's own messages the log had had by then ('' where that is not
-- known), the epoch before and its last number in this log, '1' where a mark that is there stays, how many marks there may be
-- Returns 1 where it was set, else 0.
local marks = KEYS[1]
local topic, epoch, seq, own, previous, since, begin, most = unpack(ARGV)
local known = redis.call('HGET', marks, topic)
if known then
  if begin == '1' then return 0 end
  local of, at = string.match(known, '^(%S+) (%d+)')
  local number = tonumber(at)
  if of ~= epoch then number = of == previous and math.min(number, tonumber(since)) or 0 end
  if number >= tonumber(seq) then return 0 end
elseif redis.call('HLEN', marks) >= tonumber(most) then
  redis.call('HDEL', marks, redis.call('HKEYS', marks)[1])
end
redis.call('HSET', marks, topic, epoch .. ' ' .. seq .. ' ' .. own)
return 1
