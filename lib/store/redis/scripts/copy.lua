-- Puts the copy of a private message into the log of what its sender sent: once, and behind those of the sender's earlier
-- messages to the same recipient. Not twice, since what was copied last is known by recipient.
-- KEYS meta, log and talks of what the sender sent, the numbers that were copied last, the meta of the sender's own inbox
-- ARGV channel, an epoch in case there is none of this generation, the generation, the recipient, epoch and number of the
--      message in the recipient's inbox, the number of the sender's message before it there, its id, its time, the copy's
--      body, how many messages are kept, for how many ms, '1' where the body has no text, since the message was deleted
-- Returns {'copied', epoch, seq}, {'known'} where it was copied before, or {'behind', number} where a message before it, but
-- after that number, has to be copied first,
-- or {'deleted'} where the body must have no text.
local meta, log, talks, copied, inbox = unpack(KEYS)
local channel, fresh, generation, to, original, number, earlier, id, time, body, most, age, blank = unpack(ARGV)
local deleted = to .. ' ' .. number -- see erase_ahead.lua
local state = redis.call('HMGET', copied, to, deleted)
local known, last = string.match(state[1] or '', '^(%S*) (%d+)$')
local isDeleted = state[2] == id
last = tonumber(last or '0')
if tonumber(number) <= last then
  -- Unless that inbox came back older, and gave the number to another message.
  local numbers = talks .. ':' .. to
  local index = countCopies(numbers, log, originalOf, tonumber(number))
  local entry = index * width < redis.call('STRLEN', numbers) and entryAt(log, numberAt(numbers, index))
  local found = entry and originalOf(entry[2][6]) == tonumber(number) and entry[2][2]
  if found == id or (not found and known == original) then return {'known'} end
elseif tonumber(earlier) > last then
  return {'behind', last}
end
if isDeleted and blank ~= '1' then return {'deleted'} end

ensureEpoch(meta, fresh, generation)
state = redis.call('HMGET', meta, 'epoch', 'seq', 'id', 'indexed', 'time')
local seq = tonumber(state[2] or '0') + 1
local stamp = string.format('%.0f', math.max(tonumber(time), tonumber(state[5]) or newestTime(log)))
local own = string.format('%.0f', seq)
body = '{"received":' .. (redis.call('HGET', inbox, 'seq') or '0') .. ',' .. string.sub(body, 2)
redis.call('HSET', meta, 'seq', own, 'id', id, 'time', stamp)
redis.call('HSET', copied, to, original .. ' ' .. number)
if isDeleted then redis.call('HDEL', copied, deleted) end
redis.call('XADD', log, own .. '-0', 'i', id, 't', stamp, 'b', body)
if tonumber(state[4] or '0') == seq - 1 then
  addToTalk(talks, to, seq, log)
  redis.call('HSET', meta, 'indexed', own)
end
-- What is over the limits is forgotten in batches, of 1024 at most.
if seq % 64 == 0 then
  local oldest = tonumber(string.match(redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1][1], '^%d+'))
  local keep = math.min(firstKept(log, seq, 0, most, age, false), oldest + 1024)
  redis.call('XTRIM', log, 'MINID', string.format('%.0f', keep) .. '-0')
  forgetTalks(talks, keep)
end
redis.call('SPUBLISH', channel, 'm ' .. state[1] .. ' ' .. own .. ' ' .. stamp .. ' ' .. id .. ' ' .. (state[3] or '-') .. ' ' .. body)
return {'copied', state[1], seq}
