-- Adds a room to those of a session that is in many, and to its account's; the room itself is told afterwards.
-- KEYS session, grants, memberships, account
-- ARGV connection, room, claim, how many rooms there may be, where the room was joined
-- Returns how often the account's rooms have changed by now, 'full', or 0 where the session is no longer this connection's.
if redis.call('HGET', KEYS[1], 'connection') ~= ARGV[1] then return 0 end
local changes = tonumber(redis.call('HGET', KEYS[4], 'rooms') or '0')
if redis.call('HEXISTS', KEYS[3], ARGV[2]) == 0 then
  if redis.call('HLEN', KEYS[3]) >= tonumber(ARGV[4]) then return 'full' end
  redis.call('HSET', KEYS[3], ARGV[2], ARGV[5])
  changes = redis.call('HINCRBY', KEYS[4], 'rooms', 1)
end
redis.call('HSET', KEYS[2], 'room:' .. ARGV[2], ARGV[3])
return changes
