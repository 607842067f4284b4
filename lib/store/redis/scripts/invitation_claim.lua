-- Claims an invitation for an attempt to make an account, where no other attempt has it than one that is void.
-- KEYS invitation
-- ARGV the attempt that is known to be void ('' for none), the new attempt, its user, how long an attempt has it to itself
-- in ms
-- Returns {'claimed', now in ms since 1970}, {'held', attempt, user} by one that may have been cut off, or {'invalid'}.
local fields = redis.call('HMGET', KEYS[1], 'expires', 'attempt', 'user', 'used', 'since')
local expires, attempt, user, used, since = unpack(fields)
local now = nowText()
if not expires or used or tonumber(expires) <= tonumber(now) then return { 'invalid' } end
if (attempt or '') ~= ARGV[1] then
  if not attempt or tonumber(now) - tonumber(since) < tonumber(ARGV[4]) then return { 'invalid' } end
  return { 'held', attempt, user }
end
redis.call('HSET', KEYS[1], 'attempt', ARGV[2], 'user', ARGV[3], 'since', now)
return { 'claimed', now }
