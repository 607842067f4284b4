-- Counts what has come of a file, up to a chunk, and renews its place.
-- KEYS expiry, sizes, used, same
-- ARGV its id, what it counts as then, for how many ms it is kept at least, how many bytes the owner's files may have,
--      how many percent of what others leave, and how many bytes all files may have
-- Returns {when it expires in ms}, {'', why there is no room}, or {} where it is not known.
local id, bytes, life, own, percent, all = unpack(ARGV)
local now = files_now()
files_sweep(now, 1000)
local counted, owner, likeness = files_entry(id)
if not counted then return {} end
local more = tonumber(bytes) - counted
if more > 0 then
  local full = files_full(owner, more, own, percent, all)
  if full then return {'', full} end
  redis.call('HSET', sizes, id, bytes .. ' ' .. owner .. ' ' .. likeness)
  files_take(owner, more)
end
local until_ms = math.max(now + tonumber(life), tonumber(redis.call('ZSCORE', expiry, id) or '0'))
local expires = string.format('%.0f', until_ms)
redis.call('ZADD', expiry, expires, id)
return {expires}
