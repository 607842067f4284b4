-- Lists the instances whose lease runs, or those whose lease has run out.
-- KEYS leases
-- ARGV 'live' or 'dead', and of a server that asks its instance, how long its lease still runs and what time it should be
--      here by its own clock, and the lease in ms
local now = string.format('%.0f', leaseNow(KEYS[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5] or '0')))
if ARGV[1] == 'live' then return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf') end
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)
