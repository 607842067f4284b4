-- Finds a room, and notes that it was looked for: it is not forgotten for a while.
-- KEYS meta
-- Returns 1, or 0 where there is none.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'opened', nowText())
return 1
