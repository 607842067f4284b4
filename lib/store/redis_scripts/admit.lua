-- Lets a claim into a hash user → claim, unless a newer one is there.
-- KEYS hash
-- ARGV user, claim
-- Returns 1, or 0 where a newer claim is there.
local held = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if held > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
