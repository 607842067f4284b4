-- Notes the use of an access token, if it is there still.
-- KEYS the account's access tokens
-- ARGV name, its id, the token with the time of its use
-- Returns 1, or 0 where it is gone.
local stored = redis.call('HGET', KEYS[1], ARGV[1])
if not stored or string.match(stored, '^(%S*) ') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
