-- Takes a field out of a hash field → claim, unless a newer claim is there.
-- KEYS hash, and where it tells who is present: user → how many fields the user has in it
-- ARGV field, claim, user
-- Returns 1, or 0 where it stays or was not there.
local held = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^%d+')
if not held or tonumber(held) > tonumber(ARGV[2]) then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
if KEYS[2] and tonumber(held) > 0 and redis.call('HINCRBY', KEYS[2], ARGV[3], -1) <= 0 then redis.call('HDEL', KEYS[2], ARGV[3]) end
if KEYS[2] and redis.call('EXISTS', KEYS[1]) == 0 then redis.call('DEL', KEYS[2]) end
return 1
