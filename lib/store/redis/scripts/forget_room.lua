-- Takes a room from an account's, from which its user was removed.
-- KEYS memberships, account
-- ARGV room
-- Returns 1, or 0 where it was not among them.
if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HINCRBY', KEYS[2], 'rooms', 1)
return 1
