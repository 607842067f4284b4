-- The index of files: KEYS expiry, sizes, used, same.
local expiry, sizes, used, same = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local function files_now()
  local clock = redis.call('TIME')
  return tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
end
local function files_take(field, bytes)
  if redis.call('HINCRBY', used, field, string.format('%.0f', bytes)) <= 0 then redis.call('HDEL', used, field) end
end
local function files_forget(id)
  local bytes, owner, likeness = string.match(redis.call('HGET', sizes, id) or '', '^(%d+) (%S+) (%S+)$')
  redis.call('ZREM', expiry, id)
  redis.call('HDEL', sizes, id)
  if not bytes then return end
  files_take('all', -tonumber(bytes))
  files_take('user:' .. owner, -tonumber(bytes))
  if redis.call('HGET', same, likeness) == id then redis.call('HDEL', same, likeness) end
end
local function files_sweep(now, most)
  local expired = redis.call('ZRANGEBYSCORE', expiry, '-inf', string.format('%.0f', now), 'LIMIT', 0, most)
  for _, id in ipairs(expired) do files_forget(id) end
  return #expired
end
