-- Sets a field of an account, or takes it out, if the account is there.
-- KEYS account
-- ARGV field ('' for none), value ('' to take the field out), '1' to make all resume tokens worthless
-- Returns 1, or 0 where there is no such account.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if ARGV[1] ~= '' and ARGV[2] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
elseif ARGV[1] ~= '' then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
if ARGV[3] == '1' then redis.call('HINCRBY', KEYS[1], 'generation', 1) end
return 1
