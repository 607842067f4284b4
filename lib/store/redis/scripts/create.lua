-- Makes a hash, unless it is there.
-- KEYS hash
-- ARGV field, value, field, value, …
-- Returns 1, or 0 where it is there.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
