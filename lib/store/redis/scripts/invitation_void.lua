-- Sees to it that an attempt makes no account any more, unless it has made it.
-- KEYS account, what voids the attempt
-- ARGV invitation, attempt, how long that is remembered in ms
-- Returns 1 where it has made the account, else 0.
local invitation, attempt = unpack(redis.call('HMGET', KEYS[1], 'invitation', 'attempt'))
if invitation == ARGV[1] and attempt == ARGV[2] then return 1 end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[3])
return 0
