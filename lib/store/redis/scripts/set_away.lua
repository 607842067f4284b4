-- Writes down that a user is away, or is back.
-- KEYS account, devices, and the session that must be a connection's
-- ARGV what is told ('' where the user is back), the connection that must have the session ('' for any)
-- Returns 1, or 0 where the user has no session, or another connection has it.
if KEYS[3] then
  if redis.call('HGET', KEYS[3], 'connection') ~= ARGV[2] then return 0 end
elseif not isLive(redis.call('HGETALL', KEYS[2])) then
  return 0
end
if ARGV[1] == '' then redis.call('HDEL', KEYS[1], 'away') else redis.call('HSET', KEYS[1], 'away', ARGV[1]) end
return 1
