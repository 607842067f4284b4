-- Adds a device's public key, or notes its use.
-- KEYS keys
-- ARGV key, how many there may be
-- Each value is 'added used'. Times are those of the clock, or later by what it takes for no two to be the same.
-- Returns 'added', 'known', or 'full' where there are so many others.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local pairs_ = redis.call('HGETALL', KEYS[1])
local mine
for i = 1, #pairs_, 2 do
  local added, used = string.match(pairs_[i + 1], '^(%d+) (%d+)$')
  now = math.max(now, tonumber(added) + 1, tonumber(used) + 1)
  if pairs_[i] == ARGV[1] then mine = added end
end
if not mine and #pairs_ / 2 >= tonumber(ARGV[2]) then return 'full' end
local stamp = string.format('%.0f', now)
redis.call('HSET', KEYS[1], ARGV[1], (mine or stamp) .. ' ' .. stamp)
return mine and 'known' or 'added'
