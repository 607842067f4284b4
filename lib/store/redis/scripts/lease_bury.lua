-- Forgets an instance whose lease has run out, or at once.
-- KEYS leases, ids, names, since
-- ARGV instance, '1' to forget it even while its lease runs
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ARGV[2] ~= '1' and score and tonumber(score) > now then return 0 end
local id = redis.call('HGET', KEYS[3], ARGV[1])
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
if id and redis.call('HGET', KEYS[2], id) == ARGV[1] then
  redis.call('HDEL', KEYS[2], id)
  redis.call('HDEL', KEYS[4], id)
end
return 1
