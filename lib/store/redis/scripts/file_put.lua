-- Adds a chunk to a file, if it is the next.
-- KEYS file, chunks
-- ARGV the chunk's number, the chunk, when the file expires in ms, at the earliest
-- Returns how many chunks the file has, or -1 where it is gone.
local expires = redis.call('HGET', KEYS[1], 'expires')
if not expires then return -1 end
local have = redis.call('HLEN', KEYS[2])
if have ~= tonumber(ARGV[1]) then return have end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
expires = string.format('%.0f', math.max(tonumber(ARGV[3]), tonumber(expires)))
redis.call('HSET', KEYS[1], 'expires', expires)
redis.call('PEXPIREAT', KEYS[1], expires)
redis.call('PEXPIREAT', KEYS[2], expires)
return have + 1
