-- Forgets a room that nobody needs, with all its keys: it has no members and no listeners, nothing young was said in it,
-- and nobody opened it for a while. Who speaks there later begins a new log, of another epoch.
-- Its record stays where it is private or somebody is banned: neither ends by nobody being there.
-- KEYS meta, log, members, who the room was told is present, record, when who spoke in slow mode, deletions
-- ARGV channel, for how many ms a message is kept, for how many ms a room is kept that was opened
-- Returns 1 where there is no such room (any more), else 0.
local meta, log, members = KEYS[1], KEYS[2], KEYS[3]
local now = tonumber(nowText())
if redis.call('EXISTS', members) == 1 then return 0 end
if redis.call('EXISTS', meta) == 1 then
  local opened = tonumber(redis.call('HGET', meta, 'opened') or '0')
  if opened + tonumber(ARGV[3]) > now then return 0 end
  local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  if last and tonumber(last[2][4]) + tonumber(ARGV[2]) > now then return 0 end
  if redis.call('PUBSUB', 'SHARDNUMSUB', ARGV[1])[2] > 0 then return 0 end
end
redis.call('DEL', meta, log, KEYS[4], KEYS[6], KEYS[7])
local isKept = redis.call('HEXISTS', KEYS[5], 'private') == 1
for _, field in ipairs(redis.call('HKEYS', KEYS[5])) do isKept = isKept or string.sub(field, 1, 4) == 'ban:' end
if not isKept then redis.call('DEL', KEYS[5]) end
return 1
