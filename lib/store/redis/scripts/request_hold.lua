-- Keeps a stranger's message until it is accepted.
-- KEYS the inbox's requests
-- ARGV sender, its cid and the message, its cid, how many may wait
-- Returns 'held', also where it waits already, 'waiting' where another of the sender's does, or 'full'.
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then return string.sub(known, 1, #ARGV[3] + 1) == ARGV[3] .. ' ' and 'held' or 'waiting' end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[4]) then return 'full' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 'held'
