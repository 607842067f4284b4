-- Reserves the bytes of a file, or renews the reservation of the same one.
-- KEYS expiry, sizes, used, same
-- ARGV an id for a new file, its owner, what it is told from others by, its bytes, a file's life in ms, how many bytes
--      the owner's files may have, and all files
-- Returns {id, when it expires in ms}, or {} where there is no room.
local id, owner, likeness, bytes, life, own, all = unpack(ARGV)
local now = files_now()
files_sweep(now, 1000)
local expires = string.format('%.0f', now + tonumber(life))
local known = redis.call('HGET', same, likeness)
if known then
  redis.call('ZADD', expiry, expires, known)
  return {known, expires}
end
local function taken(field) return tonumber(redis.call('HGET', used, field) or '0') + tonumber(bytes) end
if taken('all') > tonumber(all) or taken('user:' .. owner) > tonumber(own) then return {} end
redis.call('ZADD', expiry, expires, id)
redis.call('HSET', sizes, id, bytes .. ' ' .. owner .. ' ' .. likeness)
redis.call('HSET', same, likeness, id)
files_take('all', tonumber(bytes))
files_take('user:' .. owner, tonumber(bytes))
return {id, expires}
