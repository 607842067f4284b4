-- Notes that a server may owe a user copies of messages to somebody, before it stores any.
-- KEYS what servers may owe ('recipient instance' → 1), the numbers that were copied last by recipient
-- ARGV the recipient, the server's instance, the epoch and number of the last message to the recipient that counts as copied
--      where that is not known ('' for none)
-- Returns the epoch and number of the last message to the recipient that was copied ('' where that is not known), and all
-- that other servers may owe.
redis.call('HSET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], '1')
if ARGV[3] ~= '' and redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then redis.call('HSET', KEYS[2], ARGV[1], ARGV[3]) end
local owed = {redis.call('HGET', KEYS[2], ARGV[1]) or ''}
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.match(field, '%S+$') ~= ARGV[2] then table.insert(owed, field) end
end
return owed
