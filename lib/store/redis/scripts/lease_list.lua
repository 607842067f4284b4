-- Lists the instances whose lease runs, or those whose lease has run out.
-- KEYS leases
-- ARGV 'live' or 'dead'
local clock = redis.call('TIME')
local now = string.format('%.0f', tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000))
if ARGV[1] == 'live' then return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf') end
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)
