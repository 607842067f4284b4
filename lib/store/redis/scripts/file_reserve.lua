-- Reserves a place for a file, or finds the one of the same file.
-- KEYS expiry, sizes, used, same
-- ARGV an id for a new file, its owner, what it is told from others by, what it counts as while nothing of it is there,
--      and when all of it is, for how many ms it is kept without, how many bytes the owner's files may have, how many percent
--      of what others leave, and how many bytes all files may have
-- Returns {id, when it expires in ms}, or {'', why there would be no room for all of it}.
local id, owner, likeness, bytes, whole, life, own, percent, all = unpack(ARGV)
local now = files_now()
files_sweep(now, 1000)
local known = redis.call('HGET', same, likeness)
local expires = known and redis.call('ZSCORE', expiry, known)
if expires then return {known, string.format('%.0f', tonumber(expires))} end
local full = files_full(owner, whole, own, percent, all)
if full then return {'', full} end
expires = string.format('%.0f', now + tonumber(life))
redis.call('ZADD', expiry, expires, id)
redis.call('HSET', sizes, id, bytes .. ' ' .. owner .. ' ' .. likeness)
redis.call('HSET', same, likeness, id)
files_take(owner, tonumber(bytes))
return {id, expires}
