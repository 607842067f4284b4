-- Reads where a topic stands; makes its epoch where nobody used it yet.
-- KEYS meta
-- ARGV an epoch in case there is none of this generation, the generation
-- Returns {epoch, seq, id, read mark, its newest deletion or ''}.
ensureEpoch(KEYS[1], ARGV[1], ARGV[2])
local state = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'id', 'read', 'deletion')
return {state[1], tonumber(state[2] or '0'), state[3] or '', tonumber(state[4] or '0'), state[5] or ''}
