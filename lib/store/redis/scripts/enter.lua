-- Adds a room to those of a session that is in many, and to its account's; the room itself is told afterwards.
-- KEYS session, grants, memberships
-- ARGV connection, room, claim, how many rooms there may be
-- Returns 1, 'full', or 0 where the session is no longer this connection's.
if redis.call('HGET', KEYS[1], 'connection') ~= ARGV[1] then return 0 end
if redis.call('SISMEMBER', KEYS[3], ARGV[2]) == 0 then
  if redis.call('SCARD', KEYS[3]) >= tonumber(ARGV[4]) then return 'full' end
  redis.call('SADD', KEYS[3], ARGV[2])
end
redis.call('HSET', KEYS[2], 'room:' .. ARGV[2], ARGV[3])
return 1
