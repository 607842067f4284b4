-- The index of files: KEYS expiry, sizes, used, same.
local expiry, sizes, used, same = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local function files_now()
  local clock = redis.call('TIME')
  return tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
end
-- What a file counts as, its owner, and what it is told from others by; nothing where it is not known.
local function files_entry(id)
  local bytes, owner, likeness = string.match(redis.call('HGET', sizes, id) or '', '^(%d+) (%S+) (%S+)$')
  return tonumber(bytes), owner, likeness
end
local function files_fit(owner, bytes, own, all)
  local function taken(field) return tonumber(redis.call('HGET', used, field) or '0') + tonumber(bytes) end
  return taken('all') <= tonumber(all) and taken('user:' .. owner) <= tonumber(own)
end
local function files_take(owner, bytes)
  for _, field in ipairs({'all', 'user:' .. owner}) do
    if redis.call('HINCRBY', used, field, string.format('%.0f', bytes)) <= 0 then redis.call('HDEL', used, field) end
  end
end
local function files_forget(id)
  local bytes, owner, likeness = files_entry(id)
  redis.call('ZREM', expiry, id)
  redis.call('HDEL', sizes, id)
  if not bytes then return end
  files_take(owner, -bytes)
  if redis.call('HGET', same, likeness) == id then redis.call('HDEL', same, likeness) end
end
local function files_sweep(now, most)
  local expired = redis.call('ZRANGEBYSCORE', expiry, '-inf', string.format('%.0f', now), 'LIMIT', 0, most)
  for _, id in ipairs(expired) do files_forget(id) end
  return #expired
end
