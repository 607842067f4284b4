-- Counts who listens to a channel.
-- KEYS a key in the channel's slot
-- ARGV channel
return redis.call('PUBSUB', 'SHARDNUMSUB', ARGV[1])[2]
