-- Writes down that a user is away, or is back.
-- KEYS account, session
-- ARGV what is told ('' where the user is back), the connection that must have the session ('' for any)
-- Returns 1, or 0 where the user has no session, or another connection has it.
local held = redis.call('HGET', KEYS[2], 'connection')
if not held or (ARGV[2] ~= '' and held ~= ARGV[2]) then return 0 end
if ARGV[1] == '' then redis.call('HDEL', KEYS[1], 'away') else redis.call('HSET', KEYS[1], 'away', ARGV[1]) end
return 1
