-- Takes a room from those of a session that is in many, and from its account's; the room itself is told afterwards.
-- KEYS session, memberships
-- ARGV connection, room
-- Returns 1, or 0 where the session is no longer this connection's.
if redis.call('HGET', KEYS[1], 'connection') ~= ARGV[1] then return 0 end
redis.call('SREM', KEYS[2], ARGV[2])
return 1
