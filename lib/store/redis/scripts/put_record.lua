-- Puts a room's record in, unless there is one.
-- KEYS record
-- ARGV field, value, field, value, …
-- Returns 1, or 0 where there is one.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
for i = 1, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1
