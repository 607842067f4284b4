-- Ends what a user has on a device for good: its session and its resume tokens. A connection that has the session is not
-- held again, as this counts for a newer claim.
-- KEYS session, tokens, account, devices, grants
-- ARGV device, for how long that is remembered in ms
-- Returns the session as pairs, its grants as pairs, and 1 where there were resume tokens, else 0.
local session, tokens, account, devices, grants = unpack(KEYS)
local device, life = unpack(ARGV)
local held = redis.call('HGETALL', session)
local generation = redis.call('HGET', tokens, 'generation')
local may = generation == (redis.call('HGET', account, 'generation') or '0') and 1 or 0
if #held == 0 and may == 0 then return {held, {}, 0} end
keepDevice(devices, device, '-', string.format('%.0f', redis.call('HINCRBY', account, 'claims', 1)), nowText(), life)
redis.call('DEL', session, tokens)
if not isLive(redis.call('HGETALL', devices)) then redis.call('HDEL', account, 'away') end
return {held, redis.call('HGETALL', grants), may}
