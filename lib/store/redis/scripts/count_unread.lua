-- Counts the messages after a read mark that are not the user's own, of what the log still has. It reads messages only
-- where the count of the user's own does not tell.
-- KEYS meta, log
-- ARGV the user in lower case, the mark's epoch ('' for an inbox, which has its own mark) and number, how many of the user's
--      own messages the log had had by then ('' where that is not known), how many messages are kept, for how many ms, how
--      many are counted
local meta, log = KEYS[1], KEYS[2]
local user, epoch, number, before, most, age, limit = unpack(ARGV)
limit = tonumber(limit)
local state = redis.call('HMGET', meta, 'epoch', 'seq', 'read', 'previous', 'since', 'by:' .. user)
local head, read = tonumber(state[2] or '0'), tonumber(state[3] or '0')
local mark, own = tonumber(number), tonumber(before)
if epoch == '' then
  mark = read
elseif epoch ~= state[1] then
  mark, own = epoch == state[4] and math.min(mark, tonumber(state[5] or '0')) or 0, nil
end
if mark >= head then return 0 end
local from = math.max(mark + 1, firstKept(log, head, read, most, age, epoch == ''))
local count = head - from + 1
if count <= 0 then return 0 end
if own then
  local since = math.max(0, tonumber(state[6] or '0') - own)
  if since == 0 or from == mark + 1 then return math.max(0, math.min(limit, count - since)) end
  if count - since >= limit then return limit end
end
return math.min(limit, count - ownAmong(log, user, math.max(from, head - limit + 1), head))
