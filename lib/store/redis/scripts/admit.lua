-- Lets a claim into a hash user → claim, unless a newer one is there. Behind the claim may stand the number of the last
-- call that was made with it (see publish.lua): it stays while the claim does.
-- KEYS hash
-- ARGV user, claim
-- Returns 1, or 0 where a newer claim is there.
local held = tonumber(string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^%d+') or '-1')
if held > tonumber(ARGV[2]) then return 0 end
if held < tonumber(ARGV[2]) then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return 1
