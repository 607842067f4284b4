-- Keeps an invitation, unless it is there.
-- KEYS invitation
-- ARGV until when it is kept (ms since 1970), field, value, field, value, …
-- Returns 1, or 0 where it is there.
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('PEXPIREAT', KEYS[1], ARGV[1])
return 1
