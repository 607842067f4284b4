-- Makes an account for an attempt that has an invitation, unless the attempt is void or too old to know that.
-- KEYS account, what voids the attempt
-- ARGV when the attempt began (ms since 1970), how long it is good in ms, field, value, field, value, …
-- Returns 'created', 'taken' or 'invalid'.
if redis.call('EXISTS', KEYS[2]) == 1 or tonumber(nowText()) - tonumber(ARGV[1]) > tonumber(ARGV[2]) then return 'invalid' end
if redis.call('EXISTS', KEYS[1]) == 1 then return 'taken' end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
return 'created'
