-- Ends a session, if it is still the connection's.
-- KEYS session, tokens
-- ARGV connection, '1' to revoke the resume tokens
-- Returns 1, or 0 where it is no longer this connection's.
if redis.call('HGET', KEYS[1], 'connection') ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if ARGV[2] == '1' then redis.call('DEL', KEYS[2]) end
return 1
