-- Makes a resume token worthless; those that came after it stay.
-- KEYS tokens
-- ARGV hash of the token
local known = redis.call('HMGET', KEYS[1], 'current', 'previous')
if known[1] == ARGV[1] then return redis.call('DEL', KEYS[1]) end
if known[2] == ARGV[1] then redis.call('HSET', KEYS[1], 'previous', '') end
return 0
