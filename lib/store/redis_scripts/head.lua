-- Reads where a topic stands; makes its epoch where nobody used it yet.
-- KEYS meta
-- ARGV an epoch in case there is none
-- Returns {epoch, seq, id, read mark}.
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
local state = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'id', 'read')
return {state[1], tonumber(state[2] or '0'), state[3] or '', tonumber(state[4] or '0')}
