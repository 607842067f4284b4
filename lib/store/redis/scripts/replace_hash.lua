-- Replaces a hash by another one of the same password.
-- KEYS account
-- ARGV the earlier hash, the new one
-- Returns 1, or 0 where the earlier one is not the account's any more.
if redis.call('HGET', KEYS[1], 'hash') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'hash', ARGV[2])
return 1
