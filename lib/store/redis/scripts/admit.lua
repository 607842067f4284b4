-- Lets a claim into a hash field → claim, unless a newer one is there. Behind the claim may stand the number of the last
-- call that was made with it (see publish.lua): it stays while the claim does. By the claim 0 nobody is there.
-- KEYS hash, and where it tells who is present: user → how many fields the user has in it
-- ARGV field, claim, user
-- Returns 1, or 0 where a newer claim is there.
local known = redis.call('HGET', KEYS[1], ARGV[1])
local held = tonumber(string.match(known or '-1', '^-?%d+'))
local claim = tonumber(ARGV[2])
if held > claim then return 0 end
if held < claim then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
if KEYS[2] and held <= 0 and claim > 0 then redis.call('HINCRBY', KEYS[2], ARGV[3], 1) end
return 1
