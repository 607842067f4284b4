-- Moves an inbox's read mark forward, at most to its newest message.
-- KEYS meta
-- ARGV seq
local state = redis.call('HMGET', KEYS[1], 'seq', 'read')
local mark = math.min(tonumber(ARGV[1]), tonumber(state[1] or '0'))
if mark > tonumber(state[2] or '0') then redis.call('HSET', KEYS[1], 'read', string.format('%.0f', mark)) end
return 1
