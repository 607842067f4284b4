-- Takes a room from an account's, at the wish of a session that is in many; the room itself is told afterwards.
-- KEYS session, memberships, account
-- ARGV connection, room
-- Returns how often the account's rooms have changed by now, or 0 where the session is no longer this connection's.
if redis.call('HGET', KEYS[1], 'connection') ~= ARGV[1] then return 0 end
if redis.call('HDEL', KEYS[2], ARGV[2]) == 0 then return tonumber(redis.call('HGET', KEYS[3], 'rooms') or '1') end
return redis.call('HINCRBY', KEYS[3], 'rooms', 1)
