-- Renews a lease, or sets its end.
-- KEYS leases, ids, names, since (id → when its instance took it, in ms)
-- ARGV id, instance, the lease in ms, when the instance took the id, how long its lease still runs and
--      what time it should be here by its own clock
-- Returns 'kept', 'expired' (it had run out, or was an earlier instance's in data that was put back; it holds again) or
-- 'taken' (an instance that came later has the id); and the time here.
local id, instance, since = ARGV[1], ARGV[2], ARGV[4]
local now = leaseNow(KEYS[1], instance, ARGV[5], ARGV[6], tonumber(ARGV[3]))
local held = redis.call('HGET', KEYS[2], id)
if held and held ~= instance then
  if tonumber(redis.call('HGET', KEYS[4], id) or '0') > tonumber(since) then return {'taken', now} end
  redis.call('ZADD', KEYS[1], 'XX', 0, held)
end
local score = held == instance and tonumber(redis.call('ZSCORE', KEYS[1], instance) or '0') or 0
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[3]), instance)
redis.call('HSET', KEYS[2], id, instance)
redis.call('HSET', KEYS[3], instance, id)
redis.call('HSET', KEYS[4], id, since)
return {score > now and 'kept' or 'expired', now}
