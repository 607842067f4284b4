-- Counts what is unread in talks, after each one's mark.
-- KEYS meta, log and talks of an inbox
-- ARGV how many messages are kept, for how many ms, how many are counted, then for each talk the other, and the mark's epoch
--      and number ('' where there is none)
-- Returns a number for each.
local meta, log, talks = unpack(KEYS)
local state = redis.call('HMGET', meta, 'epoch', 'seq', 'read', 'previous', 'since', 'talks')
local head = tonumber(state[2] or '0')
local first = firstKept(log, head, tonumber(state[3] or '0'), ARGV[1], ARGV[2], true)
local counts = {}
for at = 4, #ARGV, 3 do
  local other, epoch, number = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local mark = tonumber(state[6] or state[2] or '0')
  if epoch ~= '' then mark = tonumber(number) end
  if epoch ~= '' and epoch ~= state[1] then mark = epoch == state[4] and math.min(mark, tonumber(state[5] or '0')) or 0 end
  local numbers = talks .. ':' .. other
  local count = redis.call('STRLEN', numbers) / width - countBelow(numbers, math.max(mark + 1, first))
  table.insert(counts, math.min(tonumber(ARGV[3]), count))
end
return counts
