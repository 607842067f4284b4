-- Puts a room on the list of rooms, unless there are as many as there may be.
-- KEYS rooms (by when each was last looked at, in ms), a mark that the list has them all
-- ARGV room, how many there may be ('' for any number), the rooms that are not counted, …
-- Returns 'listed', 'full', or 'unknown' where the list may not have them all.
local rooms, complete = KEYS[1], KEYS[2]
local room, most = ARGV[1], ARGV[2]
if most ~= '' and not redis.call('ZSCORE', rooms, room) then
  if redis.call('EXISTS', complete) == 0 then return 'unknown' end
  local count = redis.call('ZCARD', rooms)
  for i = 3, #ARGV do
    if redis.call('ZSCORE', rooms, ARGV[i]) then count = count - 1 end
  end
  if count >= tonumber(most) then return 'full' end
end
redis.call('ZADD', rooms, nowText(), room)
return 'listed'
