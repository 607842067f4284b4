-- Stands before scripts that change which sessions a user has. An account's devices are a hash, device → 'connection claim
-- expires': who has the session ('-' where nobody has), the newest claim, and until when that is remembered.

-- The devices as one text, which is the same as long as they are.
local function devicesText(pairs_)
  local texts = {}
  for i = 1, #pairs_, 2 do table.insert(texts, pairs_[i] .. ' ' .. pairs_[i + 1]) end
  table.sort(texts)
  return table.concat(texts, '\n')
end

-- Whether any device but one has a session.
local function isLive(pairs_, but)
  for i = 1, #pairs_, 2 do
    if pairs_[i] ~= but and string.sub(pairs_[i + 1], 1, 2) ~= '- ' then return true end
  end
  return false
end

local function keepDevice(devices, device, connection, claim, now, life)
  redis.call('HSET', devices, device, connection .. ' ' .. claim .. ' ' .. string.format('%.0f', tonumber(now) + tonumber(life)))
end

-- Forgets what need not be remembered any longer.
local function forgetDevices(devices, now)
  local pairs_ = redis.call('HGETALL', devices)
  for i = 1, #pairs_, 2 do
    local expires = string.match(pairs_[i + 1], '^%- %d+ (%d+)$')
    if expires and tonumber(expires) < tonumber(now) then redis.call('HDEL', devices, pairs_[i]) end
  end
end
