-- Adds a name to a set, unless it would hold more than the limit.
-- KEYS set
-- ARGV name, limit
-- Returns 1, or 0 where the set is full.
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 1 then return 1 end
if redis.call('SCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('SADD', KEYS[1], ARGV[1])
return 1
