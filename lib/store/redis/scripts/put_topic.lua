-- Makes a log that was gathered beside it a topic's own, unless the topic has messages.
-- KEYS meta, log, gathered log, deletions
-- ARGV field, value, field, value, … of the topic's meta
-- Returns 1, or 0 where the topic has messages; what was gathered is gone in either case.
if tonumber(redis.call('HGET', KEYS[1], 'seq') or '0') > 0 then
  redis.call('DEL', KEYS[3])
  return 0
end
redis.call('DEL', KEYS[1], KEYS[2], KEYS[4])
if redis.call('EXISTS', KEYS[3]) == 1 then
  redis.call('PERSIST', KEYS[3])
  redis.call('RENAME', KEYS[3], KEYS[2])
end
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
