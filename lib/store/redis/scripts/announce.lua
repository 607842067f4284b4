-- Tells a room that a user came or went, where it is so and was not told before: who announces it may be late, and of several
-- sessions of a user only the first and the last are told.
-- KEYS who is present, who the room was told is
-- ARGV channel, user, 'joined' or 'left', what is told
-- Returns 1, or 0 where it is not told.
local isThere, joined = redis.call('HEXISTS', KEYS[1], ARGV[2]) == 1, ARGV[3] == 'joined'
if isThere ~= joined then return 0 end
local changed = joined and redis.call('HSET', KEYS[2], ARGV[2], '1') or redis.call('HDEL', KEYS[2], ARGV[2])
if changed == 0 then return 0 end
redis.call('SPUBLISH', ARGV[1], ARGV[4])
return 1
