-- Forgets a topic's messages but the last few; its numbers go on.
-- KEYS meta, log
-- ARGV how many stay
-- Returns how many were forgotten.
local seq = tonumber(redis.call('HGET', KEYS[1], 'seq') or '0')
local keep = seq - tonumber(ARGV[1]) + 1
if keep <= 1 then return 0 end
return redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f', keep) .. '-0')
