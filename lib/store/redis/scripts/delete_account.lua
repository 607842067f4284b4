-- Leaves of an account no more than that its name is taken: nobody logs in or resumes with it, all or nothing.
-- KEYS account
-- ARGV what its user is called now, how often the password had been changed
-- Returns how often it counts as changed now, or 0 where there is no such account or the count is another.
local known = redis.call('HMGET', KEYS[1], 'name', 'deleted', 'passwords')
if not known[1] or known[2] or (known[3] or '0') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'deleted', ARGV[1], 'disabled', '1', 'hash', '', 'role', 'user')
redis.call('HDEL', KEYS[1], 'away')
redis.call('HINCRBY', KEYS[1], 'generation', 1)
return redis.call('HINCRBY', KEYS[1], 'passwords', 1)
