-- Replaces a session's resume tokens by a new one, if it is still the connection's.
-- KEYS session, tokens, account
-- ARGV connection, hash of the token, its life in ms, the room that it leads to
-- Returns 1, or 0 where it is no longer this connection's.
local held = redis.call('HMGET', KEYS[1], 'connection', 'since')
if held[1] ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'current', ARGV[2], 'previous', '', 'revoked', '', 'room', ARGV[4], 'since', held[2] or nowText(),
  'generation', redis.call('HGET', KEYS[3], 'generation') or '0')
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
