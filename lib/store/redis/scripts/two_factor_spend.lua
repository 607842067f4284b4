-- Uses a step of time up, and all before it.
-- KEYS second factor
-- ARGV step
-- Returns 1, or 0 where it, or a later one, is used, or no second factor is on.
if redis.call('HEXISTS', KEYS[1], 'on') == 0 then return 0 end
if tonumber(redis.call('HGET', KEYS[1], 'step')) >= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'step', ARGV[1])
return 1
