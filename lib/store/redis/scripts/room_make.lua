-- Makes a room that is on the list of rooms.
-- KEYS meta, record
-- ARGV an epoch in case there is none of this generation, the generation, and field, value, … of a new room's record
if ARGV[3] and redis.call('EXISTS', KEYS[1], KEYS[2]) == 0 then redis.call('HSET', KEYS[2], unpack(ARGV, 3)) end
ensureEpoch(KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[1], 'opened', nowText())
return 1
