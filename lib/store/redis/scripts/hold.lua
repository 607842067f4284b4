-- Sets fields of a hash, if the session is still the connection's.
-- KEYS session, hash
-- ARGV connection, the hash's life in ms ('' to leave it), field, value, field, value, …
-- Returns 1, or 0 where it is no longer this connection's.
if redis.call('HGET', KEYS[1], 'connection') ~= ARGV[1] then return 0 end
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
if ARGV[2] ~= '' then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
return 1
