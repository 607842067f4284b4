-- Sets a field of a hash, or takes it out, if the hash is there.
-- KEYS hash, tokens
-- ARGV field, value ('' to take the field out), '1' to revoke the resume tokens
-- Returns 1, or 0 where there is no such hash.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if ARGV[2] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
if ARGV[3] == '1' then redis.call('DEL', KEYS[2]) end
return 1
