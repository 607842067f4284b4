-- Ends a session, if it is still the connection's, by the same claim. Who was away is so no longer: a resume brings it back.
-- KEYS session, tokens, account
-- ARGV connection, '1' to revoke the resume tokens, claim
-- Returns 1, or 0 where it is no longer this connection's.
local held = redis.call('HMGET', KEYS[1], 'connection', 'claim')
if held[1] and (held[1] ~= ARGV[1] or held[2] ~= ARGV[3]) then return 0 end
local away = redis.call('HGET', KEYS[3], 'away')
if away then redis.call('HDEL', KEYS[3], 'away') end
if not held[1] then return 0 end
redis.call('DEL', KEYS[1])
if ARGV[2] == '1' then
  redis.call('DEL', KEYS[2])
elseif away and redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('HSET', KEYS[2], 'away', away)
end
return 1
