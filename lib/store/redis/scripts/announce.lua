-- Tells a room that somebody came or went, unless it is not so any more: who announces it may be late.
-- KEYS members
-- ARGV channel, user, 'joined' or 'left', what is told
-- Returns 1, or 0 where it is not told.
local isThere = redis.call('HEXISTS', KEYS[1], ARGV[2]) == 1
if isThere ~= (ARGV[3] == 'joined') then return 0 end
redis.call('SPUBLISH', ARGV[1], ARGV[4])
return 1
