-- Sets fields of a hash, if the session is still the connection's.
-- KEYS session, hash
-- ARGV connection, '1' to empty the hash first, its life in ms ('' to leave it), field, value, field, value, …
-- Returns 1, or 0 where it is no longer this connection's.
if redis.call('HGET', KEYS[1], 'connection') ~= ARGV[1] then return 0 end
if ARGV[2] == '1' then redis.call('DEL', KEYS[2]) end
for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
if ARGV[3] ~= '' then redis.call('PEXPIRE', KEYS[2], ARGV[3]) end
return 1
