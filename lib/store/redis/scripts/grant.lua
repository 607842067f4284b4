-- Writes down that a session may write to a topic, before the topic itself is told; for a room, that it moves there.
-- KEYS session, grants, tokens
-- ARGV connection, topic, claim, room ('' unless it moves)
-- Returns 1, or 0 where the session is no longer this connection's.
if redis.call('HGET', KEYS[1], 'connection') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[1], 'room', ARGV[4])
  if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('HSET', KEYS[3], 'room', ARGV[4]) end
end
return 1
