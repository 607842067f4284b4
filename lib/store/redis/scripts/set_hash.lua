-- Changes a password's hash and forgets the resume tokens, both or neither.
-- KEYS account, tokens
-- ARGV hash
redis.call('HSET', KEYS[1], 'hash', ARGV[1])
redis.call('DEL', KEYS[2])
return 1
