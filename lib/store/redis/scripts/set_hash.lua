-- Changes a password's hash, counts the change and makes all resume tokens worthless, all or nothing.
-- KEYS account
-- ARGV hash, how often the password may have been changed before ('' where that does not matter)
-- Returns how often it was changed now, or 0 where there is no such account or the count is another.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local passwords = redis.call('HGET', KEYS[1], 'passwords') or '0'
if ARGV[2] ~= '' and ARGV[2] ~= passwords then return 0 end
redis.call('HSET', KEYS[1], 'hash', ARGV[1])
redis.call('HINCRBY', KEYS[1], 'generation', 1)
return redis.call('HINCRBY', KEYS[1], 'passwords', 1)
