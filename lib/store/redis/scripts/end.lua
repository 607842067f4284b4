-- Ends a session, if it is still the connection's, by the same claim.
-- KEYS session, tokens
-- ARGV connection, '1' to revoke the resume tokens, claim
-- Returns 1, or 0 where it is no longer this connection's.
local held = redis.call('HMGET', KEYS[1], 'connection', 'claim')
if held[1] ~= ARGV[1] or held[2] ~= ARGV[3] then return 0 end
redis.call('DEL', KEYS[1])
if ARGV[2] == '1' then redis.call('DEL', KEYS[2]) end
return 1
