-- Says what became of the attempt that has an invitation.
-- KEYS invitation
-- ARGV attempt ('' for none), 'used', 'free' or 'remove'
-- Returns 1, or 0 where another attempt has it, it is used, or it is not there.
if redis.call('EXISTS', KEYS[1]) == 0 or redis.call('HEXISTS', KEYS[1], 'used') == 1 then return 0 end
if (redis.call('HGET', KEYS[1], 'attempt') or '') ~= ARGV[1] then return 0 end
if ARGV[2] == 'used' then redis.call('HSET', KEYS[1], 'used', '1')
elseif ARGV[2] == 'free' then redis.call('HDEL', KEYS[1], 'attempt', 'user', 'since')
else redis.call('DEL', KEYS[1]) end
return 1
