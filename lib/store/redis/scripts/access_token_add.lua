-- Adds an access token, and removes those that have expired.
-- KEYS the account's access tokens
-- ARGV name, the token, how many there may be, the time in ms
-- Each value is 'id expires …', where 0 stands for a token that does not expire.
-- Returns 'added', 'taken' where there is one of this name, or 'full' where there are so many.
local pairs_ = redis.call('HGETALL', KEYS[1])
local good, taken = 0, false
for i = 1, #pairs_, 2 do
  local expires = tonumber(string.match(pairs_[i + 1], '^%S* (%d+)'))
  if expires > 0 and expires <= tonumber(ARGV[4]) then
    redis.call('HDEL', KEYS[1], pairs_[i])
  else
    good = good + 1
    taken = taken or pairs_[i] == ARGV[1]
  end
end
if taken then return 'taken' end
if good >= tonumber(ARGV[3]) then return 'full' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 'added'
