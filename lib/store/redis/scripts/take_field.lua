-- Takes a field out of a hash.
-- KEYS hash
-- ARGV field
-- Returns its value, or nothing where it is not there.
local value = redis.call('HGET', KEYS[1], ARGV[1])
if value then redis.call('HDEL', KEYS[1], ARGV[1]) end
return value
