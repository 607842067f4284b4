-- Adds a device's public key, or notes its use; where there are too many, the one that was used longest ago goes.
-- KEYS keys
-- ARGV key, how many there may be
-- Each value is 'added used'. Times are those of the clock, or later by what it takes for no two to be the same.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local pairs_ = redis.call('HGETALL', KEYS[1])
local mine, others = nil, {}
for i = 1, #pairs_, 2 do
  local added, used = string.match(pairs_[i + 1], '^(%d+) (%d+)$')
  now = math.max(now, tonumber(added) + 1, tonumber(used) + 1)
  if pairs_[i] == ARGV[1] then mine = added else others[#others + 1] = {pairs_[i], tonumber(used)} end
end
if not mine then
  table.sort(others, function(a, b) return a[2] < b[2] end)
  for i = 1, #others - tonumber(ARGV[2]) + 1 do redis.call('HDEL', KEYS[1], others[i][1]) end
end
local stamp = string.format('%.0f', now)
redis.call('HSET', KEYS[1], ARGV[1], (mine or stamp) .. ' ' .. stamp)
return 1
