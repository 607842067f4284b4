-- Takes a room off the list, or notes that it was looked at, unless somebody has opened it meanwhile.
-- KEYS rooms (by when each was last looked at, in ms)
-- ARGV room, when it was looked at before, now, '1' where it is gone
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or '-1') ~= tonumber(ARGV[2]) then return 0 end
if ARGV[4] == '1' then return redis.call('ZREM', KEYS[1], ARGV[1]) end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 1
