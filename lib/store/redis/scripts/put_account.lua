-- Makes an account with its second factor, unless the account is there.
-- KEYS account, second factor
-- ARGV how many of what follows are the account's, field, value, …, and the second factor's field, value, …
-- Returns 1, or 0 where it is there.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local count = tonumber(ARGV[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 2, count + 1))
redis.call('DEL', KEYS[2])
if #ARGV > count + 1 then redis.call('HSET', KEYS[2], unpack(ARGV, count + 2)) end
return 1
