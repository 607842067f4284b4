-- Makes a file for which there is a reservation, or prolongs its life.
-- KEYS file, chunks
-- ARGV when it expires in ms, field, value, field, value, …
-- Returns how many chunks it has, or -1 where it has just been removed: then the reservation is as good as gone.
local expires = tonumber(ARGV[1])
if redis.call('HEXISTS', KEYS[1], 'removed') == 1 then return -1 end
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], unpack(ARGV, 2))
end
expires = string.format('%.0f', math.max(expires, tonumber(redis.call('HGET', KEYS[1], 'expires') or '0')))
redis.call('HSET', KEYS[1], 'expires', expires)
redis.call('PEXPIREAT', KEYS[1], expires)
redis.call('PEXPIREAT', KEYS[2], expires)
return redis.call('HLEN', KEYS[2])
