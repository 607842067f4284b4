-- Gives a log a new epoch, if it still has the one that was found wrong.
-- KEYS meta
-- ARGV the epoch that was found wrong, the new one, the number up to which the log is known to be that of the epoch before
--      ('' for its newest)
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
local since = ARGV[3] == '' and redis.call('HGET', KEYS[1], 'seq') or ARGV[3]
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'previous', ARGV[1], 'since', since or '0')
return 1
