-- Moves an inbox's read mark forward, at most to its newest message. Where that is all, nothing is unread of anybody.
-- KEYS meta, what is unread by sender
-- ARGV seq
-- Returns 1, or 0 where it was there already.
local state = redis.call('HMGET', KEYS[1], 'seq', 'read')
local seq = tonumber(state[1] or '0')
local mark = math.min(tonumber(ARGV[1]), seq)
if mark <= tonumber(state[2] or '0') then return 0 end
redis.call('HSET', KEYS[1], 'read', string.format('%.0f', mark))
if mark == seq then redis.call('DEL', KEYS[2]) end
return 1
