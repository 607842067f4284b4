-- Keeps a report, unless as many are open as may be.
-- KEYS reports: number -> report, and `last`, the number that was given last
-- ARGV the report, how many may be open
-- Returns its number, or 0.
local open = redis.call('HLEN', KEYS[1]) - redis.call('HEXISTS', KEYS[1], 'last')
if open >= tonumber(ARGV[2]) then return 0 end
local id = redis.call('HINCRBY', KEYS[1], 'last', 1)
redis.call('HSET', KEYS[1], id, ARGV[1])
return id
