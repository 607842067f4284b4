-- Removes a file, and leaves a mark for a while: a begin that has found its reservation must not make it again.
-- KEYS file, chunks
-- ARGV for how many ms
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'removed', '1')
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
