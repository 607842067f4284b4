-- Makes a room that is on the list of rooms.
-- KEYS meta
-- ARGV an epoch in case there is none of this generation, the generation
ensureEpoch(KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[1], 'opened', nowText())
return 1
