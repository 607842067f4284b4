-- Renews a lease, or sets its end.
-- KEYS leases, ids, names
-- ARGV id, instance, the lease in ms
-- Returns 'kept', 'expired' (it had run out; it holds again) or 'taken' (another instance has the id).
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local held = redis.call('HGET', KEYS[2], ARGV[1])
if held and held ~= ARGV[2] then return 'taken' end
local score = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[2]) or '0')
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[1])
return score > now and 'kept' or 'expired'
