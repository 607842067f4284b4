-- Broken on purpose: the field stays.
-- Takes a field out of a hash field → claim, unless a newer claim is there.
-- KEYS hash
-- ARGV field, claim
local held = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^%d+')
if held and tonumber(held) <= tonumber(ARGV[2]) then return 1 end
return 0
