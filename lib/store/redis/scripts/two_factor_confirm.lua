-- Switches a second factor on.
-- KEYS second factor
-- ARGV secret, the step of time whose code is used, recovery code's hash, …
-- Returns 1, or 0 where that secret is not to be confirmed.
if redis.call('HEXISTS', KEYS[1], 'on') == 1 or redis.call('HGET', KEYS[1], 'secret') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'on', '1', 'step', ARGV[2])
for i = 3, #ARGV do redis.call('HSET', KEYS[1], 'recovery:' .. ARGV[i], '1') end
return 1
