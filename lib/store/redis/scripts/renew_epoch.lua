-- Gives a log a new epoch, if it still has the one that was found wrong.
-- KEYS meta
-- ARGV the epoch that was found wrong, the new one
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'epoch', ARGV[2], 'previous', ARGV[1], 'since', redis.call('HGET', KEYS[1], 'seq') or '0')
return 1
