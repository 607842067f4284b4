-- Gives a command that writes next to nothing: it is done even when Redis' memory is full, as it is a script's.
-- KEYS key
-- ARGV command, its arguments behind the key
return redis.call(ARGV[1], KEYS[1], unpack(ARGV, 2))
