-- Takes a server's id and its lease. A named id is taken where the lease of who has it has run out, or where that one is
-- known to be gone; else it is the lowest free of server1, …: one whose lease ran out not long ago may belong to a server
-- that could not reach the store, and is about to renew it.
-- KEYS leases (instance by end), ids (id → instance), names (instance → id), since (id → when it was taken, in ms)
-- ARGV id ('' for any), instance, the lease in ms, an instance that is known to be gone ('' for none)
-- Returns {id, the instance that had it until now or '', how many others have a lease that runs, when it was taken, the
-- time here}, or {'', the instance that has the id, when its lease ends}.
local id, instance, lease, gone = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local function holder(name)
  local held = redis.call('HGET', KEYS[2], name)
  return held, held and tonumber(redis.call('ZSCORE', KEYS[1], held) or '0') > now - lease
end
if id == '' then
  local number = 0
  repeat
    number = number + 1
    id = 'server' .. number
    local _, live = holder(id)
  until not live
end
local earlier = holder(id)
local ends = ARGV[1] ~= '' and earlier and earlier ~= gone and tonumber(redis.call('ZSCORE', KEYS[1], earlier) or '0')
if ends and ends > now then return {'', earlier, ends} end
local others = redis.call('ZCOUNT', KEYS[1], '(' .. string.format('%.0f', now), '+inf')
if earlier then redis.call('ZADD', KEYS[1], 'XX', 0, earlier) end
redis.call('ZADD', KEYS[1], now + lease, instance)
redis.call('HSET', KEYS[2], id, instance)
redis.call('HSET', KEYS[3], instance, id)
-- later than any before, even if the clock went back
local since = string.format('%.0f', math.max(now, tonumber(redis.call('HGET', KEYS[4], id) or '0') + 1))
redis.call('HSET', KEYS[4], id, since)
return {id, earlier or '', others, since, now}
