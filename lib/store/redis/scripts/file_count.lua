-- Counts what has come of a file, up to a chunk, and renews its place.
-- KEYS expiry, sizes, used, same
-- ARGV its id, what it counts as then, for how many ms it is kept at least, how many bytes the owner's files may have,
--      and all files
-- Returns {when it expires in ms}, {'full'} where there is no room, or {} where it is not known.
local id, bytes, life, own, all = unpack(ARGV)
local now = files_now()
files_sweep(now, 1000)
local counted, owner, likeness = files_entry(id)
if not counted then return {} end
local more = tonumber(bytes) - counted
if more > 0 then
  if not files_fit(owner, more, own, all) then return {'full'} end
  redis.call('HSET', sizes, id, bytes .. ' ' .. owner .. ' ' .. likeness)
  files_take(owner, more)
end
local until_ms = math.max(now + tonumber(life), tonumber(redis.call('ZSCORE', expiry, id) or '0'))
local expires = string.format('%.0f', until_ms)
redis.call('ZADD', expiry, expires, id)
return {expires}
