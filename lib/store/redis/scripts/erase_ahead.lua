-- Notes that a private message is deleted whose copy may not be made yet: it is made without the text then.
-- KEYS the numbers that were copied last by recipient
-- ARGV the recipient, the message's number in the recipient's inbox, its id
-- Returns 1, or 0 where no copy is to come.
local last = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^%S* (%d+)$')
if not last or tonumber(ARGV[2]) <= tonumber(last) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], ARGV[3])
return 1
