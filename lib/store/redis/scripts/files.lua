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
-- Why there is no room for so many bytes more of an owner's; nil where there is. One owner's files may take so many bytes,
-- and so many percent of what those of others leave free.
local function files_full(owner, bytes, own, percent, all)
  local whole, mine = tonumber(redis.call('HGET', used, 'all') or '0'), tonumber(redis.call('HGET', used, 'user:' .. owner) or '0')
  local more = tonumber(bytes)
  if mine + more > tonumber(own) then return 'full_user' end
  if whole + more > tonumber(all) then return 'full_all' end
  if (mine + more) * 100 > (tonumber(all) - (whole - mine)) * tonumber(percent) then return 'full_share' end
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
