-- Keeps a secret that is still to be confirmed.
-- KEYS account, second factor
-- ARGV secret
-- Returns 1, or 0 where a second factor is on or there is no such account.
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HEXISTS', KEYS[2], 'on') == 1 then return 0 end
redis.call('HSET', KEYS[2], 'secret', ARGV[1])
return 1
