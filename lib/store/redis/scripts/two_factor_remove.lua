-- Switches a second factor off.
-- KEYS second factor
-- Returns 1, or 0 where it was not on.
local on = redis.call('HEXISTS', KEYS[1], 'on')
redis.call('DEL', KEYS[1])
return on
